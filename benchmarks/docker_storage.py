"""Rows 33: a source tree into an image of a registry and back, beside the plain commands of Docker.

Ours is what registering does: look for changes, build and push the environment if there is none, send the code. Beside
it a Dockerfile of two lines (`FROM` that base, `COPY . `) goes through `docker build` and `docker push`, on the same
engine and into the same registry, whose base layers both find there. Each round has a tree of its own:

    first       a repository that is not there
    unchanged   the same again
    changed     one file is another
    fetch       the files on a machine that has nothing (beside: pull, create, cp)
    check       what the import of the flow in its image takes (ours only; once for each version)

Docker's are commands. Ours are taken in this process, which runs already as an agent does, and (`a command`) by a
process for each step that does nothing else, its start included.

`HOMEPORT_BENCH_STORAGE=docker:1000` measures one size.
"""

import json
import os
import random
import shutil
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from statistics import median
from typing import Any

from tests.services.docker_engine import DockerEngine, base_image, homeport_image
from tests.services.docker_world import DEPENDENCIES, READY, DockerWorld
from tests.services.registry import PASSWORD, USER, DockerRegistry

from benchmarks.measuring import Row
from homeport.code import CodeTree, Stored, Verifies, collect, open_storage
from homeport.code.hashes import Hashes
from homeport.code.tree import Limits

SIZES = (1, 1_000, 20_000)
ROUNDS = {1: 5, 1_000: 3, 20_000: 2}
SETTLED = 2.1  # seconds after which hashes of what was written are remembered
LIMITS = Limits(files=100_000, bytes=1024**3)
STEPS = ("first", "unchanged", "changed", "fetch", "check")
AS_COMMANDS = ("first, a command", "unchanged, a command", "fetch, a command")


def run() -> Iterator[Row]:
    """One engine and one registry for all sizes."""
    os.environ["REGISTRY_PASSWORD"] = PASSWORD
    folder = Path(tempfile.mkdtemp(prefix="homeport-bench-"))
    engine, registry = DockerEngine(folder / "engine"), DockerRegistry(folder / "registry")
    try:
        engine.start()
        registry.start()
        base_image(engine, DEPENDENCIES)
        homeport_image(engine, DEPENDENCIES, READY)
        world = DockerWorld(engine, registry)
        world.push_base("base/python:1")
        engine.docker("login", "-u", USER, "--password-stdin", registry.host, stdin=PASSWORD.encode())
        only = os.environ.get("HOMEPORT_BENCH_STORAGE", "").partition(":")[2]
        for count in SIZES:
            if not only or int(only) == count:
                yield from rows(folder, world, count)
    finally:
        registry.stop()
        engine.stop()
        shutil.rmtree(folder, ignore_errors=True)


def rows(folder: Path, world: DockerWorld, count: int) -> Iterator[Row]:
    """The steps for one number of files."""
    steps = (*STEPS, *AS_COMMANDS)
    made = {step: Row("33", f"{count:,} files, {step}", "s", [], [], "docker build, docker push") for step in steps}
    made["fetch"].other_name = made["fetch, a command"].other_name = "docker pull, create, cp"
    _rounds(folder, world, count, made)
    for suffix in ("", ", a command"):
        first, unchanged = median(made["first"].other), median(made[f"unchanged{suffix}"].ours)
        made[f"first{suffix}"].target, made[f"fetch{suffix}"].target = "≤ 1.3 × docker", "≤ 1.3 × docker"
        made[f"unchanged{suffix}"].target = "≤ 0.1 × docker's first"
        made[f"unchanged{suffix}"].remarks.append(f"{unchanged / first:.2g} of docker's first")
    yield from made.values()


