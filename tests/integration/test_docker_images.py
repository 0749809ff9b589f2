"""Images as they are built, pushed and fetched by a real engine and a real registry; and each way in which it fails."""

import gzip
import json
import os
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path, PurePosixPath
from typing import Any

import pytest

from homeport.code import (
    BuildFailed,
    CodeMissing,
    CodeTree,
    DigestMismatch,
    NotImportable,
    PackingError,
    StorageDenied,
    StorageRefused,
    StorageUnreachable,
    Stored,
    UnsafeCode,
    Verifies,
    collect,
    open_storage,
)
from homeport_storage.images import layers
from tests.services.docker_world import DEPENDENCIES, READY, DockerWorld
from tests.services.registry import DockerRegistry
from tests.services.small_disk import small_disk

FLOW = """
from homeport import flow
from lib.words import HELLO

@flow
def hello():
    return HELLO
"""


@pytest.fixture
def tree(tmp_path: Path) -> CodeTree:
    root = tmp_path / "project"
    (root / "lib").mkdir(parents=True)
    (root / "flow.py").write_text(FLOW)
    (root / "lib/words.py").write_text("HELLO = 'hello'\n")
    (root / ".dockerignore").write_text("lib\n")
    return collect(root)


def changed(tree: CodeTree) -> CodeTree:
    (tree.root / "lib/words.py").write_text("HELLO = 'good day'\n")
    return collect(tree.root)


def verify(described: dict[str, Any], stored: Stored, entrypoint: str = "flow.py:hello") -> None:
    storage = open_storage(described)
    assert isinstance(storage, Verifies)
    storage.verify(stored, entrypoint)


def test_a_changed_flow_sends_its_layer_a_config_and_a_manifest_and_builds_nothing(
    docker_world: DockerWorld, tree: CodeTree
) -> None:
    storage = docker_world.storage()
    first = storage.put(tree)
    before, built = set(docker_world.registry.blobs()), docker_world.images()

    second = storage.put(changed(tree))

    assert len(set(docker_world.registry.blobs()) - before) == 3
    assert docker_world.images() == built
    assert second.reference["image"] != first.reference["image"]
    assert 0 < second.sent_bytes < 1000


def test_the_same_code_in_another_environment_is_another_image_with_the_same_layer(
    docker_world: DockerWorld, tree: CodeTree
) -> None:
    described = docker_world.described()
    first = open_storage(described).put(tree)

    second = open_storage({**described, "env_vars": {"STAGE": "test"}}).put(tree)

    assert second.digest == first.digest == tree.digest
    assert second.reference["image"] != first.reference["image"]
    assert second.sent_bytes == 0


def test_the_image_is_what_the_options_say(docker_world: DockerWorld, tree: CodeTree, tmp_path: Path) -> None:
    (tmp_path / "model.txt").write_text("a model\n")
    (tmp_path / "data").mkdir()
    (tmp_path / "data/one.csv").write_text("1\n")
    described = docker_world.described(
        image_tag="stable",
        env_vars={"QUOTED": 'a "b" $HOME \\ c'},
        files={str(tmp_path / "model.txt"): "/models/", str(tmp_path / "data"): "/data"},
        labels={"team": "data $x"},
        extra_dockerfile_commands=["RUN echo built > /built.txt"],
        directory="/srv/work",
    )

    stored = open_storage(described).put(tree)

    verify(described, stored)
    tag = stored.reference["tag"]
    assert tag == f"{docker_world.registry.host}/{described['image_name']}:stable"
    login = docker_world.docker_config(tmp_path / "docker")
    docker_world.engine.docker("--config", str(login), "pull", "-q", stored.reference["image"])
    shown = docker_world.engine.docker(
        "run", "--rm", "--network=none", stored.reference["image"], "sh", "-c",
        "echo $QUOTED; cat /models/model.txt /data/one.csv /built.txt; cd /srv/work/code; cat lib/words.py; ls -la",
    )  # fmt: skip
    docker_world.engine.docker("rmi", stored.reference["image"])
    for part in ('a "b" $HOME \\ c', "a model", "built", "HELLO = 'hello'", ".dockerignore"):
        assert part in shown
    assert stored.reference["directory"] == "/srv/work"
    assert stored.reference["env_vars"] == {"QUOTED": 'a "b" $HOME \\ c'}
    assert docker_world.containers() == []


