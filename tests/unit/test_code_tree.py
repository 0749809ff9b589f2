"""Which files a flow's code is."""

import os
from pathlib import Path

import pytest

from homeport.code import CodeChanged, CodeTooLarge, Limits, PackingError, collect, find_root


def write(root: Path, **files: str) -> Path:
    for name, content in files.items():
        path = root / name.replace("__", "/").replace("_py", ".py")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)
    return root


def names(root: Path) -> list[str]:
    return [file.path for file in collect(root).manifest.files]


@pytest.mark.parametrize("marker", ["pyproject.toml", ".git", ".homeportignore"])
def test_the_root_is_the_nearest_parent_with_a_project_marker(tmp_path: Path, marker: str) -> None:
    (tmp_path / marker).touch()
    write(tmp_path, flows__poke_py="")

    assert find_root(tmp_path / "flows" / "poke.py") == tmp_path


def test_a_file_without_a_project_around_it_has_its_own_folder_as_root(tmp_path: Path) -> None:
    write(tmp_path, flows__poke_py="")

    assert find_root(tmp_path / "flows" / "poke.py") == tmp_path / "flows"


def test_a_given_root_wins_and_must_contain_the_file(tmp_path: Path) -> None:
    write(tmp_path, a__flows__poke_py="", b__other_py="")

    assert find_root(tmp_path / "a/flows/poke.py", tmp_path) == tmp_path
    with pytest.raises(PackingError, match="is not in the root"):
        find_root(tmp_path / "a/flows/poke.py", tmp_path / "b")


def test_what_machines_make_by_themselves_is_left_behind(tmp_path: Path) -> None:
    write(tmp_path, flow_py="x = 1")
    for left in (".git/HEAD", "__pycache__/flow.pyc", "node_modules/a.js", ".env", ".env.local", "sub/.venv/x"):
        (tmp_path / left).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / left).write_text("left")
    (tmp_path / "my-environment").mkdir()
    (tmp_path / "my-environment/pyvenv.cfg").touch()
    (tmp_path / "my-environment/python").touch()

    assert names(tmp_path) == ["flow.py"]


def test_homeportignore_has_the_syntax_of_gitignore_and_wins_over_the_defaults(tmp_path: Path) -> None:
    write(tmp_path, flow_py="", data__big_csv="", data__keep_csv="", notes_md="")
    (tmp_path / ".env").write_text("A=1")
    (tmp_path / ".homeportignore").write_text("# comment\ndata/*\n!data/keep_csv\n!.env\n.homeportignore\n")

    tree = collect(tmp_path)

    assert [file.path for file in tree.manifest.files] == [".env", "data/keep_csv", "flow.py", "notes_md"]
    assert ".env looks like environment settings" in tree.warnings[0]


def test_equal_trees_have_equal_digests_whatever_their_times_and_umask(tmp_path: Path) -> None:
    first, second = write(tmp_path / "a", flow_py="x", lib__m_py="y"), write(tmp_path / "b", lib__m_py="y", flow_py="x")
    (second / "flow.py").chmod(0o600)
    os.utime(second / "flow.py", (1, 1))

    assert collect(first).digest == collect(second).digest


@pytest.mark.parametrize("change", ["content", "name", "mode"])
def test_any_change_makes_another_digest(tmp_path: Path, change: str) -> None:
    root = write(tmp_path, flow_py="x")
    before = collect(root).digest

    if change == "content":
        (root / "flow.py").write_text("y")
    elif change == "name":
        (root / "flow.py").rename(root / "flow2.py")
    else:
        (root / "flow.py").chmod(0o755)

    assert collect(root).digest != before


def test_a_link_out_of_the_tree_is_refused_by_name(tmp_path: Path) -> None:
    root = write(tmp_path / "project", flow_py="")
    (tmp_path / "secret").write_text("s")
    (root / "data").symlink_to(tmp_path / "secret")

    with pytest.raises(PackingError, match=r"data is a link to .*secret, outside of the tree"):
        collect(root)


def test_a_link_within_the_tree_is_sent_as_what_it_points_to(tmp_path: Path) -> None:
    root = write(tmp_path, lib__m_py="content")
    (root / "alias.py").symlink_to("lib/m.py")
    (root / "package").symlink_to("lib")

    tree = collect(root)

    assert names(root) == ["alias.py", "lib/m.py", "package/m.py"]
    assert len({file.sha256 for file in tree.manifest.files}) == 1


@pytest.mark.parametrize("target", ["nowhere", "."])
def test_a_link_to_nothing_or_in_a_circle_is_refused_by_name(tmp_path: Path, target: str) -> None:
    root = write(tmp_path, flow_py="")
    (root / "loop").symlink_to(target)

    with pytest.raises(PackingError, match="loop is a link"):
        collect(root)


def test_names_that_differ_by_case_only_are_refused(tmp_path: Path) -> None:
    root = write(tmp_path, Words_py="", words_py="")

    with pytest.raises(PackingError, match=r"'Words.py' and 'words.py' are one name"):
        collect(root)


def test_a_name_that_is_not_text_is_refused(tmp_path: Path) -> None:
    Path(os.fsdecode(os.fsencode(tmp_path) + b"/bad\xff.py")).touch()

    with pytest.raises(PackingError, match="not UTF-8"):
        collect(tmp_path)


def test_a_tree_over_the_limit_is_refused_with_its_largest_files(tmp_path: Path) -> None:
    root = write(tmp_path, flow_py="x", data_csv="y" * 5000)

    with pytest.raises(CodeTooLarge, match="The largest are data_csv"):
        collect(root, Limits(bytes=1000))
    with pytest.raises(CodeTooLarge, match="2 files"):
        collect(root, Limits(files=1))


def test_a_file_that_changes_after_it_was_hashed_is_noticed_when_it_is_stored(tmp_path: Path) -> None:
    tree = collect(write(tmp_path, flow_py="before"))

    (tmp_path / "flow.py").write_text("after!")

    with pytest.raises(CodeChanged, match=r"flow\.py changed"):
        list(tree.chunks(tree.manifest.files[0]))


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("prod.env", "A=1"),
        ("deploy/id_rsa", "x"),
        ("certs/server.pem", "-----BEGIN RSA PRIVATE KEY-----\nx"),
        ("account.json", '{"private_key": "x", "client_email": "y"}'),
        (".aws/credentials", "x"),
        ("settings.py", f"KEY = 'hp_admin_{'0' * 12}_{'0123456789abcdef' * 4}{'5f' * 4}'"),
    ],
)
def test_secrets_that_would_be_sent_are_named(tmp_path: Path, name: str, content: str) -> None:
    (tmp_path / name).parent.mkdir(exist_ok=True)
    (tmp_path / name).write_text(content)

    assert any(name in warning for warning in collect(tmp_path).warnings)


def test_examples_of_settings_are_no_secrets(tmp_path: Path) -> None:
    (tmp_path / "prod.env.example").write_text("A=")

    assert collect(tmp_path).warnings == ()


def test_folders_to_leave_out_are_no_code_wherever_they_lie(tmp_path: Path) -> None:
    write(tmp_path, flow_py="flow")
    (tmp_path / "var" / "home").mkdir(parents=True)
    (tmp_path / "var" / "home" / "keys.json").write_text("hp_admin_...")

    tree = collect(tmp_path, leave_out=(tmp_path / "var" / ".." / "var" / "home",))

    assert [file.path for file in tree.manifest.files] == ["flow.py"]
