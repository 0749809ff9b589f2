"""What an image's environment is made of, and when it is another one; names of images; what is said and refused."""

import sys
import tarfile
from pathlib import Path
from typing import Any

import pytest

import homeport
from homeport.code import CodeTree, PackingError, StorageError, UnsafeCode, collect, open_storage
from homeport.storage import Docker
from homeport_storage.docker_fields import DockerFields
from homeport_storage.images.engine import Engine, Finished, _refused
from homeport_storage.images.environment import DOCKERFILE, Environment, default_base, environment
from homeport_storage.images.import_check import _why
from homeport_storage.images.inside import look
from homeport_storage.images.logins import Login
from homeport_storage.images.names import ImageName, name_of_folder, repository_of


@pytest.fixture
def tree(tmp_path: Path) -> CodeTree:
    root = tmp_path / "project"
    root.mkdir()
    (root / "flow.py").write_text("x = 1\n")
    return collect(root)


def made(tree: CodeTree, identity: str = "sha256:1", **more: Any) -> Environment:
    return environment(DockerFields(**more), tree, lambda base: identity)


def names(built: Environment) -> list[str]:
    with built.context() as stream, tarfile.open(fileobj=stream) as tar:
        return [member.name for member in tar.getmembers()]


def test_the_base_is_the_python_that_registers_unless_said() -> None:
    assert default_base() == f"python:{sys.version_info.major}.{sys.version_info.minor}-slim"


def test_dependencies_come_before_files_and_users_steps_and_the_code_is_not_among_them(
    tree: CodeTree, tmp_path: Path
) -> None:
    (tmp_path / "m.bin").write_bytes(b"m")

    built = made(
        tree,
        base_image="b:1",
        python_dependencies=["requests>=2; python_version > '3'"],
        files={str(tmp_path / "m.bin"): "/m.bin"},
        extra_dockerfile_commands=["RUN mine"],
    )

    kinds = [line.partition(" ")[0] + (" pip" if "pip" in line else "") for line in built.dockerfile.splitlines()]
    assert kinds == ["FROM", "RUN pip", "RUN pip", "COPY", "RUN", "COPY"]
    assert """"requests>=2; python_version > '3'\"""" in built.dockerfile
    assert names(built) == [DOCKERFILE, ".homeport-build/environment.json", ".homeport-build/files/0/m.bin"]


def test_a_changed_flow_is_the_same_environment(tree: CodeTree) -> None:
    before = made(tree)
    (tree.root / "flow.py").write_text("x = 2\n")

    assert made(collect(tree.root)).key == before.key


CHANGES: dict[str, dict[str, Any]] = {
    "base": {"base_image": "other:1"},
    "dependency": {"python_dependencies": ["x"]},
    "variable": {"env_vars": {"A": "1"}},
    "label": {"labels": {"A": "1"}},
    "step": {"extra_dockerfile_commands": ["RUN x"]},
    "directory": {"directory": "/srv"},
    "version": {"homeport_version": "9"},
    "build argument": {"build_kwargs": {"buildargs": {"A": "1"}}},
    "moved base": {"identity": "sha256:2"},
}


@pytest.mark.parametrize("what", CHANGES)
def test_whatever_it_is_made_of_makes_another_environment(tree: CodeTree, what: str) -> None:
    assert made(tree, **CHANGES[what]).key != made(tree).key


def test_a_file_that_is_added_counts_by_its_content(tree: CodeTree, tmp_path: Path) -> None:
    (tmp_path / "m.bin").write_bytes(b"1")
    before = made(tree, files={str(tmp_path / "m.bin"): "/m"})
    (tmp_path / "m.bin").write_bytes(b"2")

    assert made(tree, files={str(tmp_path / "m.bin"): "/m"}).key != before.key


@pytest.mark.parametrize(
    ("text", "reads"),
    [
        ("FROM b\nRUN pip install x\n", False),
        ("FROM b AS one\nFROM c\nCOPY --from=one /x /x\n", False),
        ("FROM b\nCOPY requirements.txt .\n", True),
        ("FROM b\nADD \\\n  . /app\n", True),
    ],
)
def test_the_code_is_part_of_the_context_only_where_a_dockerfile_copies_from_it(
    tree: CodeTree, tmp_path: Path, text: str, reads: bool
) -> None:
    (tmp_path / "D").write_text(text)

    built = made(tree, dockerfile=str(tmp_path / "D"))

    assert ("flow.py" in names(built)) == reads
    assert built.dockerfile.startswith(text)


def test_the_bases_of_a_dockerfile_are_its_images_and_not_its_stages(tree: CodeTree, tmp_path: Path) -> None:
    (tmp_path / "D").write_text(
        "ARG V=1\nFROM --platform=linux/amd64 a:1 AS Build\nFROM build\nFROM x:$V\nFROM scratch\n"
    )

    assert made(tree, dockerfile=str(tmp_path / "D")).bases == ("a:1",)


def test_a_dockerfile_that_is_not_there_is_named(tree: CodeTree, tmp_path: Path) -> None:
    with pytest.raises(PackingError, match=f"{tmp_path}/D"):
        made(tree, dockerfile=str(tmp_path / "D"))


