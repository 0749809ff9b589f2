"""A git repository as storage of code: what is kept is a commit, and the hosts of git keep it.

`put` sends nothing. It finds the commit (of the branch or tag that was named, or the one that is checked out), looks
whether the repository has it, and whether its files are those of this machine: else an agent would run other code than
the one that was registered. `fetch` gets that commit, however the branch has moved since, and checks the digest.
"""

from __future__ import annotations

import shutil
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from homeport.code.errors import (
    CodeMissing,
    DigestMismatch,
    StorageDenied,
    StorageError,
    StorageRefused,
    StorageUnreachable,
    UnsafeCode,
)
from homeport.code.manifest import Manifest, is_digest
from homeport.code.storage import CheckReport, CheckStep, LocalFiles, StepName, StorageReference, Stored
from homeport.code.tree import CodeTree, Limits
from homeport.secrets import SecretError, resolve
from homeport_storage import git_commits, git_differences, git_tree, git_url, placing
from homeport_storage.git_command import Access, Git, remote
from homeport_storage.git_fields import GitFields, RepositoryFields
from homeport_storage.git_submodules import Submodules
from homeport_storage.resolving import unresolved

if TYPE_CHECKING:
    from homeport.blocks.fields import BlockFields


@dataclass(frozen=True, slots=True)
class Checkout:
    """The checkout that a tree on this machine lies in."""

    git: Git
    top: Path
    folder: str
    origin: str | None
    head: str | None


