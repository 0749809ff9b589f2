"""Rows 31: a source tree on its way into a storage and back, beside plain clients of the same server, in turn.

Each round has a tree of its own, with other content:

    first       nothing of it is there
    unchanged   the same again
    changed     one file is another
    fetch       an agent that has nothing
    again       the same agent once more
    next        that agent, when one file changed (beside: rclone into the folder that is there; and into a copy of it)

There are two conditions, and ours and the other are under the same one:

    running     processes that used this storage a moment ago and have kept what they keep: this one, and rclone
                asked over its remote control. So it is for an agent.
    commands    a process for each step, its start included: ours does nothing but store or fetch; beside it
                `rclone copy`, and where there is one the storage's own client (cp, aws, smbclient). At 20,000 files
                the start is nothing, and rclone alone takes minutes: left out.

And for one file the floor: the library with which we speak to the storage, alone, its client kept, with the two
requests that rclone makes (is it there? take it), or a file that is written and synced. It stores no manifest, checks
nothing, and can do no more than rclone.

`HOMEPORT_BENCH_STORAGE=s3:1000` measures one server and size, `HOMEPORT_BENCH_PROFILE=1` prints where our time goes.
"""

import cProfile
import json
import os
import pstats
import random
import subprocess
import sys
import tempfile
import time
import urllib.request
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

from tests.services.control_plane import free_port
from tests.services.waiting import eventually

from benchmarks.measuring import Row, foreign_load
from benchmarks.storage_servers import PLACES, RCLONE, Server
from homeport.code import CodeTree, collect, open_storage
from homeport.code.hashes import Hashes
from homeport_agent.code_cache import CodeCache

SIZES = (1, 1_000, 20_000)
ROUNDS = {1: 9, 1_000: 5, 20_000: 2}
SETTLED = 2.1  # seconds after which hashes of what was written are remembered
STEPS = ("first", "unchanged", "changed", "fetch", "again", "next")
ALONE = 7  # rounds of commands
OURS = (sys.executable, str(Path(__file__).with_name("storage_command.py")))


def run() -> Iterator[Row]:
    """Every storage that can be started here."""
    only, _, size = os.environ.get("HOMEPORT_BENCH_STORAGE", "").partition(":")
    with tempfile.TemporaryDirectory(prefix="homeport-bench-") as folder, Rclone.running() as rclone:
        for name, place in PLACES.items():
            if only and name != only:
                continue
            with place(Path(folder)) as server:
                for count in SIZES:
                    if not size or int(size) == count:
                        yield from rows(Path(folder), server, name, rclone, count)
                        if count == 1:
                            yield from floor_rows(Path(folder), server, name, rclone)
                        if count < max(SIZES):
                            yield from command_rows(Path(folder), server, name, count)


@dataclass
class Rclone:
    """rclone, running and asked by HTTP."""

    port: int
    process: subprocess.Popen[bytes]

    @classmethod
    @contextmanager
    def running(cls) -> Iterator["Rclone"]:
        port = free_port()
        command = [str(RCLONE), "rcd", "--rc-no-auth", "--rc-addr", f"127.0.0.1:{port}", "--config", os.devnull]
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        made = cls(port, process)
        try:
            eventually(lambda: made.answers("core/version"), what="rclone answers", within=20)
            yield made
        finally:
            process.terminate()
            process.wait()

    def answers(self, command: str) -> bool:
        try:
            self.ask(command)
        except OSError:
            return False
        return True

    def ask(self, command: str, **given: object) -> Any:
        asked = urllib.request.Request(
            f"http://127.0.0.1:{self.port}/{command}",
            json.dumps(given).encode(),
            {"Content-Type": "application/json"},
        )
        with urllib.request.urlopen(asked, timeout=900) as answer:
            return json.load(answer)

    def copy(self, source: str, target: str) -> None:
        self.ask("sync/copy", srcFs=source, dstFs=target, createEmptySrcDirs=False)


