"""The layer of code: the same bytes for the same tree, and nothing of a hostile one reaches the disk."""

import gzip
import hashlib
import io
import os
import tarfile
import zlib
from collections.abc import Callable
from pathlib import Path, PurePosixPath

import pytest

from homeport.code import CodeChanged, CodeTree, DigestMismatch, StorageError, UnsafeCode, collect
from homeport_storage.images import layers

FOLDER = PurePosixPath("/opt/homeport/code")
DIGEST = "sha256:" + "0" * 64


@pytest.fixture
def tree(tmp_path: Path) -> CodeTree:
    root = tmp_path / "project"
    (root / "a/b").mkdir(parents=True)
    (root / "flow.py").write_text("x = 1\n")
    (root / "a/b/names é and spaces.py").write_text("y = 2\n")
    (root / "a" / ("long" * 50)).write_text("")
    (root / "run.sh").write_text("#!/bin/sh\n")
    (root / "run.sh").chmod(0o755)
    return collect(root)


def unpack(data: bytes, into: Path, digest: str = DIGEST) -> object:
    return layers.unpack(io.BytesIO(data), FOLDER, into, digest, "the image r/x")


def test_the_layer_of_a_tree_does_not_depend_on_times_owners_or_the_order_on_disk(
    tree: CodeTree, tmp_path: Path
) -> None:
    other = tmp_path / "other"
    (other / "a/b").mkdir(parents=True, mode=0o700)
    for file in reversed(tree.manifest.files):
        (other / file.path).write_bytes((tree.root / file.path).read_bytes())
        (other / file.path).chmod(0o700 if file.mode == "755" else 0o600)
        os.utime(other / file.path, (1, 1))

    first, second = layers.pack(tree, FOLDER), layers.pack(collect(other), FOLDER)

    assert (first.digest, first.diff_id, first.size) == (second.digest, second.diff_id, second.size)
    first.stream.seek(0)
    packed = first.stream.read()
    assert first.digest == f"sha256:{hashlib.sha256(packed).hexdigest()}"
    assert first.diff_id == f"sha256:{hashlib.sha256(gzip.decompress(packed)).hexdigest()}"
    assert first.size == len(packed)


def test_a_layer_puts_files_and_folders_where_every_user_of_the_image_may_read_them(tree: CodeTree) -> None:
    with tarfile.open(fileobj=io.BytesIO(b"".join(layers.tar_of(tree, FOLDER)))) as tar:
        members = tar.getmembers()

    assert members[0].name == "opt/homeport/code"
    assert {(member.mode, member.uid, member.mtime) for member in members if member.isdir()} == {(0o755, 0, 0)}
    assert {member.name: member.mode for member in members}["opt/homeport/code/run.sh"] == 0o755


def test_what_is_packed_comes_back_the_same(tree: CodeTree, tmp_path: Path) -> None:
    plain = b"".join(layers.tar_of(tree, FOLDER))

    assert unpack(plain, tmp_path / "out", tree.digest) == tree.manifest == collect(tmp_path / "out").manifest


def test_a_file_that_changes_while_it_is_packed_is_said(tree: CodeTree) -> None:
    (tree.root / "flow.py").write_text("x = 2\n")

    with pytest.raises(CodeChanged, match=r"flow\.py"):
        layers.pack(tree, FOLDER)


def member(name: str, kind: bytes = tarfile.REGTYPE, size: int = 0, link: str = "") -> bytes:
    info = tarfile.TarInfo(name)
    info.type, info.size, info.linkname = kind, size, link
    return info.tobuf(tarfile.GNU_FORMAT) + b"x" * size + bytes(-size % 512)


TOP = "opt/homeport/code"
END = bytes(1024)
HOSTILE = {
    "leaves the folder": member(f"{TOP}/../../../escaped"),
    "lies elsewhere": member("etc/passwd"),
    "has an absolute name": member("/etc/passwd"),
    "is a link": member(f"{TOP}/a", tarfile.SYMTYPE, link="/etc/passwd"),
    "is a hard link": member(f"{TOP}/a", tarfile.LNKTYPE, link="/etc/passwd"),
    "writes through a link": member(f"{TOP}/a", tarfile.SYMTYPE, link="/tmp") + member(f"{TOP}/a/escaped"),
    "is a device": member(f"{TOP}/a", tarfile.CHRTYPE),
    "is a pipe": member(f"{TOP}/a", tarfile.FIFOTYPE),
    "is there twice": member(f"{TOP}/a") + member(f"{TOP}/a"),
    "differs by case only": member(f"{TOP}/a") + member(f"{TOP}/A"),
    "has a control character": member(f"{TOP}/a\x07"),
    "has a whiteout": member(f"{TOP}/.wh.a", tarfile.CHRTYPE),
    "has a name of a gigabyte": member("././@LongLink", tarfile.GNUTYPE_LONGNAME)[:124]
    + b"10000000000\0"
    + member("././@LongLink", tarfile.GNUTYPE_LONGNAME)[136:],
}


@pytest.mark.parametrize("what", HOSTILE)
def test_a_hostile_layer_writes_nothing(tmp_path: Path, what: str) -> None:
    with pytest.raises(StorageError, match="the image r/x"):
        unpack(HOSTILE[what] + END, tmp_path / "deep/down/out")

    assert [path for path in tmp_path.rglob("*") if path.name not in ("deep", "down")] == []


@pytest.mark.parametrize(
    "cut", [lambda data: data[:-1500], lambda data: data[:700], lambda data: b"", lambda data: b"x" * 5000]
)
def test_a_tar_that_is_broken_is_a_mismatch(tree: CodeTree, tmp_path: Path, cut: Callable[[bytes], bytes]) -> None:
    with pytest.raises(DigestMismatch, match="the image r/x"):
        unpack(cut(b"".join(layers.tar_of(tree, FOLDER))), tmp_path / "out", tree.digest)

    assert not list(tmp_path.glob("*out*"))


def test_a_compressed_layer_that_is_damaged_inside_a_file_is_a_mismatch(tmp_path: Path) -> None:
    (tmp_path / "project").mkdir()
    (tmp_path / "project/large.txt").write_text(os.urandom(200_000).hex())
    tree = collect(tmp_path / "project")
    packer = zlib.compressobj(wbits=31)
    begun = packer.compress(b"".join(layers.tar_of(tree, FOLDER))[:150_000]) + packer.flush(zlib.Z_FULL_FLUSH)
    packed = begun + b"\xff" * 1000  # no kind of block

    with pytest.raises(DigestMismatch, match="the image r/x"), gzip.open(io.BytesIO(packed)) as plain:
        layers.unpack(plain, FOLDER, tmp_path / "out", tree.digest, "the image r/x")  # type: ignore[arg-type]


def test_too_many_files_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(layers, "MAX_FILES", 3)

    with pytest.raises(UnsafeCode, match="more than 3 files"):
        unpack(b"".join(member(f"{TOP}/{index}") for index in range(4)) + END, tmp_path / "out")
