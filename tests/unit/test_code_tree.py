"""Which files a flow's code is."""

import os
import subprocess
import time
from pathlib import Path

import pytest

from homeport.code import CodeChanged, CodeTooLarge, Limits, PackingError, collect, find_root
from homeport.config import load_settings
from homeport.config.errors import ConfigError


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

    with pytest.raises(CodeTooLarge, match="The largest files are data_csv"):
        collect(root, Limits(bytes=1000))
    with pytest.raises(CodeTooLarge, match="2 files"):
        collect(root, Limits(files=1))


def test_too_many_files_are_refused_with_the_folders_that_hold_them_and_the_mend(tmp_path: Path) -> None:
    root = write(tmp_path, flow_py="x")
    for folder, count in (("data", 30), ("lib", 5)):
        (root / folder).mkdir()
        for number in range(count):
            (root / folder / f"{number}.csv").touch()

    with pytest.raises(CodeTooLarge) as error:
        collect(root, Limits(files=10))

    for part in ("36 files", "limit of 10 files", "data/ (30 files", ".homeportignore", "HOMEPORT_CODE_MAX_FILES"):
        assert part in str(error.value)


def test_counting_ends_where_it_would_take_too_long(tmp_path: Path) -> None:
    root = write(tmp_path, flow_py="x")
    for number in range(30):
        (root / f"{number}.csv").touch()

    with pytest.raises(CodeTooLarge, match="more than 21 files"):
        collect(root, Limits(files=2))


def test_a_tree_of_too_many_bytes_is_refused_before_any_of_them_is_read(tmp_path: Path) -> None:
    root = write(tmp_path, flow_py="x")
    (root / "models").mkdir()
    with (root / "models/huge.bin").open("wb") as out:
        out.truncate(6 * 1024**3)

    began = time.process_time()
    with pytest.raises(CodeTooLarge) as error:
        collect(root)
    took = time.process_time() - began

    for part in ("6.0 GiB", "models/ (1 files, 6.0 GiB)", "models/huge.bin (6.0 GiB)", "HOMEPORT_CODE_MAX_BYTES"):
        assert part in str(error.value)
    assert took < 1  # hashing it takes ten


def test_the_limits_are_those_of_the_settings_and_zero_is_none(tmp_path: Path) -> None:
    root = write(tmp_path / "project", flow_py="x", other_py="y")
    home = {"HOMEPORT_HOME": str(tmp_path / "home")}

    few = load_settings(environ={**home, "HOMEPORT_CODE_MAX_FILES": "1"})
    none = load_settings(environ={**home, "HOMEPORT_CODE_MAX_FILES": "0", "HOMEPORT_CODE_MAX_BYTES": "0"})

    with pytest.raises(CodeTooLarge):
        collect(root, Limits.of(few))
    assert len(collect(root, Limits.of(none)).manifest.files) == 2
    with pytest.raises(ConfigError, match="code_max_bytes is 'much'"):
        Limits.of(load_settings(environ={**home, "HOMEPORT_CODE_MAX_BYTES": "much"}))


def test_two_names_of_one_file_are_two_files_of_equal_content(tmp_path: Path) -> None:
    root = write(tmp_path, flow_py="x")
    (root / "again.py").hardlink_to(root / "flow.py")

    assert names(root) == ["again.py", "flow.py"]


def test_a_pipe_and_a_socket_are_no_code(tmp_path: Path) -> None:
    root = write(tmp_path, flow_py="x")
    os.mkfifo(root / "pipe")

    assert names(root) == ["flow.py"]


def test_a_file_that_became_a_pipe_does_not_block_its_reader(tmp_path: Path) -> None:
    tree = collect(write(tmp_path, flow_py="x"))
    (tmp_path / "flow.py").unlink()
    os.mkfifo(tmp_path / "flow.py")

    with pytest.raises(PackingError, match=r"flow\.py cannot be read \(it is no longer a file\)"):
        list(tree.chunks(tree.manifest.files[0]))


def test_a_file_that_grows_without_end_is_read_to_where_it_was(tmp_path: Path) -> None:
    tree = collect(write(tmp_path, log_txt="x" * 10))
    with (tmp_path / "log_txt").open("ab") as out:
        out.truncate(50 * 1024 * 1024)

    read: list[bytes] = []
    with pytest.raises(CodeChanged):
        read.extend(tree.chunks(tree.manifest.files[0]))

    assert sum(map(len, read)) == 11


@pytest.mark.parametrize(
    ("patterns", "left"),
    [
        ("*.csv", ["data/keep.txt", "flow.py"]),
        ("data", ["flow.py"]),
        ("/data/", ["flow.py"]),
        ("data/*.csv", ["data/deep/b.csv", "data/keep.txt", "flow.py"]),
        ("**/deep", ["data/a.csv", "data/keep.txt", "flow.py"]),
        ("*.[ct]*", ["flow.py"]),
        ("*\n!flow.py", ["flow.py"]),
        ("data/*\n!data/keep.txt", ["data/keep.txt", "flow.py"]),
        ("?eep", ["data/a.csv", "data/keep.txt", "flow.py"]),
        ("  \n# data\n\\#x", ["data/a.csv", "data/deep/b.csv", "data/keep.txt", "flow.py"]),
        ("deep/\nflow.py/", ["data/a.csv", "data/keep.txt", "flow.py"]),
        ("*.csv  \n da*", ["data/keep.txt", "flow.py"]),
        ("[d]ata\n!data", ["data/a.csv", "data/deep/b.csv", "data/keep.txt", "flow.py"]),
    ],
)
def test_patterns_of_every_shape_leave_behind_what_git_would(tmp_path: Path, patterns: str, left: list[str]) -> None:
    for name in ("flow.py", "data/a.csv", "data/keep.txt", "data/deep/b.csv"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("x")
    subprocess.run(["git", "init", "-q", str(tmp_path)], check=True)
    (tmp_path / ".gitignore").write_text(patterns + "\n.gitignore\n")
    listed = ["git", "-C", str(tmp_path), "ls-files", "--others", "--exclude-standard"]
    git = subprocess.run(listed, check=True, capture_output=True, text=True).stdout.split()
    (tmp_path / ".gitignore").unlink()
    (tmp_path / ".homeportignore").write_text(patterns + "\n.homeportignore\n")

    assert names(tmp_path) == left == sorted(git)


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
