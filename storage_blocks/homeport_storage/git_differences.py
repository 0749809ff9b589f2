"""Whether a commit has exactly the files that lie here; else what is not the same, and what to do about it.

An agent would run what the commit has: so code is registered only if that is what was described and tried here.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from homeport.code.errors import StorageError, StorageRefused
from homeport.code.tree import CodeTree
from homeport_storage import git_tree
from homeport_storage.git_command import Git

NAMED = 10
"""How many files a message names."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """The commit that is to be registered, or a folder of it, and whether its submodules are part of it."""

    git: Git
    commit: str
    folder: str
    where: str
    with_submodules: bool

    def __str__(self) -> str:
        return f"the commit {self.commit} of {self.where}"

    def submodules(self) -> list[str]:
        """The paths of its submodules."""
        found = git_tree.entries(self.git, self.commit, self.folder)
        return [entry.path for entry in git_tree.submodules(found)]


def refuse_pointers(kept: CodeTree, wanted: Wanted) -> None:
    """Raises StorageRefused for files of which git has only the pointers of LFS: no agent would have their contents."""
    found = git_tree.pointers(kept)
    if found:
        raise StorageRefused(
            f"{wanted} has only pointers of Git LFS where these files should be: {_names(found)}. Their contents are "
            "no part of git, so no agent would have them. Keep what the flow needs in git itself or in a bucket, and "
            "name the rest in .homeportignore"
        )


def refuse(tree: CodeTree, kept: CodeTree, wanted: Wanted, *, in_checkout: bool, head: str | None) -> None:
    """Raises StorageRefused, naming files, unless the tree is what the commit has; `head` is what is checked out."""
    here = {file.path: file for file in tree.manifest.files}
    there = {file.path: file for file in kept.manifest.files}
    changed = sorted(path for path, file in here.items() if path in there and there[path] != file)
    gone = sorted(there.keys() - here.keys())
    new = sorted(here.keys() - there.keys())
    modules = wanted.submodules() if new or gone or changed else []
    if new and in_checkout:
        new = sorted(set(new) - _ignored_by_git(tree.root, new, modules))
    parts = [
        f"{word}: {_names(paths)}"
        for word, paths in (("changed here", changed), ("not in the commit", new), ("not here", gone))
        if paths
    ]
    if not parts:
        return
    mend = "Commit and push what is to run (git add, git commit, git push), then register again"
    if head not in (None, wanted.commit):
        mend += f"; or check that commit out (here, {head} is)"
    inside = [module for module in modules if any(_is_below(path, module) for path in (*changed, *new, *gone))]
    if inside and wanted.with_submodules:
        mend += f". The submodule {inside[0]} is fetched at the commit that is named (git submodule update --init)"
    elif inside:
        mend += f". The submodule {inside[0]} is left out: give include_submodules=True"
    raise StorageRefused(
        f"{wanted} is not what lies in {tree.root}: {'; '.join(parts)}. {mend}. What only this machine needs is "
        "named in .gitignore or .homeportignore"
    )


def _is_below(path: str, folder: str) -> bool:
    return path.startswith(f"{folder}/")


def _ignored_by_git(root: Path, paths: Sequence[str], modules: Sequence[str]) -> set[str]:
    """Those of the paths that .gitignore names, in a submodule its own: not meant for the repository, so no code."""
    asked: dict[str, list[str]] = {}
    for path in paths:
        module = next((module for module in modules if _is_below(path, module)), "")
        asked.setdefault(module, []).append(path)
    return {path for module, below in asked.items() for path in _ignored_in(root, module, below)}


def _ignored_in(root: Path, module: str, paths: Sequence[str]) -> list[str]:
    start = f"{module}/" if module else ""
    asked = "".join(f"{path.removeprefix(start)}\0" for path in paths).encode("utf-8", "surrogateescape")
    try:
        said = Git(root / module).run("check-ignore", "-z", "--stdin", doing="look into", stdin=asked)
    except StorageError:
        return []  # it ends with 1 when none is
    return [start + path.decode("utf-8", "surrogateescape") for path in said.split(b"\0") if path]


def _names(paths: Sequence[str]) -> str:
    more = f" and {len(paths) - NAMED} more" if len(paths) > NAMED else ""
    return ", ".join(paths[:NAMED]) + more