def test_a_dockerfile_of_ones_own_is_respected_and_sees_exactly_the_collected_files(
    docker_world: DockerWorld, tree: CodeTree, tmp_path: Path
) -> None:
    (tree.root / "requirements.txt").write_text("nothing\n")
    (tree.root / "secret.key").write_text("x")
    (tree.root / ".homeportignore").write_text("secret.key\n")
    dockerfile = tmp_path / "My.Dockerfile"
    dockerfile.write_text(
        f"FROM {READY}\nWORKDIR /app\nCOPY . /app\nRUN test -f lib/words.py && ! test -e secret.key\n"
    )
    described = docker_world.described(base_image=None, dockerfile=str(dockerfile))
    tree = collect(tree.root)

    stored = open_storage(described).put(tree)
    verify(described, stored)
    again = open_storage(described).put(tree)

    assert again.reference == stored.reference
    assert again.sent_bytes == 0
    fetched = open_storage(stored.reference).fetch(stored.reference, stored.digest, tmp_path / "out")
    assert fetched == tree.manifest


def test_with_an_environment_in_the_registry_a_changed_flow_needs_no_engine(
    docker_world: DockerWorld, tree: CodeTree, tmp_path: Path
) -> None:
    base = docker_world.push_base("base/python:1")
    described = docker_world.described(base_image=base, local_image=False)
    open_storage(described).put(tree)
    nowhere = {**described, "base_url": f"unix://{tmp_path}/none.sock"}

    stored = open_storage(nowhere).put(changed(tree))

    assert (
        open_storage(stored.reference).fetch(stored.reference, stored.digest, tmp_path / "out").digest == stored.digest
    )


def test_a_base_image_that_was_moved_makes_a_new_environment(docker_world: DockerWorld, tree: CodeTree) -> None:
    docker_world.engine.docker("tag", READY, "homeport-tests/moved:1")
    described = docker_world.described(base_image="homeport-tests/moved:1")
    first = open_storage(described).put(tree)
    built = docker_world.engine.docker("build", "-q", "-", stdin=f"FROM {READY}\nENV MOVED=yes\n".encode())
    docker_world.engine.docker("tag", built, "homeport-tests/moved:1")

    second = open_storage(described).put(tree)

    assert second.reference["image"] != first.reference["image"]


def test_two_registrations_at_once_end_with_one_image(docker_world: DockerWorld, tree: CodeTree) -> None:
    described = docker_world.described()
    open_storage(described).put(tree)
    tree = changed(tree)
    gate = threading.Barrier(4)

    def put(_: int) -> Stored:
        gate.wait()
        return open_storage(described).put(tree)

    with ThreadPoolExecutor(4) as threads:
        done = list(threads.map(put, range(4)))

    assert len({stored.reference["image"] for stored in done}) == 1


def test_registering_again_mends_a_registry_that_lost_the_layer(
    docker_world: DockerWorld, tree: CodeTree, tmp_path: Path
) -> None:
    storage = docker_world.storage()
    stored = storage.put(tree)
    code_blob(docker_world, tree).unlink()
    with pytest.raises(CodeMissing, match="not in the registry any more"):
        storage.fetch(stored.reference, stored.digest, tmp_path / "out")

    again = storage.put(tree)

    assert again.reference == stored.reference
    assert storage.fetch(stored.reference, stored.digest, tmp_path / "out") == tree.manifest


@pytest.mark.parametrize("entrypoint", ["flow.py:hello", "lib/words.py:absent"])
def test_verifying_leaves_neither_container_nor_image_behind(
    docker_world: DockerWorld, tree: CodeTree, entrypoint: str
) -> None:
    described = docker_world.described()
    stored = open_storage(described).put(tree)
    before = docker_world.images()

    if entrypoint == "flow.py:hello":
        verify(described, stored, entrypoint)
    else:
        with pytest.raises(NotImportable, match="no flow 'absent'"):
            verify(described, stored, entrypoint)

    assert docker_world.containers() == []
    assert docker_world.images() == before


def test_a_flow_that_the_image_cannot_import_is_refused_with_the_line_and_the_mend(
    docker_world: DockerWorld, tree: CodeTree
) -> None:
    (tree.root / "lib/words.py").write_text("\nimport pandas as pd\n")
    described = docker_world.described()
    stored = open_storage(described).put(collect(tree.root))

    with pytest.raises(NotImportable) as refused:
        verify(described, stored)

    for part in ("flow.py:hello", "No module named 'pandas'", "lib/words.py, line 2: import pandas as pd",
                 "python_dependencies", stored.reference["tag"]):  # fmt: skip
        assert part in str(refused.value)
    verify({**described, "ignore_healthchecks": True}, stored)