def rows(folder: Path, server: Server, name: str, rclone: Rclone, count: int) -> Iterator[Row]:
    """The steps for one storage and one number of files, in processes that are running."""
    made = {step: Row(f"31 {name}", f"{count:,} files, {step}", "s", [], [], "rclone copy") for step in STEPS}
    made["whole"] = Row(
        f"31 {name}", f"{count:,} files, next", "s", [], [], "cp -r of the one before, then rclone copy"
    )
    profile = cProfile.Profile() if os.environ.get("HOMEPORT_BENCH_PROFILE") else None
    remarks: list[str] = []
    with foreign_load(remarks, lambda: sum(os.times()[:4]) + _cpu(rclone)):
        for round_ in range(ROUNDS[count] + 1):
            if round_ == 0 and count == max(SIZES):
                continue  # the smaller ones have warmed everything up
            with tempfile.TemporaryDirectory(dir=folder) as own:
                taken = one_round(Path(own), server, rclone, count, round_, profile if round_ else None)
            for step, (ours, other) in taken.items() if round_ else ():  # the first round warms up
                made[step].ours.append(ours)
                made[step].other.append(other)
    _compare(made["first"], made["unchanged"], made["fetch"], "rclone")
    made["again"].target = "≤ 0.1 × rclone's fetch"
    made["again"].remarks.append(f"{median(made['again'].ours) / median(made['fetch'].other):.2g} of rclone's fetch")
    made["first"].remarks += remarks
    yield from made.values()
    if profile is not None:
        pstats.Stats(profile).sort_stats("tottime").print_stats(25)


def floor_rows(folder: Path, server: Server, name: str, rclone: Rclone) -> Iterator[Row]:
    """What the storage's library costs by itself for one file, beside rclone."""
    steps = ("first", "unchanged", "fetch")
    made = {
        step: Row(f"31f {name}", f"1 file, {step}, the library alone", "s", [], [], "rclone copy", label="floor")
        for step in steps
    }
    for round_ in range(2 * ROUNDS[1] + 1):
        with tempfile.TemporaryDirectory(dir=folder) as own:
            root, key = Path(own) / "project", uuid.uuid4().hex
            write_tree(root, 1, round_)
            [file] = root.rglob("*.py")
            remote, data = server.remote(f"{key}-rclone"), file.read_bytes()

            def first(key: str = key, data: bytes = data) -> None:
                if server.bare.look(key) is None:
                    server.bare.send(key, data)

            def fetch(key: str = key, data: bytes = data) -> None:
                assert server.bare.get(key) == data

            for step, floor in (("first", first), ("unchanged", first), ("fetch", fetch)):
                pair = (remote, f"{own}/copied") if step == "fetch" else (str(root), remote)
                began = time.perf_counter()
                floor()
                between = time.perf_counter()
                rclone.copy(*pair)
                if round_:  # the first one opens connections
                    made[step].ours.append(between - began)
                    made[step].other.append(time.perf_counter() - between)
    made["first"].target = made["fetch"].target = "what ours cannot be below"
    yield from made.values()


def _compare(first: Row, unchanged: Row, fetch: Row, name: str) -> None:
    first.target = fetch.target = f"≤ 1.3 × {name}"
    unchanged.target = f"≤ 0.1 × {name}'s first"
    unchanged.remarks.append(f"{median(unchanged.ours) / median(first.other):.2g} of {name}'s first")


