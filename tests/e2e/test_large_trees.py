"""Trees far beyond the limits, to and from a real S3 server: 200,000 small files, and 5 GiB."""

import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from homeport.code import CodeTooLarge, collect, open_storage
from homeport.code.tree import Limits
from tests.services.s3_server import S3Server, s3_server

GIB = 1024**3
ALL = Limits(files=10**6, bytes=10**12)


MEMORY = Path("/dev/shm")

pytestmark = pytest.mark.timeout(900)


@pytest.fixture
def folder(request: pytest.FixtureRequest) -> Iterator[Path]:
    """A folder with room enough, which is removed at once: pytest would keep gigabytes of several runs."""
    needed, place = request.param
    if not place.is_dir() or shutil.disk_usage(place).free < needed:
        place = Path(tempfile.gettempdir())
    if shutil.disk_usage(place).free < needed:
        pytest.skip(f"left out: {place} has less than {needed / GIB:.0f} GiB left; set TMPDIR to where there is more")
    made = Path(tempfile.mkdtemp(prefix="homeport-large-", dir=place))
    yield made
    shutil.rmtree(made)


@pytest.fixture
def server(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[S3Server]:
    with s3_server(folder / "s3") as running:
        for name, value in running.environment.items():
            monkeypatch.setenv(name, value)
        yield running


@pytest.mark.parametrize("folder", [(2 * GIB, MEMORY)], ids=[""], indirect=True)
def test_200_000_small_files_are_refused_and_where_they_are_allowed_registered_and_fetched(
    server: S3Server, folder: Path
) -> None:
    root = folder / "project"
    for part in range(200):
        (root / f"{part}").mkdir(parents=True)
        for number in range(1_000):
            (root / f"{part}/{number}.py").write_text(f"NAME = '{part}-{number}'\n")
    (root / "pyproject.toml").touch()
    bucket = server.bucket()

    with pytest.raises(CodeTooLarge, match="HOMEPORT_CODE_MAX_FILES"):
        collect(root)
    tree = collect(root, ALL)
    storage = open_storage(server.fields(bucket))
    first, again = storage.put(tree), storage.put(tree)
    fetched = storage.fetch(first.reference, tree.digest, folder / "out")

    assert fetched == tree.manifest
    assert len(fetched.files) == 200_001
    assert (folder / "out/199/999.py").read_text() == "NAME = '199-999'\n"
    assert (first.sent_files, again.sent_files) == (200_001, 0)
    assert len(server.keys(bucket)) < 100


@pytest.mark.parametrize("folder", [(12 * GIB, Path(tempfile.gettempdir()))], ids=[""], indirect=True)
def test_5_gib_are_refused_and_where_they_are_allowed_registered_and_fetched_in_a_small_memory(
    server: S3Server, folder: Path
) -> None:
    root = folder / "project"
    root.mkdir()
    (root / "pyproject.toml").touch()
    for number in range(40):
        with (root / f"{number}.bin").open("wb") as out:  # holes, but for what tells them apart
            out.write(b"%d" % number)
            out.truncate(GIB // 8)
    bucket = server.bucket()

    with pytest.raises(CodeTooLarge, match="HOMEPORT_CODE_MAX_BYTES"):
        collect(root)
    ran = subprocess.run(
        [sys.executable, "-c", BOTH_WAYS, str(root), repr(server.fields(bucket)), str(folder / "out")],
        capture_output=True, text=True, timeout=600,
    )  # fmt: skip

    assert ran.returncode == 0, ran.stderr
    digest, sent, again, peak = ran.stdout.split()
    assert (int(sent), int(again)) == (5 * GIB, 0)
    assert sum(file.stat().st_size for file in (folder / "out").iterdir()) == 5 * GIB
    assert digest.startswith("sha256:")
    assert int(peak) < 500 * 1024, "KiB"


BOTH_WAYS = """
import ast, sys
from pathlib import Path
from homeport.code import collect, open_storage
from homeport.code.tree import Limits
tree = collect(Path(sys.argv[1]), Limits(files=10**6, bytes=10**12))
storage = open_storage(ast.literal_eval(sys.argv[2]))
first, again = storage.put(tree), storage.put(tree)
storage.fetch(first.reference, tree.digest, Path(sys.argv[3]))
# Not ru_maxrss: that one remembers the parent from before the exec.
[peak] = [line.split()[1] for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmHWM")]
print(tree.digest, first.sent_bytes, again.sent_bytes, peak)
"""