def test_the_import_check_has_no_network_and_nothing_of_this_machines_environment(
    docker_world: DockerWorld, tree: CodeTree, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MY_TOKEN", "token-of-this-machine")
    (tree.root / "lib/words.py").write_text(
        "import os, socket\nassert 'MY_TOKEN' not in os.environ\n"
        f"socket.create_connection(('127.0.0.1', {docker_world.registry.port}), 2)\n"
    )
    described = docker_world.described()
    stored = open_storage(described).put(collect(tree.root))

    with pytest.raises(NotImportable, match=r"ConnectionRefusedError|Network is unreachable"):
        verify(described, stored)


def test_homeport_comes_from_a_wheel_where_no_index_has_it(
    docker_world: DockerWorld, tree: CodeTree, homeport_wheel: Path
) -> None:
    described = docker_world.described(base_image=DEPENDENCIES, homeport_wheel=str(homeport_wheel))

    stored = open_storage(described).put(tree)

    verify(described, stored)


def test_a_base_without_homeport_and_no_index_says_how_to_bring_it(docker_world: DockerWorld, tree: CodeTree) -> None:
    with pytest.raises(BuildFailed) as failed:
        docker_world.storage(base_image=DEPENDENCIES).put(tree)

    assert "No matching distribution found for homeport" in str(failed.value)
    assert "homeport_wheel" in str(failed.value)


def test_a_step_that_fails_is_shown_with_its_last_lines_and_without_secrets(
    docker_world: DockerWorld, tree: CodeTree
) -> None:
    step = 'RUN for i in $(seq 400); do echo "line $i"; done; echo "with $TOKEN"; false'
    described = docker_world.described(
        extra_dockerfile_commands=["ARG TOKEN", step], build_kwargs={"buildargs": {"TOKEN": "very-secret-token"}}
    )

    with pytest.raises(BuildFailed) as failed:
        open_storage(described).put(tree)

    message = str(failed.value)
    assert "RUN for i in" in message
    assert "line 400" in message
    assert "line 100\n" not in message
    assert "very-secret-token" not in message
    assert "with ***" in message
    assert described["image_name"] in message
    assert docker_world.containers() == []


def test_a_dependency_that_does_not_exist_fails_with_pips_own_words(docker_world: DockerWorld, tree: CodeTree) -> None:
    with pytest.raises(BuildFailed, match="No matching distribution found for no-such-package-x"):
        docker_world.storage(python_dependencies=["no-such-package-x==1"]).put(tree)


@pytest.mark.parametrize("where", ["here", "registry"])
def test_a_base_image_that_does_not_exist_is_named(docker_world: DockerWorld, tree: CodeTree, where: str) -> None:
    base = f"{docker_world.registry.host}/no/such:1"

    with pytest.raises(BuildFailed) as failed:
        docker_world.storage(base_image=base, local_image=where == "here").put(tree)

    assert "no such base image" in str(failed.value)
    assert base in str(failed.value)
    assert "base_image" in str(failed.value)


def test_an_engine_that_does_not_run_is_said_with_its_address(
    docker_world: DockerWorld, tree: CodeTree, tmp_path: Path
) -> None:
    with pytest.raises(StorageUnreachable) as unreachable:
        docker_world.storage(base_url=f"unix://{tmp_path}/none.sock").put(tree)

    for part in (f"{tmp_path}/none.sock", "Start it", "base_url"):
        assert part in str(unreachable.value)


def test_a_registry_that_is_away_leaves_nothing_half_done_and_the_next_try_goes_on(
    docker_world: DockerWorld, tree: CodeTree
) -> None:
    storage = docker_world.storage()
    storage.put(tree)
    with docker_world.registry.away(), pytest.raises(StorageUnreachable) as unreachable:
        storage.put(changed(tree))

    assert docker_world.registry.host in str(unreachable.value)
    assert storage.put(collect(tree.root)).sent_bytes > 0


@pytest.mark.parametrize("doing", ["put", "fetch"])
def test_a_wrong_password_is_denied_and_says_who_asked(
    docker_world: DockerWorld, tree: CodeTree, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, doing: str
) -> None:
    storage = docker_world.storage()
    stored = storage.put(tree)
    monkeypatch.setenv("REGISTRY_PASSWORD", "wrong-password")

    asked: dict[str, Callable[[], object]] = {
        "put": lambda: storage.put(changed(tree)),
        "fetch": lambda: storage.fetch(stored.reference, stored.digest, tmp_path / "out"),
    }
    with pytest.raises(StorageDenied) as denied:
        asked[doing]()

    for part in (docker_world.registry.host, "'ann'", "env:REGISTRY_PASSWORD", "docker login"):
        assert part in str(denied.value)
    assert "wrong-password" not in str(denied.value)


def test_the_check_tells_a_wrong_password_from_a_registry_that_is_away(
    docker_world: DockerWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REGISTRY_PASSWORD", "wrong-password")

    report = docker_world.storage().check()

    assert {step.name: step.ok for step in report.steps} == {
        "reachable": True, "authenticated": False, "write": None, "read": None,
    }  # fmt: skip
    assert "docker login" in report.mend


def test_the_login_that_docker_left_is_used_for_building_pushing_and_fetching(
    docker_world: DockerWorld, tree: CodeTree, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    base = docker_world.push_base("base/private:1")
    described = docker_world.described(base_image=base, local_image=False, username=None, password=None)
    with pytest.raises(StorageDenied, match="nobody is logged in"):
        open_storage(described).put(tree)
    monkeypatch.setenv("DOCKER_CONFIG", str(docker_world.docker_config(tmp_path / "docker")))

    stored = open_storage(described).put(tree)

    verify(described, stored)
    assert not {"username", "password"} & stored.reference.keys()
    assert open_storage(stored.reference).fetch(stored.reference, stored.digest, tmp_path / "out") == tree.manifest


def test_a_registry_that_refuses_to_be_written_is_named(docker_world: DockerWorld, tree: CodeTree) -> None:
    storage = docker_world.storage()
    storage.put(tree)

    with docker_world.registry.read_only(), pytest.raises(StorageRefused) as refused:
        storage.put(changed(tree))

    assert "push to" in str(refused.value)
    assert docker_world.registry.host in str(refused.value)


def test_another_layer_in_the_registry_is_refused_and_nothing_is_left_on_disk(
    docker_world: DockerWorld, tree: CodeTree, tmp_path: Path
) -> None:
    storage = docker_world.storage()
    stored = storage.put(tree)
    blob = code_blob(docker_world, tree)
    evil = gzip.decompress(blob.read_bytes()).replace(b"'hello'", b"'evil!'")
    blob.write_bytes(gzip.compress(evil).ljust(blob.stat().st_size, b"\0")[: blob.stat().st_size])

    with pytest.raises(DigestMismatch) as mismatch:
        storage.fetch(stored.reference, stored.digest, tmp_path / "out")

    assert stored.reference["image"] in str(mismatch.value)
    assert not list(tmp_path.glob("*out*"))


def test_another_manifest_under_the_images_digest_is_refused(
    docker_world: DockerWorld, tree: CodeTree, tmp_path: Path
) -> None:
    storage = docker_world.storage()
    stored = storage.put(tree)
    manifest = docker_world.registry.blobs()[stored.reference["image"].partition("@")[2]]
    manifest.write_text(json.dumps(json.loads(manifest.read_text())))

    with pytest.raises((DigestMismatch, StorageUnreachable), match=stored.reference["image"].partition("@")[0]):
        storage.fetch(stored.reference, stored.digest, tmp_path / "out")


@pytest.mark.parametrize(
    "image", ["", "x", "127.0.0.1:1/x:latest", "http://127.0.0.1/x@sha256:0", "../x@sha256:" + "0" * 64]
)
def test_a_reference_that_names_no_image_by_digest_is_refused(tmp_path: Path, image: str) -> None:
    reference = {"kind": "docker", "image": image}

    with pytest.raises(UnsafeCode, match="image"):
        open_storage(reference).fetch(reference, "sha256:" + "0" * 64, tmp_path / "out")


def test_a_file_to_add_that_is_not_there_is_named(docker_world: DockerWorld, tree: CodeTree, tmp_path: Path) -> None:
    with pytest.raises(PackingError, match=r"model\.bin.*files"):
        docker_world.storage(files={str(tmp_path / "model.bin"): "/m"}).put(tree)


def test_an_image_that_homeport_did_not_make_has_no_code(docker_world: DockerWorld, tmp_path: Path) -> None:
    base = docker_world.push_base("base/foreign:1")
    digest = docker_world.registry.digest("base/foreign", "1")
    reference = docker_world.described(image=f"{base.rpartition(':')[0]}@{digest}")

    with pytest.raises((DigestMismatch, CodeMissing)):
        open_storage(reference).fetch(reference, "sha256:" + "0" * 64, tmp_path / "out")


def code_blob(world: DockerWorld, tree: CodeTree) -> Path:
    """The blob that is the layer of this code."""
    layer = layers.pack(tree, PurePosixPath("/opt/homeport/code"))
    layer.stream.close()
    return world.registry.blobs()[layer.digest]


def test_a_full_registry_is_refused_as_full(docker_world: DockerWorld, tree: CodeTree, tmp_path: Path) -> None:
    with small_disk(tmp_path / "disk", megabytes=90) as disk:
        full = DockerRegistry(disk / "registry")
        full.start()
        try:
            storage = docker_world.storage(registry_url=full.host)
            storage.put(tree)
            (tree.root / "large.bin").write_bytes(os.urandom(90 * 1024 * 1024))
            with pytest.raises(StorageRefused) as refused:
                storage.put(collect(tree.root))
        finally:
            full.stop()

    assert f"the registry {full.host} is full" in str(refused.value)
