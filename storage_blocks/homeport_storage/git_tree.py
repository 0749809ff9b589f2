"""The files of a commit, taken out of git's objects without a checkout.

A checkout runs what a repository asks for: filters of .gitattributes, LFS, line ends. Here every blob is written as it
is stored, under a name that was checked, and links come last, so that nothing is written through one. Then the folder
is collected by the rules that hold for every tree: what is ignored is left behind, links that leave the folder and
names that are one elsewhere are refused. Submodules are left out, as git itself does, unless it is asked to
(git_submodules.py). What LFS keeps is not in git, but a pointer to it.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from homeport.code.errors import CodeMissing, CodeTooLarge, PackingError, UnsafeCode
from homeport.code.manifest import check_name
from homeport.code.tree import CodeTree, Limits, collect
from homeport_storage.git_command import Git

LINK = "120000"
SUBMODULE = "160000"
EXECUTABLE = "100755"
POINTER = b"version https://git-lfs.github.com/spec/"
LONGEST_POINTER = 1024
_ENTRY = re.compile(rb"(\d{6}) (\w+) ([0-9a-f]{40,64}) +(\d+|-)\t(.*)", re.DOTALL)
_DOT_GIT = re.compile(r"\.git[ .]*|git~1", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Entry:
    """One file, link or submodule of a commit."""

    mode: str
    name: str
    size: int
    path: str


@dataclass(frozen=True, slots=True)
class Link:
    """A link that is to be made once every file is there."""

    file: Path
    path: str
    target: bytes


Inside = Callable[[Git, str, Sequence[Entry], Path], list[Link]]
"""(git, commit, what the commit has, the folder it is written to): writes its submodules there; their links."""


def entries(git: Git, commit: str, folder: str) -> list[Entry]:
    """What the commit has below the folder; raises CodeMissing when it has no such folder."""
    tree = f"{commit}:{folder}" if folder else commit
    try:
        listed = git.run("ls-tree", "-r", "-l", "-z", "--full-tree", tree, doing="list the files of")
    except CodeMissing as error:
        raise CodeMissing(f"the commit {commit} of {git.where} has no folder {folder!r}") from error
    return [_entry(line) for line in listed.split(b"\0") if line]


def take_out(
    git: Git, commit: str, folder: str, into: Path, limits: Limits, submodules: Inside | None = None
) -> CodeTree:
    """Write the commit's files to the folder `into` and collect them; raises UnsafeCode naming a file."""
    into.mkdir(mode=0o700, parents=True)
    found, links = write_files(git, commit, folder, into, limits)
    if submodules is not None:
        links += submodules(git, commit, found, into)
    for link in links:
        _make(link)
    try:
        return collect(into, limits)
    except PackingError as error:
        raise UnsafeCode(f"the commit {commit} of {git.where} was refused: {_without(error, into)}") from error


def write_files(git: Git, commit: str, folder: str, into: Path, limits: Limits) -> tuple[list[Entry], list[Link]]:
    """Write the commit's files below the folder `into`; all that it has, and the links, which are made last."""
    found = entries(git, commit, folder)
    refuse_too_large(git, commit, found, limits)
    for entry in found:
        _check(entry)
    links = [entry for entry in found if entry.mode == LINK]
    files = [entry for entry in found if entry.mode not in (LINK, SUBMODULE)]
    with git.objects() as reader:
        try:
            assert reader.stdin is not None
            assert reader.stdout is not None
            for entry in files:
                _write(reader.stdin, reader.stdout, entry, into / entry.path)
            targets = [_content(reader.stdin, reader.stdout, entry) for entry in links]
        except (OSError, ValueError) as error:
            raise UnsafeCode(f"the commit {commit} of {git.where} could not be taken out: {error}") from error
        finally:
            reader.kill()
    return found, [Link(into / entry.path, entry.path, target) for entry, target in zip(links, targets, strict=True)]


def pointers(tree: CodeTree) -> list[str]:
    """The files of a tree that was taken out which are LFS's pointers to what git does not have."""
    small = [file for file in tree.manifest.files if len(POINTER) < file.size <= LONGEST_POINTER]
    return [file.path for file in small if (tree.root / file.path).read_bytes().startswith(POINTER)]


def submodules(found: Iterable[Entry]) -> list[Entry]:
    """The submodules among them; the name of each is a commit of another repository."""
    return [entry for entry in found if entry.mode == SUBMODULE]


def _entry(line: bytes) -> Entry:
    matched = _ENTRY.fullmatch(line)
    if matched is None:
        raise UnsafeCode(f"git listed a file in a way that is not understood: {line[:100]!r}")
    mode, _, name, size, path = matched.groups()
    return Entry(mode.decode(), name.decode(), int(size) if size != b"-" else 0, os.fsdecode(path))


def _check(entry: Entry) -> None:
    check_name(entry.path)
    if any(_DOT_GIT.fullmatch(part) for part in entry.path.split("/")):
        raise UnsafeCode(f"the commit has a file {entry.path!r}, which would be git's own")


def refuse_too_large(git: Git, commit: str, found: Sequence[Entry], limits: Limits) -> None:
    """Before anything is written. What is ignored may make the tree smaller: so ten times the limit is let pass."""
    total = sum(entry.size for entry in found)
    if len(found) > 10 * limits.files or total > 10 * limits.bytes:
        raise CodeTooLarge(
            f"the commit {commit} of {git.where} has {len(found)} files of {total // 1024**2} MiB, far over the limit "
            f"of {limits.files} files and {limits.bytes // 1024**2} MiB. Name a folder of it (folder=)"
        )


def _write(asked: IO[bytes], answers: IO[bytes], entry: Entry, target: Path) -> None:
    target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    left = _ask(asked, answers, entry)
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_NOFOLLOW", 0)
    with os.fdopen(os.open(target, flags, 0o700 if entry.mode == EXECUTABLE else 0o600), "wb") as out:
        while left:
            chunk = answers.read(min(left, 1024 * 1024))
            if not chunk:
                raise ValueError(f"{entry.path} ends too early")
            left -= len(chunk)
            out.write(chunk)
    answers.read(1)


def _content(asked: IO[bytes], answers: IO[bytes], entry: Entry) -> bytes:
    size = _ask(asked, answers, entry)
    if size > 4096:
        raise ValueError(f"the link {entry.path} leads nowhere: it is {size} bytes long")
    target = answers.read(size)
    answers.read(1)
    return target


def _ask(asked: IO[bytes], answers: IO[bytes], entry: Entry) -> int:
    asked.write(entry.name.encode() + b"\n")
    asked.flush()
    head = answers.readline().split()
    if len(head) != 3 or head[1] != b"blob":
        raise ValueError(f"{entry.path} is not in the repository")
    return int(head[2])


def _make(link: Link) -> None:
    """A link is made only so that it is judged by the rules for links; what is kept of it is a file's content."""
    try:
        link.file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        link.file.symlink_to(os.fsdecode(link.target))
    except (OSError, ValueError) as error:
        raise UnsafeCode(f"the link {link.path!r} of the commit cannot be made: {error}") from error


def _without(error: Exception, folder: Path) -> str:
    return str(error).replace(f"{folder}/", "").replace(str(folder), "it")