class GitStorage:
    """A commit of a repository as storage of code. It cannot keep results."""

    kind: ClassVar[str] = "git"
    block_fields: ClassVar[type[RepositoryFields]] = GitFields

    def __init__(self, fields: RepositoryFields) -> None:
        """The storage in this repository; nothing is asked before the first call."""
        self._fields = fields

    @classmethod
    def fields(cls) -> type[BlockFields]:
        """The fields of a block of this kind."""
        return cls.block_fields

    @classmethod
    def from_reference(cls, reference: Mapping[str, Any]) -> GitStorage:
        """The repository that a reference names; raises UnsafeCode when it is no such reference."""
        return cls(cls.block_fields.of_reference(reference))

    @property
    def where(self) -> str:
        """The storage as a user knows it."""
        address = self._fields.address()
        if address is not None:
            return f"the git repository {git_url.parse(address)}"
        secret = getattr(self._fields, "url_secret", None)
        return f"the git repository that {secret} names" if secret else "the git repository of this checkout"

    def put(self, tree: CodeTree) -> Stored:
        """Find the commit that has exactly this tree; raises StorageRefused naming what it has not.

        Nothing is sent: what is not pushed yet is for the user to push.
        """
        checkout = _checkout(tree.root)
        access = self._access(checkout)
        folder = self._folder(checkout, tree.root)
        with self._with_commit(access, checkout) as (git, commit), _scratch() as scratch:
            kept = _taken_out(git, access, self._fields, commit, folder, scratch)
            self._look_for_path(git, commit, access)
            wanted = git_differences.Wanted(git, commit, folder, access.where, self._fields.include_submodules)
            git_differences.refuse_pointers(kept, wanted)
            head = checkout.head if checkout is not None else None
            git_differences.refuse(tree, kept, wanted, in_checkout=checkout is not None, head=head)
            return Stored(self._reference(access, commit, folder), kept.digest)

    def fetch(self, reference: Mapping[str, Any], digest: str, into: Path, have: LocalFiles | None = None) -> Manifest:
        """Write the verified tree of the reference's commit to `into`; see Storage.fetch. All of it travels."""
        if not is_digest(digest):
            raise UnsafeCode(f"{digest!r} is not a code digest (sha256: and 64 hex digits)")
        fields = self.block_fields.of_reference(reference)
        if fields.commit is None:
            raise UnsafeCode(f"the storage reference of kind {self.kind} names no commit; register the flow again")
        access = self._access(None)
        with remote(access) as git, _scratch() as scratch:
            git_commits.fetch(git, access, fields.commit, fields.ref)
            kept = _taken_out(git, access, fields, fields.commit, fields.folder, scratch)
            if kept.digest != digest:
                raise DigestMismatch(
                    f"the commit {fields.commit} of {access.where} has other files than were registered: asked for "
                    f"{digest}, found {kept.digest}. Register the flow again, with the same version of Homeport as "
                    "the agents"
                )
            placing.place(kept, into, where=access.where)
            return kept.manifest

    def copy_to(self, into: Path, below: str = "") -> int:
        """Write what the commit, or the ref's newest, has below a folder to `into`, file by file; how many there are.

        A file that is there is replaced, at once and whole. Raises CodeMissing, UnsafeCode and what asking raises.
        """
        fields, access = self._fields, self._access(None)
        folder = "/".join(part for part in (fields.folder, below) if part)
        with remote(access) as git, _scratch() as scratch:
            commit = fields.commit or git_commits.resolved(git, access, fields.ref)
            git_commits.fetch(git, access, commit, fields.ref)
            kept = _taken_out(git, access, fields, commit, folder, scratch)
            placing.copy(kept, into, where=access.where)
            return len(kept.manifest.files)

    def check(self) -> CheckReport:
        """Ask the repository for its refs; see Storage.check. Writing is never tried: it is for git push."""
        began = time.perf_counter()
        try:
            access = self._access(None)
            with remote(access) as git:
                found = self._fields.commit or git_commits.resolved(git, access, self._fields.ref)
        except StorageError as error:
            return _failed(self.where, error, time.perf_counter() - began)
        took = time.perf_counter() - began
        steps = (
            CheckStep("reachable", True, "it answers", took),
            CheckStep("authenticated", True, "it lets us in"),
            CheckStep("write", None, "not tried: code gets there by git push"),
            CheckStep("read", True, f"{self._fields.ref or 'HEAD'} is the commit {found}"),
        )
        return CheckReport(access.where, steps)

    def _folder(self, checkout: Checkout | None, root: Path) -> str:
        """The folder of the repository that the tree is."""
        folder = self._fields.folder
        if checkout is None or not folder or folder == checkout.folder:
            return folder or (checkout.folder if checkout is not None else "")
        raise StorageRefused(
            f"the storage says folder={folder!r}, and the flow is registered from {checkout.folder or 'the top'} of "
            f"{checkout.top}. Give --root {checkout.top / folder}, or leave folder out"
        )

    def _reference(self, access: Access, commit: str, folder: str) -> StorageReference:
        """The fields that were given, and what was found out: the commit, the folder, the address of the checkout."""
        given = self._fields.model_dump(mode="json", exclude_defaults=True)
        if isinstance(self._fields, GitFields) and self._fields.address() is None and not self._fields.url_secret:
            given["url"] = str(access.url)
        which: dict[str, Any] = {name: given.pop(name) for name in ("url", "repo", "url_secret") if name in given}
        found = {"commit": commit, **({"folder": folder} if folder else {})}
        return {"kind": self.kind, **which, **given, **found}

    def _access(self, checkout: Checkout | None) -> Access:
        """Address and secrets, resolved on this machine; raises UnsafeCode, StorageDenied or StorageRefused."""
        fields = self._fields
        url, login = self._address(checkout)
        try:
            username, password = self._login()
            ssh_key = str(resolve(fields.ssh_key).get()) if fields.ssh_key else None
        except SecretError as error:
            raise unresolved(error, f"cannot log in to the git repository {url}") from None
        password = password if password is not None else login.password
        if password is not None and not url.is_private:
            raise StorageRefused(
                f"the token for the git repository {url} would travel readably, over http; use https://"
            )
        return Access(
            url,
            username or login.username or fields.token_user,
            password,
            ssh_key,
            fields.ssh_key_file,
            fields.known_hosts_file,
            fields.timeout,
            fields.max_megabytes * 1024 * 1024,
        )

    def _login(self) -> tuple[str | None, str | None]:
        """The user and the token or password, where the fields name them."""
        token = self._fields.access_token
        return self._fields.username, str(resolve(token).get()) if token else None

    def _address(self, checkout: Checkout | None) -> tuple[git_url.GitUrl, git_url.Login]:
        fields = self._fields
        if isinstance(fields, GitFields) and fields.url_secret is not None:
            try:
                return git_url.split_login(str(resolve(fields.url_secret).get()))
            except SecretError as error:
                raise unresolved(error, "the address of the git repository is not known") from None
        address = fields.address()
        if address is not None:
            return git_url.parse(address), git_url.Login()
        if checkout is None or checkout.origin is None:
            raise StorageRefused(
                "the storage of kind git names no repository, and the flow's folder is no checkout with a remote "
                "'origin' that could be taken for it; give url='https://...'"
            )
        # What logs in there is this machine's, and must not be kept: an agent has a secret of its own.
        url, _ = git_url.split_login(checkout.origin)
        return url, git_url.Login()

    @contextmanager
    def _with_commit(self, access: Access, checkout: Checkout | None) -> Iterator[tuple[Git, str]]:
        """git where the commit is to be found, and the commit; the checkout, if it has what the repository has."""
        fields = self._fields
        with remote(access) as git:
            commit, known = self._chosen(git, access, checkout)
            if known and checkout is not None and git_commits.has(checkout.git, commit):
                yield checkout.git, commit
                return
            try:
                git_commits.fetch(git, access, commit, fields.ref)
            except CodeMissing as error:
                if checkout is not None and commit == checkout.head and fields.commit is None:
                    raise StorageRefused(
                        f"{access.where} does not have the commit {commit}, which is checked out in {checkout.top}. "
                        "Push it: git push"
                    ) from error
                raise
            yield git, commit

    def _chosen(self, git: Git, access: Access, checkout: Checkout | None) -> tuple[str, bool]:
        """The commit to register, and whether the repository is known to have it."""
        fields = self._fields
        if fields.commit is not None:
            return fields.commit, False
        if fields.ref is not None and git_url.is_commit(fields.ref):
            return fields.ref, False
        if fields.ref is None and checkout is not None and checkout.head is not None and _is_of(checkout, access):
            tips = git.run("ls-remote", "--", str(access.url), doing="read", within=git_commits.LOOK_SECONDS).decode()
            return checkout.head, any(line.split("\t")[0] == checkout.head for line in tips.splitlines())
        return git_commits.resolved(git, access, fields.ref), True

    def _look_for_path(self, git: Git, commit: str, access: Access) -> None:
        path = self._fields.path
        if path and not any(entry.path == path for entry in git_tree.entries(git, commit, "")):
            raise StorageRefused(f"the commit {commit} of {access.where} has no file {path}. Push it, or mend path=")


