"""Which storage keeps results: of a path, a description, a reference, or the setting HOMEPORT_RESULTS."""

from __future__ import annotations

import json
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from homeport.blobs import BlobStore
from homeport.code.errors import StorageError, UnknownStorageKind
from homeport.results import limits
from homeport.results.errors import ResultOptionError, ResultStorageUnsupported
from homeport.storage import Storage

_opened: dict[str, ResultStorage] = {}
_opening = threading.Lock()


@dataclass(frozen=True, slots=True)
class ResultStorage:
    """An opened storage, and the JSON object by which it is found again. That one holds no secret."""

    blobs: BlobStore
    reference: dict[str, Any]

    @property
    def kind(self) -> str:
        """Its kind, as in the table of entry points."""
        return str(self.reference["kind"])


def opened(given: object, *, of: str) -> ResultStorage:
    """The storage that was given to the task, the flow, or nobody (the setting then); `of` names them in messages.

    Raises ResultOptionError for what is no storage, and ResultStorageUnsupported for a kind that cannot keep results.
    """
    if given is None:
        return _of_setting()
    if isinstance(given, ResultStorage):
        return given
    return open_reference(described(given, of=of), of=of)


def described(given: object, *, of: str) -> dict[str, Any]:
    """The reference of a path, of a storage from homeport.storage, of a block "type/name", or the reference itself.

    Raises ResultOptionError for anything else.
    """
    if isinstance(given, Storage):
        described = given.to_dict()
        if "block" in described:
            return described
        if described["kind"] == "folder" and "path" not in described:
            return dict(_of_setting().reference)
        if described["kind"] == "folder":
            described["path"] = str(Path(described["path"]).expanduser().absolute())
        return described
    if isinstance(given, Mapping):
        return dict(given)
    if isinstance(given, Path):
        return _folder(given)
    if isinstance(given, str):
        if given.startswith(("/", "~", "./", "../")) or Path(given).is_absolute():
            return _folder(Path(given))
        if given.count("/") == 1:
            return _block(given, of)
        raise ResultOptionError(
            f"{of}: result_storage={given!r} is no path. Give an absolute path (a run's working folder is removed "
            f"at its end), a storage such as homeport.storage.Local('/mnt/results'), or a block: 's3/prod'."
        )
    raise ResultOptionError(
        f"{of}: result_storage is a path or a storage of homeport.storage; it was given {given!r} "
        f"of type {type(given).__name__}."
    )


def open_reference(reference: Mapping[str, Any], *, of: str) -> ResultStorage:
    """The storage of a reference, opened once in a process."""
    name = json.dumps(reference, sort_keys=True, default=repr)
    found = _opened.get(name)
    if found is None:
        with _opening:
            found = _opened[name] = _open(dict(reference), of)
    return found


def _block(name: str, of: str) -> dict[str, Any]:
    from homeport.blocks.errors import BlockError
    from homeport.blocks.kept import split

    try:
        kind, name = split(name)
    except BlockError as error:
        raise ResultOptionError(f"{of}: result_storage={name!r} is neither a path nor a block. {error.hint}") from None
    return {"kind": kind, "block": f"{kind}/{name}"}


def _open(reference: dict[str, Any], of: str) -> ResultStorage:
    """Opened; of a block with what it says now, while what is remembered of each result is its name."""
    from homeport.code.storage import open_storage

    kind, opened = reference.get("kind"), reference
    if isinstance(reference.get("block"), str):
        from homeport.blocks.kept import load_block

        opened = load_block(reference["block"]).reference
    try:
        storage: Any = open_storage(opened)
    except UnknownStorageKind as error:
        if kind in _kinds().split(", "):  # what it needs is not installed: the error says how to get it
            raise ResultStorageUnsupported(f"{of}: results cannot be kept there: {error}") from None
        raise ResultStorageUnsupported(
            f"{of}: results cannot be kept in a storage of kind {kind!r} here; this machine has {_kinds()}. "
            f"Use homeport.storage.Local(...) (a mounted share is one, too), or install the package that "
            f"offers {kind!r}."
        ) from None
    except StorageError as error:
        raise ResultOptionError(f"{of}: {error}") from error
    if not isinstance(storage, BlobStore):
        raise ResultStorageUnsupported(
            f"{of}: a storage of kind {kind!r} keeps code, and cannot keep results. Use homeport.storage.Local(...)."
        )
    return ResultStorage(storage, reference)


def _of_setting() -> ResultStorage:
    folder = limits.of_process().folder
    if not folder.exists():
        # Results are the user's data: what is made for them is for this user alone.
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    return open_reference(_folder(folder), of="the setting HOMEPORT_RESULTS")


def _folder(path: Path) -> dict[str, Any]:
    return {"kind": "folder", "path": str(path.expanduser().absolute())}


def _kinds() -> str:
    from importlib.metadata import entry_points

    from homeport.code.storage import ENTRY_POINT_GROUP

    return ", ".join(sorted(entry.name for entry in entry_points(group=ENTRY_POINT_GROUP))) or "none"
