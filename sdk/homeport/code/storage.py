"""What a kind of storage must be able to do, and how the right one is found.

A reference is a JSON object that says where the code lies, `{"kind": "folder", "path": "/srv/flows"}`. It goes
through the control plane, so it never holds a secret: those are resolved where the storage is opened.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from homeport.code.errors import UnknownStorageKind

if TYPE_CHECKING:
    from homeport.code.tree import CodeTree

ENTRY_POINT_GROUP = "homeport.storage"

StorageReference = dict[str, Any]
"""A JSON object with a "kind" and what that kind needs to find the code again. No secrets."""


@dataclass(frozen=True, slots=True)
class CheckReport:
    """Whether a storage can be used from here, what was looked at, and how to mend it (empty when ok)."""

    ok: bool
    storage: str
    evidence: str
    mend: str = ""


class Storage(Protocol):
    """One storage that the customer owns. Methods block; call them from a thread where that matters."""

    kind: str

    @classmethod
    def from_reference(cls, reference: Mapping[str, Any]) -> Storage:
        """The storage that a reference names; raises StorageError when the reference lacks something."""
        ...

    def put(self, tree: CodeTree) -> StorageReference:
        """Keep the tree under its digest and return where it is. Keeping the same tree again costs almost nothing.

        Raises StorageUnreachable or StorageRefused, and CodeChanged when a file is written to meanwhile.
        """
        ...

    def fetch(self, reference: Mapping[str, Any], digest: str, into: Path) -> None:
        """Write the verified tree to the folder `into`, which must not exist yet; it appears complete or not at all.

        Raises CodeMissing, DigestMismatch, UnsafeCode, StorageUnreachable or StorageRefused.
        """
        ...

    def check(self) -> CheckReport:
        """Look whether the storage can be read and written from here; never raises."""
        ...


def folder_reference(folder: Path) -> StorageReference:
    """The reference of a folder storage: a local path or a mounted share."""
    return {"kind": "folder", "path": str(folder.expanduser().absolute())}


def open_storage(reference: Mapping[str, Any]) -> Storage:
    """The storage a reference names, of whichever installed package offers its kind; raises UnknownStorageKind."""
    from importlib.metadata import entry_points

    kind = reference.get("kind")
    found = {entry.name: entry for entry in entry_points(group=ENTRY_POINT_GROUP)}
    if not isinstance(kind, str) or kind not in found:
        known = ", ".join(sorted(found)) or "none"
        raise UnknownStorageKind(
            f"the code lies in a storage of kind {kind!r}, and this machine can open: {known}. "
            "Install the package that offers it, for both the agent and the machine that registers."
        )
    storage_class: type[Storage] = found[kind].load()
    return storage_class.from_reference(reference)