@pytest.mark.parametrize(
    "step",
    [
        "RUN --mount=type=cache,target=/root/.cache pip install x",
        "RUN \\\n  --network=none \\\n  make",
        "COPY --chown=1 --chmod=755 . /app",
        "ADD --checksum=sha256:1 https://x /x",
        "RUN <<EOF\nmake\nEOF",
        "copy <<'FILE' /etc/x\nx\nFILE",
    ],
)
def test_a_step_that_needs_buildkit_is_refused_before_anything_is_built(
    tree: CodeTree, tmp_path: Path, step: str
) -> None:
    (tmp_path / "D").write_text(f"# syntax=docker/dockerfile:1\nFROM b\n{step}\n")

    with pytest.raises(PackingError, match=r"needs BuildKit.*docker build.*local_image=True"):
        made(tree, dockerfile=str(tmp_path / "D"))


def test_a_line_about_syntax_alone_is_built(tree: CodeTree, tmp_path: Path) -> None:
    (tmp_path / "D").write_text("# syntax=docker/dockerfile:1\nFROM b\nRUN cat <<<x; echo $((1 << 2)) --mount\n")

    assert made(tree, dockerfile=str(tmp_path / "D")).bases == ("b",)


def test_a_dockerignore_leaves_files_out_of_folders(tree: CodeTree, tmp_path: Path) -> None:
    for name in ("m/a.py", "m/a.pyc", "m/data/big", "m/data/keep"):
        (tmp_path / name).parent.mkdir(exist_ok=True, parents=True)
        (tmp_path / name).touch()
    (tmp_path / "ignored").write_text("# of Docker\n**/*.pyc\nm/data\n!m/data/keep\na.py\n")

    built = made(tree, files={str(tmp_path / "m"): "/m"}, dockerignore=str(tmp_path / "ignored"))

    assert [name for name in names(built) if "/files/" in name] == [
        ".homeport-build/files/0/a.py", ".homeport-build/files/0/data/keep",
    ]  # fmt: skip
    with pytest.raises(PackingError, match=f"{tmp_path}/nothing, which dockerignore names"):
        made(tree, files={str(tmp_path / "m"): "/m"}, dockerignore=str(tmp_path / "nothing"))


def test_a_folder_without_files_is_named_rather_than_left_to_the_builder(tree: CodeTree, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()

    with pytest.raises(PackingError, match="empty, which files of the Docker storage names, has no file"):
        made(tree, files={str(tmp_path / "empty"): "/m"})


@pytest.mark.parametrize(
    ("text", "registry", "repository", "tag"),
    [
        ("python:3.11-slim", "docker.io", "library/python", "3.11-slim"),
        ("me/flows", "docker.io", "me/flows", ""),
        ("index.docker.io/me/flows:1", "docker.io", "me/flows", "1"),
        ("localhost/x", "localhost", "x", ""),
        ("127.0.0.1:5000/a/b:c", "127.0.0.1:5000", "a/b", "c"),
        ("r.azurecr.io/x@sha256:" + "a" * 64, "r.azurecr.io", "x", ""),
    ],
)
def test_a_name_is_read_as_docker_reads_it(text: str, registry: str, repository: str, tag: str) -> None:
    name = ImageName.parse(text)

    assert (name.registry, name.repository, name.tag) == (registry, repository, tag)


@pytest.mark.parametrize(
    "text", ["", "UPPER", "a b", "x:", "r.io/x@sha256:1", "r.io/../x", "r.io/x@", "-x", "r.io:99999999/x"]
)
def test_what_is_no_name_of_an_image_is_refused(text: str) -> None:
    with pytest.raises(UnsafeCode, match="name of an image"):
        ImageName.parse(text)


@pytest.mark.parametrize(
    ("url", "base"),
    [
        ("r.azurecr.io", "r.azurecr.io/x"),
        ("https://ghcr.io/team/", "ghcr.io/team/x"),
        ("me", "docker.io/me/x"),
        ("docker.io/me", "docker.io/me/x"),
        ("127.0.0.1:5000", "127.0.0.1:5000/x"),
        (None, "localhost/x"),
    ],
)
def test_a_registry_url_is_understood_as_people_write_it(url: str | None, base: str) -> None:
    assert repository_of(url, "x").base == base


def test_a_folder_gives_an_image_its_name() -> None:
    assert name_of_folder(Path("/x/My Project_2")) == "my-project-2"
    assert name_of_folder(Path("/")) == "flows"


REFUSED = {
    "password": {"password": "a-literal"},
    "directory": {"directory": "/"},
    "files": {"files": {"a": "relative"}},
    "env_vars": {"env_vars": {"A": "env:SECRET"}},
    "build_kwargs": {"build_kwargs": {"fileobj": 1}},
    "no_cache": {"build_kwargs": {"no_cache": True}},
    "extra_dockerfile_commands.0": {"extra_dockerfile_commands": ["RUN a\nRUN b"]},
    "zebra": {"zebra": 1},
}


@pytest.mark.parametrize("field", REFUSED)
def test_a_field_that_is_wrong_is_named_and_its_value_is_not_repeated(field: str) -> None:
    with pytest.raises(UnsafeCode) as refused:
        open_storage({"kind": "docker", **REFUSED[field]})

    assert field in str(refused.value)
    assert "a-literal" not in str(refused.value)


def test_the_description_has_the_arguments_of_1x_and_is_opened_as_it_is(tmp_path: Path) -> None:
    described = Docker(
        "r.io", "b", None, "ignored", ["x"], image_name="n", image_tag="t",
        env_vars={"A": "1"}, files={"m.bin": "/m.bin"}, homeport_version="1", local_image=True,
        ignore_healthchecks=True, base_url="unix:///s", tls_config=True, build_kwargs={"nocache": True, "rm": False},
        prefect_directory="/opt/prefect",
        path="/x.py", stored_as_script=True, extra_dockerfile_commands=["RUN x"],
    ).to_dict()  # fmt: skip

    given = open_storage(described)

    assert described["files"] == {str(Path.cwd() / "m.bin"): "/m.bin"}
    assert given.given.directory == "/opt/prefect"  # type: ignore[attr-defined]
    assert given.given.dockerignore == str(Path.cwd() / "ignored")  # type: ignore[attr-defined]
    assert given.given.build_kwargs == {"nocache": True}  # type: ignore[attr-defined]
    assert Docker(dockerfile="D").to_dict()["dockerfile"] == str(Path.cwd() / "D")


def test_arguments_that_contradict_or_mean_another_product_are_refused() -> None:
    with pytest.raises(ValueError, match="base_image or dockerfile"):
        Docker(base_image="b", dockerfile="D")
    with pytest.raises(ValueError, match="homeport_version"):
        Docker(prefect_version="1.4.1")
    with pytest.raises(TypeError, match="run config"):
        Docker(labels=["prod"])  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="'base_image'"):
        Docker(base_imge="b")
    with pytest.raises(ValueError, match="password is the secret itself") as refused:
        Docker(registry_url="r.io", password="hunter2")
    assert "hunter2" not in str(refused.value)


