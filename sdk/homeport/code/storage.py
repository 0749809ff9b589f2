"""What a kind of storage must be able to do, and how the right one is found.

A reference is a JSON object that says where the code lies, `{"kind": "folder", "path": "/srv/flows"}`. It goes
through the control plane, so it never holds a secret: those are named (`"password": "env:SMB_PASSWORD"`), and resolved
where the storage is opened.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Protocol, runtime_checkable

from homeport.code.errors import CodeMissing, UnknownStorageKind, UnsafeCode

if TYPE_CHECKING:
    from homeport.blocks.fields import BlockFields
    from homeport.code.manifest import Manifest
    from homeport.code.tree import CodeTree

ENTRY_POINT_GROUP = "homeport.storage"

StorageReference = dict[str, Any]
"""A JSON object with a "kind" and what that kind needs to find the code again. No secrets."""

LocalFiles = Callable[[str], Path | None]
"""(sha256 of a file) -> a file on this machine that should have that content, and is hashed before it is believed."""

StepName = Literal["reachable", "authenticated", "write", "read"]


@dataclass(frozen=True, slots=True)
class CheckStep:
    """One thing that was tried, and what was seen: `ok` is None where there was nothing to try, or no sense in it.

    The steps of a storage are named as StepName says; a block's are these, and others before them.
    """

    name: str
    ok: bool | None
    evidence: str
    seconds: float | None = None
    mend: str = ""


@dataclass(frozen=True, slots=True)
class CheckReport:
    """What of a storage or a block, `what`, works from here, and how to mend what does not (empty when all does)."""

    what: str
    steps: tuple[CheckStep, ...]
    mend: str = ""

    @property
    def ok(self) -> bool:
        """Whether everything that was tried works."""
        return all(step.ok is not False for step in self.steps)

    @property
    def evidence(self) -> str:
        """What was seen at the step that failed, or at the last one that worked."""
        failed = [step for step in self.steps if step.ok is False]
        seen = failed or [step for step in self.steps if step.ok]
        return seen[-1].evidence if seen else ""


@dataclass(frozen=True, slots=True)
class Stored:
    """Where a tree is kept, the digest that names it there, and what had to travel for it."""

    reference: StorageReference
    digest: str
    sent_files: int = 0
    sent_bytes: int = 0
    module: str | None = None
    """The module that the flow is found in, for code that lies in place already; None for a tree that was given."""


class Storage(Protocol):
    """One storage that the customer owns. Methods block; call them from a thread where that matters."""

    kind: str

    @classmethod
    def fields(cls) -> type[BlockFields]:
        """What a block of this kind is made of; a reference has the same names."""
        ...

    @classmethod
    def from_reference(cls, reference: Mapping[str, Any]) -> Storage:
        """The storage that a reference names; raises StorageError when the reference lacks something."""
        ...

    def put(self, tree: CodeTree) -> Stored:
        """Keep the tree and say where it is. Keeping the same tree again costs almost nothing.

        Raises StorageUnreachable or StorageRefused, and CodeChanged when a file is written to meanwhile.
        """
        ...

    def fetch(self, reference: Mapping[str, Any], digest: str, into: Path, have: LocalFiles | None = None) -> Manifest:
        """Write the verified tree to the folder `into`, which must not exist yet; it appears complete or not at all.

        Gives back its manifest, whose digest is `digest`: what the agent has now, and need not fetch for the next
        version. Files that `have` knows need not travel. Raises CodeMissing, DigestMismatch, UnsafeCode,
        StorageUnreachable or StorageRefused.
        """
        ...

    def check(self) -> CheckReport:
        """Look what of the storage works from here; never raises."""
        ...


@runtime_checkable
class InPlace(Protocol):
    """A kind whose code lies already where flows run: nothing of the folder a flow is registered from is packed."""

    def installed(self) -> CodeTree:
        """What lies here, for `put`; raises CodeMissing or PackingError."""
        ...


@runtime_checkable
class Verifies(Protocol):
    """A kind that can try, before a flow is registered, whether it can be imported where its code was put."""

    def verify(self, stored: Stored, entrypoint: str) -> None:
        """Import the flow there; raises NotImportable with the lines that failed and the mend, or a StorageError."""
        ...


_LOADED: dict[str, type[Storage]] = {}


def folder_reference(folder: Path) -> StorageReference:
    """The reference of a folder storage: a local path or a mounted share."""
    return {"kind": "folder", "path": str(folder.expanduser().absolute())}


def storage_class(kind: object) -> type[Storage]:
    """What stores and fetches this kind, of whichever installed package offers it; raises UnknownStorageKind."""
    if isinstance(kind, str) and kind in _LOADED:
        return _LOADED[kind]
    from importlib.metadata import entry_points

    found = {entry.name: entry for entry in entry_points(group=ENTRY_POINT_GROUP)}
    if not isinstance(kind, str) or kind not in found:
        known = ", ".join(sorted(found)) or "none"
        raise UnknownStorageKind(
            f"the code lies in a storage of kind {kind!r}, and this machine can open: {known}. "
            "Install the package that offers it, for both the agent and the machine that registers."
        )
    try:
        loaded: type[Storage] = found[kind].load()
    except ModuleNotFoundError as error:
        raise UnknownStorageKind(
            f"a storage of kind {kind!r} needs the package {error.name}, which is not installed here: "
            f"pip install 'homeport[{kind}]'"
        ) from error
    _LOADED[kind] = loaded  # looking through all that is installed takes longer than registering one file
    return loaded


def open_storage(reference: Mapping[str, Any]) -> Storage:
    """The storage a reference names, of whichever installed package offers its kind.

    `subfolder` is a folder below the storage's own. Raises UnknownStorageKind, UnsafeCode, and CodeMissing where the
    block was deleted since.
    """
    kind, block = storage_class(reference.get("kind")), reference.get("block")
    if reference.get("blockDeleted"):
        raise CodeMissing(
            f"the block {block}, which alone said where the code lies, was deleted after this version was registered",
            "This run cannot be had back: create one of the newest version (a block of the same name is another block)",
        )
    reference = below(kind, reference)
    if block is None:
        return kind.from_reference(reference)
    try:
        return kind.from_reference(reference)
    except UnsafeCode as error:
        raise UnsafeCode(
            f"{error} (Of the block {block}: was it changed, or deleted, since? See: homeport block check {block})"
        ) from None


def below(kind: type[Storage], reference: Mapping[str, Any]) -> Mapping[str, Any]:
    """The reference with its subfolder made part of the folder that the kind knows; raises UnsafeCode."""
    folder = reference.get("subfolder")
    if folder is None:
        return reference
    parts = str(folder).strip("/").split("/")
    known = kind.fields().model_fields
    base = next((name for name in ("prefix", "path") if name in known), None)
    if base is None or not hasattr(kind, "write"):  # a git repository's path is no place to write to
        raise UnsafeCode(f"a storage of kind {kind.kind} has no folders: it cannot keep code in {str(folder)[:100]!r}")
    if any(part in ("", ".", "..") for part in parts):
        raise UnsafeCode(f"{str(folder)[:100]!r} is no folder within a storage")
    above = str(reference.get(base) or "")
    whole = "/".join([above.rstrip("/"), *parts] if above else parts)
    return {name: value for name, value in reference.items() if name != "subfolder"} | {base: whole}