def command_rows(folder: Path, server: Server, name: str, count: int) -> Iterator[Row]:
    """The same for processes that do one step each."""
    others = ["rclone copy", *([server.own_client] if server.own_commands else [])]
    steps = ("first", "unchanged", "fetch")
    made = {
        (step, other): Row(f"31c {name}", f"{count:,} files, {step}, a command", "s", [], [], other)
        for other in others
        for step in steps
    }
    remarks: list[str] = []
    with foreign_load(remarks, lambda: sum(os.times()[:4])):
        for round_ in range(ALONE if count == 1 else 3):
            with tempfile.TemporaryDirectory(dir=folder) as own:
                root, key = Path(own) / "project", uuid.uuid4().hex
                write_tree(root, count, round_)
                time.sleep(SETTLED)
                reference = json.dumps(server.reference("commands"))
                ours = [*OURS, "put", reference, own, str(root)]
                back = [*OURS, "fetch", reference, own, f"{own}/fetched", collect(root).digest]
                remote = server.remote(f"{key}-rclone")
                copy = [str(RCLONE), "copy", "--config", os.devnull]
                commands = {
                    "rclone copy": {"first": [*copy, str(root), remote], "fetch": [*copy, remote, f"{own}/copied"]}
                }
                if server.own_commands:
                    commands[server.own_client] = server.own_commands(f"{key}-own", root, Path(own) / "plain")
                for step in steps:
                    took = _command(back if step == "fetch" else ours)
                    for other in others:
                        made[step, other].ours.append(took)
                        given = commands[other]
                        made[step, other].other.append(_command(given[step] if step in given else given["first"]))
                for target in ("fetched", "copied", *(["plain"] if server.own_commands else [])):
                    assert len(list(Path(own, target).rglob("*.py"))) == count, target
    for other in others:
        _compare(made["first", other], made["unchanged", other], made["fetch", other], other)
    made["first", others[0]].remarks += remarks
    yield from made.values()


def _command(command: list[str]) -> float:
    began = time.perf_counter()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    return time.perf_counter() - began


def _cpu(rclone: Rclone) -> float:
    from benchmarks.measuring import cpu_seconds

    return cpu_seconds(rclone.process.pid)


def one_round(
    folder: Path, server: Server, rclone: Rclone, count: int, seed: int, profile: cProfile.Profile | None
) -> dict[str, tuple[float, float]]:
    """Seconds of each step, ours and rclone's."""
    root = folder / "project"
    write_tree(root, count, seed)
    time.sleep(SETTLED)
    reference, remote = server.reference("running"), server.remote(f"{uuid.uuid4().hex}-rclone")
    agent = CodeCache(folder / "agent")

    def register() -> CodeTree:
        tree = collect(root, hashes=Hashes(folder / "home", root))
        open_storage(reference).put(tree)
        return tree

    def timed(work: Callable[[], Any], *, ours: bool = False) -> float:
        if ours and profile is not None:
            profile.enable()
        began = time.perf_counter()
        work()
        took = time.perf_counter() - began
        if profile is not None:
            profile.disable()
        return took

    def registered() -> tuple[float, float]:
        return timed(register, ours=True), timed(lambda: rclone.copy(str(root), remote))

    def acquire(digest: str) -> Path:
        cached = agent.acquire(reference, digest)
        cached.close()
        return cached.tree

    def fetched(digest: str) -> tuple[float, float]:
        ours = timed(lambda: acquire(digest), ours=True)
        other = timed(lambda: rclone.copy(remote, str(folder / "copied")))
        for tree in (acquire(digest), folder / "copied"):
            assert len(list(tree.rglob("*.py"))) == count
        return ours, other

    def into_a_copy() -> None:
        subprocess.run(["cp", "-r", str(folder / "copied"), str(folder / "copied-next")], check=True)
        rclone.copy(remote, str(folder / "copied-next"))

    def use() -> None:
        """Open what is kept open: what came before may have taken longer than it is kept."""
        with suppress(KeyError):
            list(open_storage(reference).read("checks/nothing"))  # type: ignore[attr-defined]
        rclone.ask("operations/stat", fs=remote, remote="nothing")

    use()
    taken = {"first": registered(), "unchanged": registered()}
    before = register()
    taken["fetch"] = fetched(before.digest)
    taken["again"] = fetched(before.digest)
    (root / "package_0/module_0.py").write_text(f"changed = {seed}\n")
    use()
    taken["changed"] = registered()
    changed = register()
    whole = timed(into_a_copy)
    taken["next"] = fetched(changed.digest)
    taken["whole"] = (taken["next"][0], whole)
    return taken


def write_tree(root: Path, count: int, seed: int) -> None:
    """Modules of a few kilobytes, as source trees have them, in packages of a hundred."""
    source = random.Random(seed)
    for number in range(count):
        module = root / f"package_{number // 100}/module_{number}.py"
        module.parent.mkdir(parents=True, exist_ok=True)
        module.write_bytes(
            source.randbytes(source.randrange(200, 8_000)).hex(" ", 40).encode()[: source.randrange(300, 8_000)]
        )
