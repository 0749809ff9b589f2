"""Writing a tree that lies on this machine already to where a run wants it: verified, complete or not at all."""

from __future__ import annotations

import os
import shutil
import uuid
from pathlib import Path

from homeport.code.errors import StorageRefused
from homeport.code.tree import CodeTree


def copy(tree: CodeTree, into: Path, *, where: str) -> None:
    """Copy the tree's files into a folder that may have others; raises CodeChanged, or StorageRefused naming it."""
    try:
        for file in tree.manifest.files:
            target = into / file.path
            target.parent.mkdir(parents=True, exist_ok=True)
            partial = target.with_name(f".{uuid.uuid4().hex}.part")
            try:
                with partial.open("xb") as out:
                    for chunk in tree.chunks(file):
                        out.write(chunk)
                if file.mode == "755":
                    partial.chmod(partial.stat().st_mode | 0o111)
                partial.replace(target)
            finally:
                partial.unlink(missing_ok=True)
    except OSError as error:
        raise StorageRefused(f"files of {where} could not be written to {into}: {error.strerror or error}") from error


def place(tree: CodeTree, into: Path, *, where: str) -> None:
    """Copy the tree to the folder `into`, which must not exist yet; raises CodeChanged, or StorageRefused naming it.

    Links of the tree are files afterwards, as in any manifest.
    """
    partial = into.with_name(f".{into.name}.{uuid.uuid4().hex}")
    try:
        partial.mkdir(mode=0o700, parents=True)
        for file in tree.manifest.files:
            target = partial / file.path
            target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_NOFOLLOW", 0)
            with os.fdopen(os.open(target, flags, 0o700 if file.mode == "755" else 0o600), "wb") as out:
                for chunk in tree.chunks(file):
                    out.write(chunk)
        partial.rename(into)
    except OSError as error:
        raise StorageRefused(
            f"the code {tree.digest} from {where} could not be written to {into}: {error.strerror or error}"
        ) from error
    finally:
        shutil.rmtree(partial, ignore_errors=True)
