"""The layer of code: a tar of exactly the tree, equal for equal trees, and its way back to files.

Times, owners and order are fixed, so the layer's digest is a function of the tree: the registry has it already, or
lacks it. Going back, nothing of the tar is believed: names stay in the folder, links and devices are refused, sizes are
bounded, and what was written is compared with the digest of the code.
"""

from __future__ import annotations

import gzip
import hashlib
import os
import shutil
import tarfile
import uuid
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from tempfile import TemporaryFile
from typing import IO, Self

from homeport.code.errors import DigestMismatch, StorageRefused, UnsafeCode
from homeport.code.manifest import CodeFile, Manifest, Mode, check_name
from homeport.code.tree import CodeTree

LEVEL = 4
"""Of compression: a quarter of the time of zlib's default, for a few percent more bytes."""
MAX_FILES = 200_000
MAX_BYTES = 8 * 1024**3
MAX_HEADER = 64 * 1024
CHUNK = 1024 * 1024
NAMING = frozenset(
    {tarfile.XHDTYPE, tarfile.XGLTYPE, tarfile.SOLARIS_XHDTYPE, tarfile.GNUTYPE_LONGNAME, tarfile.GNUTYPE_LONGLINK}
)


@dataclass(frozen=True)
class CodeLayer:
    """A packed tree: `digest` and `size` of the compressed bytes, `diff_id` of the tar in them."""

    stream: IO[bytes]
    digest: str
    diff_id: str
    size: int


class _Hashing:
    """A file to write to that hashes what goes through it."""

    def __init__(self, out: IO[bytes] | gzip.GzipFile) -> None:
        self._out, self._hasher, self.size = out, hashlib.sha256(), 0

    def write(self, data: bytes) -> int:
        self._hasher.update(data)
        self.size += len(data)
        return self._out.write(data)

    def flush(self) -> None:
        self._out.flush()

    @property
    def digest(self) -> str:
        return f"sha256:{self._hasher.hexdigest()}"


def pack(tree: CodeTree, folder: PurePosixPath) -> CodeLayer:
    """The tree as a layer that puts it into `folder`; raises CodeChanged when a file is written to meanwhile.

    The stream is a temporary file that is gone when it is closed.
    """
    stream = TemporaryFile()  # noqa: SIM115 - the caller closes it
    try:
        compressed = _Hashing(stream)
        with gzip.GzipFile(filename="", mode="wb", compresslevel=LEVEL, fileobj=compressed, mtime=0) as packed:
            plain = _Hashing(packed)
            for piece in tar_of(tree, folder):
                plain.write(piece)
        return CodeLayer(stream, compressed.digest, plain.digest, compressed.size)
    except BaseException:
        stream.close()
        raise


def tar_of(tree: CodeTree, folder: PurePosixPath) -> Iterator[bytes]:
    """The bytes of the tar: the folder, then folders and files in the order of their names."""
    top = str(folder).lstrip("/")
    known = set()
    yield _header(f"{top}/", "755", 0, tarfile.DIRTYPE)
    for file in tree.manifest.files:
        parents = file.path.split("/")[:-1]
        for depth in range(1, len(parents) + 1):
            parent = "/".join(parents[:depth])
            if parent not in known:
                known.add(parent)
                yield _header(f"{top}/{parent}/", "755", 0, tarfile.DIRTYPE)
        yield _header(f"{top}/{file.path}", file.mode, file.size, tarfile.REGTYPE)
        yield from tree.chunks(file)
        yield bytes(-file.size % tarfile.BLOCKSIZE)
    yield bytes(2 * tarfile.BLOCKSIZE)


def _header(name: str, mode: Mode, size: int, kind: bytes) -> bytes:
    info = tarfile.TarInfo(name)
    info.mode, info.size, info.type, info.mtime = int(mode, 8), size, kind, 0
    return info.tobuf(tarfile.PAX_FORMAT, "utf-8", "surrogateescape")


def unpack(stream: IO[bytes], folder: PurePosixPath, into: Path, code_digest: str, where: str) -> Manifest:
    """Write what a tar has in `folder` to `into`, which appears complete, with this digest, or not at all.

    Raises UnsafeCode, DigestMismatch, or StorageRefused when this machine cannot keep the files.
    """
    partial = into.with_name(f".{into.name}.{uuid.uuid4().hex}")
    try:
        partial.mkdir(mode=0o700, parents=True)
        try:
            found = Manifest.of(_written(stream, str(folder).strip("/"), partial))
        except (tarfile.TarError, EOFError, gzip.BadGzipFile, zlib.error) as error:
            raise DigestMismatch(f"the code in {where} is no tar that can be read ({error})") from error
        except UnsafeCode as error:
            raise UnsafeCode(f"the code in {where} was refused: {error}") from error
        if found.digest != code_digest:
            raise DigestMismatch(
                f"{where} has other code than was registered: asked for {code_digest}, found {found.digest}. "
                "Find out who wrote to the registry, and register the flow again"
            )
        partial.rename(into)
        return found
    except OSError as error:
        raise StorageRefused(
            f"the code from {where} could not be written to {into}: {error.strerror or error}"
        ) from error
    finally:
        shutil.rmtree(partial, ignore_errors=True)


class _Header(tarfile.TarInfo):
    """A header that is read into memory only while it is small: long names are, gigabytes of them are an attack."""

    @classmethod
    def frombuf(cls, buf: bytes | bytearray, encoding: str, errors: str) -> Self:
        header = super().frombuf(buf, encoding, errors)
        if header.type in NAMING and header.size > MAX_HEADER:
            raise UnsafeCode(f"it has a header of type {header.type!r} and {header.size} bytes")
        return header


def _written(stream: IO[bytes], top: str, into: Path) -> Iterator[CodeFile]:
    files = total = 0
    made = {into}
    with tarfile.open(fileobj=stream, mode="r|", tarinfo=_Header) as tar:
        for member in tar:
            tar.members = []  # type: ignore[attr-defined]  # a stream's members are kept by tarfile otherwise, all of them
            name = member.name.removeprefix("./").rstrip("/")
            if name == top or (member.isdir() and f"{top}/".startswith(f"{name}/")):
                continue
            if not name.startswith(f"{top}/"):
                raise UnsafeCode(f"{member.name!r} lies outside of /{top}")
            path = name[len(top) + 1 :]
            check_name(path)
            if member.isdir():
                continue
            if not member.isreg() or member.issparse():
                raise UnsafeCode(f"{path!r} is a link or a device; code has only files")
            files, total = files + 1, total + member.size
            if files > MAX_FILES or total > MAX_BYTES:
                raise UnsafeCode(f"it has more than {MAX_FILES} files or {MAX_BYTES // 1024**3} GiB")
            content = tar.extractfile(member)
            assert content is not None, "a regular file has content"
            target = into / path
            if target.parent not in made:
                target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
                made.add(target.parent)
            yield _write(content, target, path, "755" if member.mode & 0o100 else "644")


def _write(content: IO[bytes], target: Path, path: str, mode: Mode) -> CodeFile:
    hasher, size = hashlib.sha256(), 0
    # O_EXCL and O_NOFOLLOW: names were checked, and still nothing that exists is ever written through.
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_NOFOLLOW", 0)
    try:
        descriptor = os.open(target, flags, 0o700 if mode == "755" else 0o600)
    except FileExistsError:
        raise UnsafeCode(f"{path!r} is in it twice") from None
    with os.fdopen(descriptor, "wb") as out:
        while chunk := content.read(CHUNK):
            hasher.update(chunk)
            size += len(chunk)
            out.write(chunk)
    return CodeFile(path, mode, hasher.hexdigest(), size)
