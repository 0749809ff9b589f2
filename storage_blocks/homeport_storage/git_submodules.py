"""Submodules: the commits of other repositories that a commit names, each fetched by its hash and put where it belongs.

They are fetched like any commit: without a checkout, and from an address that was parsed. What a repository says about
its submodules is its author's word, so it is bounded: an address leads to no local path unless the repository itself
lies in one (CVE-2022-39253), logins stay with the host that they are for, and depth, number and size are limited.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from homeport.code.errors import StorageError, UnsafeCode
from homeport.code.tree import Limits
from homeport_storage import git_commits, git_tree, git_url
from homeport_storage.git_command import Access, Git, remote
from homeport_storage.git_tree import Entry, Link
from homeport_storage.git_url import GitUrl

DEEPEST = 5
MOST = 100


@dataclass
class Submodules:
    """Those of one commit of the repository that `access` leads to; `folder` is the part of it that is written."""

    access: Access
    folder: str
    limits: Limits
    _fetched: int = 0
    _room: int = field(init=False)
    _written: list[Entry] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._room = self.access.max_bytes

    def write(self, git: Git, commit: str, found: Sequence[Entry], into: Path) -> list[Link]:
        """Write all of them, and theirs, below the folder `into`; the links, which are made last.

        Raises UnsafeCode for an address, or too many, CodeTooLarge, and what fetching raises.
        """
        self._written += found
        return self._below(git, self.access, commit, self.folder, found, into, 1)

    def _below(
        self, git: Git, access: Access, commit: str, folder: str, found: Sequence[Entry], into: Path, depth: int
    ) -> list[Link]:
        wanted = git_tree.submodules(found)
        places = _places(git, commit) if wanted else {}
        links: list[Link] = []
        for entry in wanted:
            path = f"{folder}/{entry.path}" if folder else entry.path
            inner = self._access(access, path, places.get(path), depth)
            with remote(inner) as own:
                git_commits.fetch(own, inner, entry.name, None)
                below, more = git_tree.write_files(own, entry.name, "", into / entry.path, self.limits)
                self._count(own, entry.name, below)
                links += [*more, *self._below(own, inner, entry.name, "", below, into / entry.path, depth + 1)]
        return links

    def _access(self, outer: Access, path: str, given: str | None, depth: int) -> Access:
        """How the submodule is reached: with the login of the repository only where that is for its host."""
        if given is None:
            raise UnsafeCode(f"{outer.where} has a submodule {path!r}, and its .gitmodules does not say where it is")
        if depth > DEEPEST or self._fetched == MOST:
            raise UnsafeCode(
                f"{self.access.where} has submodules more than {DEEPEST} deep, or more than {MOST} of them, at {path!r}"
            )
        self._fetched += 1
        try:
            url = address(outer.url, given)
        except UnsafeCode as error:
            raise UnsafeCode(f"the submodule {path!r} of {outer.where} cannot be fetched: {error}") from None
        if outer.password is not None and url.scheme == "ssh" and url.host == outer.url.host:
            # Its author logs in by ssh; we have a token for this host.
            url = replace(outer.url, path=f"/{url.path.lstrip('/')}")
        if url.site == outer.url.site:
            return replace(outer, url=url, max_bytes=self._room)
        return Access(url, known_hosts_file=outer.known_hosts_file, timeout=outer.timeout, max_bytes=self._room)

    def _count(self, git: Git, commit: str, found: Sequence[Entry]) -> None:
        self._written += found
        git_tree.refuse_too_large(git, commit, self._written, self.limits)
        self._room = max(1, self._room - git.size())


def address(outer: GitUrl, given: str) -> GitUrl:
    """The address of a submodule, which may be relative to that of the repository; raises UnsafeCode."""
    if not given.startswith(("./", "../")):
        url = git_url.parse(given)
        if url.scheme == "file" and outer.scheme != "file":
            raise UnsafeCode("it leads to a path of this machine")
        return url
    parts, below = outer.path.rstrip("/").split("/"), given.split("/")
    while below and below[0] in (".", ".."):
        if below.pop(0) == "..":
            if not parts or parts[-1] == "":
                raise UnsafeCode("it leads out of its host")
            parts.pop()
    return git_url.parse(str(replace(outer, path="/".join([*parts, *below]))))


def _places(git: Git, commit: str) -> Mapping[str, str]:
    """Path of each submodule -> its address, as .gitmodules has them; includes of that file are not followed."""
    try:
        said = git.run("config", "--blob", f"{commit}:.gitmodules", "-z", "--list", doing="read .gitmodules of")
    except StorageError:
        return {}  # there is none: what lacks an address is told by its path
    known: dict[str, dict[str, str]] = {}
    for line in said.decode("utf-8", "replace").split("\0"):
        key, _, value = line.partition("\n")
        section, _, option = key.rpartition(".")
        if section.startswith("submodule."):
            known.setdefault(section, {})[option] = value
    return {one["path"].strip("/"): one["url"] for one in known.values() if "path" in one and "url" in one}
