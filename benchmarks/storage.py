"""Rows 31: a source tree on its way into a storage and back, beside `rclone copy` of the same files to the same server.

Both are asked in a process that is already running (ours in this one, rclone over its remote control), so neither
pays for its start. Each round has a tree of its own, with other content, and alternates ours and rclone:

    first       nothing of it is there
    unchanged   the same again
    changed     one file is another
    fetch       to a machine that has nothing
    next        to a machine that has the version before, when one file changed

`HOMEPORT_BENCH_STORAGE=s3:1000` measures one server and size, `HOMEPORT_BENCH_PROFILE=1` prints where our time goes.
"""

import cProfile
import json
import os
import pstats
import random
import shutil
import subprocess
import sys
import tempfile
import time
import urllib.request
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.services.control_plane import free_port
from tests.services.waiting import eventually

from benchmarks.measuring import Row, foreign_load
from homeport.code import CodeTree, collect, open_storage
from homeport.code.hashes import Hashes

SIZES = (1, 1_000, 20_000)
ROUNDS = {1: 9, 1_000: 5, 20_000: 2}
SETTLED = 2.1  # seconds after which hashes of what was written are remembered
STEPS = ("first", "unchanged", "changed", "fetch", "next")
RCLONE = Path(sys.executable).with_name("rclone")


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


@dataclass(frozen=True)
class Server:
    """A storage: what finds it for us, and for rclone, below a name that nothing is under yet."""

    reference: Callable[[str], dict[str, Any]]
    remote: Callable[[str], str]


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

    def connect_anew(self) -> None:
        """Forget open connections, as ours are: a copy that is typed has none either."""
        self.ask("fscache/clear")

    def copy(self, source: str, target: str) -> None:
        self.ask("sync/copy", srcFs=source, dstFs=target, createEmptySrcDirs=False)


def rows(folder: Path, server: Server, name: str, rclone: Rclone, count: int) -> Iterator[Row]:
    """The five steps for one storage and one number of files."""
    made = {step: Row(f"31 {name}", f"{count:,} files, {step}", "s", [], [], "rclone copy") for step in STEPS}
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
    first = sorted(made["first"].other)[len(made["first"].other) // 2]
    unchanged = sorted(made["unchanged"].ours)[len(made["unchanged"].ours) // 2]
    made["first"].target, made["fetch"].target = "≤ 1.3 × rclone", "≤ 1.3 × rclone"
    made["unchanged"].target = "≤ 0.1 × rclone's first copy"
    made["unchanged"].remarks.append(f"{unchanged / first:.2g} of rclone's first copy")
    made["first"].remarks += remarks
    yield from made.values()
    if profile is not None:
        pstats.Stats(profile).sort_stats("tottime").print_stats(25)


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
    name = uuid.uuid4().hex
    reference, remote = server.reference(f"{name}-ours"), server.remote(f"{name}-rclone")

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
        ours = timed(register, ours=True)
        rclone.connect_anew()
        return ours, timed(lambda: rclone.copy(str(root), remote))

    def fetched(ours: Path, other: Path, digest: str, have: dict[str, Path] | None) -> tuple[float, float]:
        fetch = timed(
            lambda: open_storage(reference).fetch(reference, digest, ours, have.get if have else None), ours=True
        )
        rclone.connect_anew()
        copied = timed(lambda: rclone.copy(remote, str(other)))
        assert len(list(other.rglob("*.py"))) == count
        return fetch, copied

    taken = {"first": registered(), "unchanged": registered()}
    before = register()
    taken["fetch"] = fetched(folder / "fetched", folder / "copied", before.digest, None)
    (root / "package_0/module_0.py").write_text(f"changed = {seed}\n")
    taken["changed"] = registered()
    here = {file.sha256: folder / "fetched" / file.path for file in before.manifest.files}
    taken["next"] = fetched(folder / "fetched-next", folder / "copied", register().digest, here)
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


# Servers.


@contextmanager
def folders(folder: Path) -> Iterator[Server]:
    """Another folder of this machine."""
    kept = folder / "kept"
    yield Server(lambda name: {"kind": "folder", "path": str(kept / name)}, lambda name: str(kept / name))
    shutil.rmtree(kept, ignore_errors=True)


@contextmanager
def smb_share(folder: Path) -> Iterator[Server]:
    """A share of a real Samba, signed and encrypted."""
    from tests.services.samba import PASSWORD_VARIABLE, Samba

    samba = Samba()
    samba.start()
    os.environ[PASSWORD_VARIABLE] = samba.password
    obscured = subprocess.run([RCLONE, "obscure", samba.password], capture_output=True, text=True, check=True)
    remote = f":smb,host=127.0.0.1,port={samba.port},user={samba.user},pass={obscured.stdout.strip()}:data"
    try:
        yield Server(lambda name: samba.reference("data", name), lambda name: f"{remote}/{name}")
    finally:
        samba.stop()


@contextmanager
def s3_bucket(folder: Path) -> Iterator[Server]:
    """A bucket of rclone's S3 server, which keeps objects as files: what it costs is in both figures."""
    from tests.services.s3_server import ACCESS_KEY, SECRET_KEY, s3_server

    (folder / "s3").mkdir()
    with s3_server(folder / "s3") as server:
        os.environ.update(server.environment)
        bucket = server.bucket()
        remote = (
            f":s3,provider=Other,endpoint='{server.address}',access_key_id={ACCESS_KEY},"
            f"secret_access_key='{SECRET_KEY}',region=us-east-1,force_path_style=true,no_check_bucket=true:{bucket}"
        )
        yield Server(lambda name: server.fields(bucket, prefix=name), lambda name: f"{remote}/{name}")


@contextmanager
def azure_container(folder: Path) -> Iterator[Server]:
    """A container of Azurite, which keeps blobs in memory."""
    from tests.services.azurite import ACCOUNT, azurite

    with azurite() as server:
        os.environ.update(server.environment)
        container = server.container()
        remote = f":azureblob,account={ACCOUNT},key='{server.key}',endpoint='{server.account_url}':{container}"
        yield Server(lambda name: server.fields(container, prefix=name), lambda name: f"{remote}/{name}")


PLACES: dict[str, Callable[[Path], Any]] = {
    "folder": folders,
    "smb": smb_share,
    "s3": s3_bucket,
    "azure": azure_container,
}