def _taken_out(git: Git, access: Access, fields: RepositoryFields, commit: str, folder: str, scratch: Path) -> CodeTree:
    limits = Limits()
    inside = Submodules(access, folder, limits).write if fields.include_submodules else None
    return git_tree.take_out(git, commit, folder, scratch / "tree", limits, inside)


def _checkout(root: Path) -> Checkout | None:
    """The checkout that the folder lies in; None when it lies in none."""
    try:
        git = Git(root)
        top = Path(git.run("rev-parse", "--show-toplevel", doing="look into").decode().rstrip("\n"))
    except StorageUnreachable:
        return None
    return Checkout(
        git,
        top,
        "" if root.resolve() == top.resolve() else root.resolve().relative_to(top.resolve()).as_posix(),
        _said(git, "config", "--get", "remote.origin.url"),
        _said(git, "rev-parse", "--verify", "--quiet", "HEAD^{commit}"),
    )


def _said(git: Git, *arguments: str) -> str | None:
    try:
        return git.run(*arguments, doing="look into").decode().strip() or None
    except StorageError:
        return None


def _is_of(checkout: Checkout, access: Access) -> bool:
    """Whether the checkout is one of the repository that is named."""
    if checkout.origin is None:
        return False
    try:
        url, _ = git_url.split_login(checkout.origin)
    except UnsafeCode:
        return False
    return url.same_as(access.url)


@contextmanager
def _scratch() -> Iterator[Path]:
    folder = Path(tempfile.mkdtemp(prefix="homeport-tree-"))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _failed(where: str, error: StorageError, took: float) -> CheckReport:
    said = str(error)
    refused: StepName = "read"
    if isinstance(error, StorageUnreachable):
        refused = "reachable"
    elif isinstance(error, StorageDenied):
        refused = "authenticated"
    order: tuple[StepName, ...] = ("reachable", "authenticated", "read")
    seen = {"reachable": "it answers", "authenticated": "it lets us in"}
    steps: list[CheckStep] = []
    for place, name in enumerate(order):
        tried = place <= order.index(refused)
        ok = (name != refused) if tried else None
        evidence = said if name == refused else seen[name] if tried else "not tried"
        steps.append(CheckStep(name, ok, evidence, took if place == 0 else None))
    steps.insert(2, CheckStep("write", None, "not tried: code gets there by git push"))
    mend = "look at the address, the ref and the secret that the storage names: it is resolved on this machine"
    return CheckReport(where, tuple(steps), mend)