def _rounds(folder: Path, world: DockerWorld, count: int, made: dict[str, Row]) -> None:
    for round_ in range(ROUNDS[count] + 1):
        if round_ == 0 and count == max(SIZES):
            continue  # the smaller ones have warmed everything up
        with tempfile.TemporaryDirectory(dir=folder) as own:
            taken = one_round(Path(own), world, count, round_)
        for step, (ours, other) in taken.items() if round_ else ():  # the first round warms up
            made[step].ours.append(ours)
            made[step].other += [other] if other is not None else []


def one_round(folder: Path, world: DockerWorld, count: int, seed: int) -> dict[str, tuple[float, float | None]]:
    """Seconds of each step, ours and Docker's."""
    root, docker = folder / "project", world.engine.docker
    write_tree(root, count, seed)
    (folder / "Dockerfile").write_text(f"FROM {READY}\nCOPY . /opt/homeport/code\n")
    time.sleep(SETTLED)
    described = world.described()
    name = f"{world.registry.host}/plain-{uuid.uuid4().hex[:12]}:1"
    stored: list[tuple[CodeTree, Stored]] = []

    def register() -> None:
        tree = collect(root, LIMITS, hashes=Hashes(folder / "home", root))
        stored[:] = [(tree, open_storage(described).put(tree))]

    def build_and_push() -> None:
        docker("build", "-q", "-t", name, "-f", str(folder / "Dockerfile"), str(root))
        docker("push", "-q", name)

    def pull_and_copy() -> None:
        docker("pull", "-q", name)
        container = docker("create", name)
        docker("cp", f"{container}:/opt/homeport/code", str(folder / "copied"))
        docker("rm", container)

    def fetch() -> None:
        tree, kept = stored[0]
        open_storage(kept.reference).fetch(kept.reference, tree.digest, folder / "fetched")

    def check() -> None:
        storage = open_storage(described)
        assert isinstance(storage, Verifies)
        storage.verify(stored[0][1], "flow.py:f")

    taken: dict[str, tuple[float, float | None]] = {
        "first": (timed(register), timed(build_and_push)),
        "unchanged": (timed(register), timed(build_and_push)),
    }
    (root / "package_0/module_0.py").write_text(f"changed = {seed}\n")
    taken["changed"] = timed(register), timed(build_and_push)
    taken["check"] = timed(check), None
    docker("rmi", name)
    taken["fetch"] = timed(fetch), timed(pull_and_copy)
    docker("rmi", name)
    alone = [sys.executable, str(Path(__file__).with_name("storage_command.py"))]
    put = [*alone, "put", json.dumps(world.described()), str(folder / "alone"), str(root)]
    time.sleep(SETTLED)
    for step in ("first", "unchanged"):
        began = time.perf_counter()
        told = subprocess.run(put, check=True, capture_output=True, text=True).stdout
        taken[f"{step}, a command"] = time.perf_counter() - began, taken[step][1]
    digest, _, reference = told.partition(" ")
    back = [*alone, "fetch", reference, str(folder / "alone"), str(folder / "fetched-alone"), digest]
    taken["fetch, a command"] = timed(lambda: subprocess.run(back, check=True)), taken["fetch"][1]
    assert len(list((folder / "fetched-alone").rglob("*.py"))) == count + 1
    assert len(list((folder / "copied").rglob("*.py"))) == len(list((folder / "fetched").rglob("*.py"))) == count + 1
    return taken


def timed(work: Callable[[], Any]) -> float:
    """Seconds of a call."""
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def write_tree(root: Path, count: int, seed: int) -> None:
    """Modules of a few kilobytes, as source trees have them, in packages of a hundred, and a flow."""
    source = random.Random(seed)
    for number in range(count):
        module = root / f"package_{number // 100}/module_{number}.py"
        module.parent.mkdir(parents=True, exist_ok=True)
        text = source.randbytes(source.randrange(200, 4_000)).hex(" ", 40)
        module.write_text(f"# {text}\n")
    (root / "flow.py").write_text("from homeport import flow\n\n\n@flow\ndef f():\n    return 1\n")