def test_a_tls_config_of_1x_is_taken_over(tmp_path: Path) -> None:
    from docker.tls import TLSConfig

    files = [tmp_path / name for name in ("ca.pem", "cert.pem", "key.pem")]
    for file in files:
        file.touch()
    authority, certificate, key = map(str, files)
    described = Docker(base_url="tcp://e:2376", tls_config=TLSConfig((certificate, key), authority, True)).to_dict()

    assert described["tls_config"] == {
        "ca_cert": authority, "client_cert": certificate, "client_key": key, "verify": True,
    }  # fmt: skip


def test_a_certificate_of_the_engine_that_is_not_there_is_told() -> None:
    with pytest.raises(StorageError, match=r"tls_config .* tcp://e:2376 is wrong"):
        Engine("tcp://e:2376", {"client_cert": "/nowhere/cert.pem", "client_key": "/nowhere/key.pem"})


ENGINE_WORDS = [
    ("unauthorized: authentication required", "StorageDenied", "docker login"),
    ("no basic auth credentials", "StorageDenied", "docker login"),
    ("denied: requested access to the resource is denied", "StorageRefused", "does not allow"),
    ("dial tcp 127.0.0.1:1: connect: connection refused", "StorageUnreachable", "no answer"),
    ("write /x: no space left on device", "StorageRefused", "full"),
    (
        "tag invalid: The image tag 'x' already exists and cannot be overwritten",
        "StorageRefused",
        "Leave image_tag out",
    ),
    ("received unexpected HTTP status: 503 Service Unavailable", "StorageUnreachable", "failure of its own"),
]


@pytest.mark.parametrize(("said", "kind", "words"), ENGINE_WORDS)
def test_what_an_engine_passes_on_of_a_registry_is_told_apart_by_its_words(said: str, kind: str, words: str) -> None:
    error: StorageError = _refused(said, "push to", ImageName.parse("r.io/x:1"), Login("ann", origin="the user 'ann'"))

    assert type(error).__name__ == kind
    assert words in str(error)
    assert "r.io" in str(error)


def test_the_check_in_the_image_says_what_stands_in_the_way(tmp_path: Path) -> None:
    (tmp_path / "flow.py").write_text("from homeport import flow\n@flow\ndef f():\n    return 1\n")
    here = (str(tmp_path), homeport.__version__, (3, 11))

    assert look("flow.py:f", *here) is None
    assert look("flow.py:g", *here) == {
        "problem": "import",
        "found": "FlowNotFound: flow.py has no flow 'g': it is not there. Its flows: f.",
        "missing": None,
        "lines": [],
    }
    too_old = look("flow.py:f", str(tmp_path), homeport.__version__, (99, 0))
    another = look("flow.py:f", str(tmp_path), "9.9.9", (3, 11))
    assert too_old is not None
    assert another is not None
    assert "Choose another base_image" in _why(too_old, Finished(0, ""))
    assert f"it has Homeport {homeport.__version__}" in _why(another, Finished(0, ""))
    assert "exit code 127" in _why({}, Finished(127, "sh: python: not found"))
    assert "had not ended" in _why({}, Finished(124, ""))
