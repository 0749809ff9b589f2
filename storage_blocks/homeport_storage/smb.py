"""An SMB share as storage: Samba, Windows, a NAS; by SMB 2 and 3, signed and encrypted unless told otherwise.

A file is written beside its place, flushed, and renamed, so that a reader sees all of it or nothing. Requests about one
file travel together: a small file is read in one round trip and written in two.
"""

from __future__ import annotations

import re
import time
import uuid
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from functools import cached_property, partial
from itertools import chain
from typing import TYPE_CHECKING, Any, ClassVar, TypeVar
from urllib.parse import unquote

from smbprotocol.exceptions import SMBException, SMBResponseException
from smbprotocol.file_info import (
    FileAttributes,
    FileDispositionInformation,
    FileInformationClass,
    FileRenameInformation,
)
from smbprotocol.open import (
    CreateDisposition,
    CreateOptions,
    DirectoryAccessMask,
    FilePipePrinterAccessMask,
    ImpersonationLevel,
    ShareAccess,
    SMB2SetInfoRequest,
)

from homeport.code.storage import CheckReport, StorageReference
from homeport.secrets import SecretError
from homeport_storage import checks
from homeport_storage.blob_storage import BlobStorage
from homeport_storage.kept import Kept
from homeport_storage.resolving import unresolved
from homeport_storage.smb_connections import Action, Connections, Folder
from homeport_storage.smb_errors import (
    END_OF_FILE,
    IN_USE,
    NAME_NOT_FOUND,
    NO_MORE_FILES,
    NOT_THERE,
    PATH_NOT_FOUND,
    explained,
    is_lost,
    status_of,
)
from homeport_storage.smb_fields import SmbFields

if TYPE_CHECKING:
    from homeport.blocks.fields import BlockFields

T = TypeVar("T")

CHUNK = 1024 * 1024
SMALL = 64 * 1024
"""What costs one credit: a file up to this size is read in one round trip."""
REPLACE_SECONDS = 5.0
"""How long a rename waits for readers of what it replaces."""

_READING = FilePipePrinterAccessMask.FILE_READ_DATA | FilePipePrinterAccessMask.FILE_READ_ATTRIBUTES
_WRITING = FilePipePrinterAccessMask.FILE_WRITE_DATA | FilePipePrinterAccessMask.DELETE
_EVERYBODY = ShareAccess.FILE_SHARE_READ | ShareAccess.FILE_SHARE_WRITE | ShareAccess.FILE_SHARE_DELETE
_PARTIAL = re.compile(r"\.[0-9a-f]{32}\.part")  # a file on its way
_UNSAFE = re.compile(r'[<>:"|?*%\\]|[. ]$')
_DEVICES = re.compile(r"^(?:con|prn|aux|nul|com[0-9]|lpt[0-9])(?=\.|$)", re.IGNORECASE)


_connections: Kept[Connections] = Kept()


class SmbStorage(BlobStorage):
    """A folder on an SMB share as storage of code and results."""

    kind: ClassVar[str] = "smb"
    parallel = 4
    questions_per_connection = 8

    def __init__(self, fields: SmbFields, *, anew: bool = False) -> None:
        """The storage in this folder, by connections of its own if `anew`; nothing is connected before a call."""
        self._fields = fields
        self._anew = anew

    @classmethod
    def fields(cls) -> type[BlockFields]:
        """The fields of a block of this kind."""
        return SmbFields

    @classmethod
    def from_reference(cls, reference: Mapping[str, Any]) -> SmbStorage:
        """The share that a reference names; raises UnsafeCode when it is no such reference."""
        fields = SmbFields.of_reference(reference)
        assert isinstance(fields, SmbFields)
        return cls(fields)

    @property
    def where(self) -> str:
        """The storage as a user knows it."""
        fields = self._fields
        host = fields.host if fields.port == 445 else f"{fields.host}:{fields.port}"
        return "the SMB share //" + "/".join(part for part in (host, fields.share, fields.path) if part)

    def reference(self) -> StorageReference:
        """Everything but what is as usual; the password by the name of its secret."""
        return {"kind": self.kind, **self._fields.model_dump(mode="json", exclude_defaults=True)}

    def check(self) -> CheckReport:
        """See Storage.check; by a new connection, so that what it says of the login is of today."""
        return checks.check(type(self)(self._fields, anew=True))

    def size(self, key: str) -> int | None:
        """How many bytes are kept under the key; None when there is nothing."""

        def look(folder: Folder) -> int:
            file = folder.file(_name(key))
            folder.together(_opening(file, FilePipePrinterAccessMask.FILE_READ_ATTRIBUTES), _closing(file))
            return int(file.end_of_file)

        try:
            return self._asked("look into", look)
        except KeyError:
            return None

    def write(self, key: str, chunks: Iterable[bytes]) -> None:
        """Keep the chunks under the key: written beside it, flushed, renamed."""
        pieces = _pieces(chunks, CHUNK)
        first, second = next(pieces, b""), next(pieces, None)
        if second is None:
            self._asked("write to", lambda folder: _Upload(folder, _name(key)).all(first))
            return
        # What is read from `chunks` cannot be read again: a connection that has died is found before.
        with self._explained("write to"), self._connections.lent(sure=True) as folder:
            _Upload(folder, _name(key)).stream(chain((first, second), pieces))

    def read(self, key: str, start: int = 0, length: int | None = None) -> Iterator[bytes]:
        """The bytes in pieces; KeyError when there is nothing under the key."""
        name = _name(key)
        found = self._asked("read", lambda folder: _short(folder, name, start, length))
        if found is not None:
            if found:
                yield found
            return
        with self._explained("read"), self._connections.lent() as folder:
            yield from _long(folder, name, start, length)

    def keys(self, below: str = "") -> Iterator[str]:
        """The keys below a folder; see Listing. Names that no key has, because others made them, are left out."""
        folders = [_name(below) if below else ""]
        while folders:
            here = folders.pop()
            try:
                found = self._asked("look into", partial(_listed, name=here))
            except KeyError:
                continue
            for name, is_folder in found:
                whole = f"{here}\\{name}" if here else name
                if is_folder:
                    folders.append(whole)
                elif (key := _key_of(whole)) is not None:
                    yield key

    def remove(self, key: str) -> None:
        """Remove what is under the key, and its folder if nothing else is in it."""

        def taken_away(folder: Folder) -> None:
            name = _name(key)
            _delete(folder, name)
            if "\\" in name:
                with suppress(SMBResponseException):  # other files are in it
                    _delete(folder, name.rpartition("\\")[0], kind=CreateOptions.FILE_DIRECTORY_FILE)

        with suppress(KeyError):
            self._asked("remove from", taken_away)

    @cached_property
    def _connections(self) -> Connections:
        """Those of this folder: other storages that are opened alike share them."""

        def make() -> Connections:
            return Connections(self._fields, keep=self.parallel)

        return make() if self._anew else _connections.get(self._fields, make)

    def _asked(self, doing: str, call: Callable[[Folder], T]) -> T:
        """What the call says; on a connection that had died since it was last used, it is made again on a new one."""
        with self._explained(doing):
            reused = False
            try:
                with self._connections.lent() as folder:
                    reused = folder.used
                    return call(folder)
            except (SMBException, OSError, ValueError) as error:
                if not reused or not is_lost(error):
                    raise
            self._connections.forget()
            with self._connections.lent() as folder:
                return call(folder)

    @contextmanager
    def _explained(self, doing: str) -> Iterator[None]:
        try:
            yield
        except SecretError as error:
            raise unresolved(error, f"cannot {doing} {self.where}") from None
        except (SMBException, OSError, ValueError) as error:
            if doing != "write to" and status_of(error) in NOT_THERE:
                raise KeyError(doing) from error
            encrypted = self._fields.require_encryption
            raise explained(error, doing=doing, where=self.where, encrypted=encrypted) from error


class _Upload:
    """One file on its way: under a name of its own until it is complete."""

    def __init__(self, folder: Folder, name: str) -> None:
        self._folder = folder
        self._name = name
        self._partial = "\\".join([*name.split("\\")[:-1], f".{uuid.uuid4().hex}.part"])
        self._file = folder.file(self._partial)
        self._offset = 0

    def all(self, content: bytes) -> None:
        """Keep content that is in memory."""
        with self._given_up_on_error():
            self._begin(content, None)
            if self._offset < len(content):
                self._send(content[self._offset :])
                self._folder.together(self._file.flush(send=False))
            self._replace()

    def stream(self, pieces: Iterable[bytes]) -> None:
        """Keep what comes in pieces. Should we die on the way, the server removes what it has got of it."""
        with self._given_up_on_error():
            self._begin(b"", _disposition(delete=True))
            for piece in pieces:
                self._send(piece)
            self._folder.together(_set(self._file, _disposition(delete=False)), self._file.flush(send=False))
            self._replace()

    def _begin(self, content: bytes, disposition: Any) -> None:
        now = content[: self._folder.largest]
        actions = [_opening(self._file, _WRITING, CreateDisposition.FILE_CREATE)]
        actions += [_set(self._file, disposition)] if disposition is not None else []
        actions += [self._file.write(now, 0, send=False)] if now else []
        actions += [self._file.flush(send=False)] if len(now) == len(content) and disposition is None else []
        above = self._folder.above(self._partial)
        try:
            with self._made_meanwhile(above[-1:]):
                self._folder.together(*actions)
        except SMBResponseException as error:
            if status_of(error) not in (NAME_NOT_FOUND, PATH_NOT_FOUND):
                raise
            _make(self._folder, above)
            self._folder.together(*actions)
        self._folder.written_to.update(above[-1:])
        self._offset = len(now)

    @contextmanager
    def _made_meanwhile(self, names: Sequence[str]) -> Iterator[None]:
        """Ask for the file's folder just before the file, and look at the answer afterwards: it saves waiting twice.

        A server that looks at both at once refuses the file, which is then asked for again.
        """
        asked = [
            self._folder.sent(*_making(self._folder, name)) for name in names if name not in self._folder.written_to
        ]
        try:
            yield
        finally:
            for answers in asked:
                with suppress(SMBResponseException):  # the folder above is missing, too; or it may only be looked into
                    answers()

    def _send(self, content: bytes) -> None:
        rest = memoryview(content)
        while rest:
            now = bytes(rest[: self._folder.largest])
            self._folder.together(self._file.write(now, self._offset, send=False))
            self._offset += len(now)
            rest = rest[len(now) :]

    def _replace(self) -> None:
        """Rename over what is there; a reader of that is waited for, because servers refuse as long as it reads."""
        deadline = time.monotonic() + REPLACE_SECONDS
        pause = 0.01
        while True:
            try:
                opening = [] if self._file.connected else [_opening(self._file, FilePipePrinterAccessMask.DELETE)]
                rename = _set(self._file, _renaming(self._folder.target(self._name)))
                self._folder.together(*opening, rename, _closing(self._file))
                return
            except SMBResponseException as error:
                if status_of(error) not in IN_USE or time.monotonic() > deadline:
                    raise
            if not self._file.connected:  # it was closed all the same
                self._file = self._folder.file(self._partial)
            time.sleep(pause)
            pause = min(0.5, 2 * pause)

    @contextmanager
    def _given_up_on_error(self) -> Iterator[None]:
        try:
            yield
        except BaseException:
            with suppress(SMBException, OSError):
                if self._file.connected:
                    self._folder.together(_set(self._file, _disposition(delete=True)), _closing(self._file))
                else:
                    _delete(self._folder, self._partial)
            raise


def _short(folder: Folder, name: str, start: int, length: int | None) -> bytes | None:
    """The bytes, if they fit in one answer; else None."""
    file = folder.file(name)
    want = min(SMALL if length is None else length, CHUNK, folder.largest)
    found = b""
    actions = [file.read(start, want, send=False)] if want else []
    try:
        answers = folder.together(_opening(file, _READING), *actions, _closing(file))
        found = answers[1] if want else b""
    except SMBResponseException as error:
        if status_of(error) != END_OF_FILE:
            raise
    end = file.end_of_file if length is None else min(file.end_of_file, start + length)
    return found if start + len(found) >= end else None


def _long(folder: Folder, name: str, start: int, length: int | None) -> Iterator[bytes]:
    file = folder.file(name)
    try:
        folder.together(_opening(file, _READING))
        end = file.end_of_file if length is None else min(file.end_of_file, start + length)
        while start < end:
            want = min(CHUNK, folder.largest, end - start)
            (found,) = folder.together(file.read(start, want, send=False))
            start += len(found)
            yield found
    finally:
        if file.connected:
            with suppress(SMBException, OSError):
                folder.together(_closing(file))


def _listed(folder: Folder, name: str) -> list[tuple[str, bool]]:
    """What lies in a folder: each name, and whether that is a folder, too."""
    file = folder.file(name)
    found: list[tuple[str, bool]] = []
    try:
        looking = DirectoryAccessMask.FILE_LIST_DIRECTORY | DirectoryAccessMask.FILE_READ_ATTRIBUTES
        folder.together(_opening(file, looking, kind=CreateOptions.FILE_DIRECTORY_FILE))
        while True:
            query = file.query_directory(
                "*", FileInformationClass.FILE_DIRECTORY_INFORMATION, max_output=min(SMALL, folder.largest), send=False
            )
            try:
                (entries,) = folder.together(query)
            except SMBResponseException as error:
                if status_of(error) != NO_MORE_FILES:
                    raise
                return found
            for entry in entries:
                called = str(entry["file_name"].get_value().decode("utf-16-le"))
                is_folder = entry["file_attributes"].has_flag(FileAttributes.FILE_ATTRIBUTE_DIRECTORY)
                if called not in (".", "..") and not (is_folder is False and _PARTIAL.fullmatch(called)):
                    found.append((called, is_folder))
    finally:
        if file.connected:
            with suppress(SMBException, OSError):
                folder.together(_closing(file))


def _delete(folder: Folder, name: str, kind: int = CreateOptions.FILE_NON_DIRECTORY_FILE) -> None:
    file = folder.file(name)
    opening = _opening(file, FilePipePrinterAccessMask.DELETE, kind=kind)
    folder.together(opening, _set(file, _disposition(delete=True)), _closing(file))


def _make(folder: Folder, names: Sequence[str]) -> None:
    """Make the last of these folders, which lie in each other; and those above it where they are missing, too."""
    if not names:
        return
    try:
        folder.together(*_making(folder, names[-1]))
    except SMBResponseException as error:
        if status_of(error) not in (NAME_NOT_FOUND, PATH_NOT_FOUND) or len(names) == 1:
            raise
        _make(folder, names[:-1])
        folder.together(*_making(folder, names[-1]))


def _making(folder: Folder, name: str) -> tuple[Action, Action]:
    file = folder.anywhere(name)
    kind = CreateOptions.FILE_DIRECTORY_FILE
    looking = FilePipePrinterAccessMask.FILE_READ_ATTRIBUTES
    return _opening(file, looking, CreateDisposition.FILE_OPEN_IF, kind), _closing(file)


def _opening(
    file: Any,
    access: int,
    disposition: int = CreateDisposition.FILE_OPEN,
    kind: int = CreateOptions.FILE_NON_DIRECTORY_FILE,
) -> Action:
    attributes = FileAttributes.FILE_ATTRIBUTE_NORMAL
    if kind == CreateOptions.FILE_DIRECTORY_FILE:
        attributes = FileAttributes.FILE_ATTRIBUTE_DIRECTORY
    opening: Action = file.create(
        ImpersonationLevel.Impersonation, access, attributes, _EVERYBODY, disposition, kind, send=False
    )
    return opening


def _closing(file: Any) -> Action:
    closing: Action = file.close(send=False)
    return closing


def _set(file: Any, what: Any) -> Action:
    message = SMB2SetInfoRequest()
    message["info_type"] = what.INFO_TYPE
    message["file_info_class"] = what.INFO_CLASS
    message["file_id"] = file.file_id
    message["buffer"] = what
    return message, file.connection.receive


def _disposition(*, delete: bool) -> Any:
    what = FileDispositionInformation()
    what["delete_pending"] = delete
    return what


def _renaming(name: str) -> Any:
    what = FileRenameInformation()
    what["replace_if_exists"] = True
    what["file_name"] = name
    return what


def _pieces(chunks: Iterable[bytes], size: int) -> Iterator[bytes]:
    """The same bytes in pieces of this size; the last one may be shorter."""
    collected = bytearray()
    for chunk in chunks:
        collected += chunk
        while len(collected) >= size:
            yield bytes(collected[:size])
            del collected[:size]
    if collected:
        yield bytes(collected)


def _name(key: str) -> str:
    """The key as a name in the folder: what Windows keeps for itself is written %3A, as in a URL."""
    return "\\".join(_DEVICES.sub(_percent_first, _UNSAFE.sub(_percent, part)) for part in key.split("/"))


def _key_of(name: str) -> str | None:
    """The key that has this name in the folder; None where none has."""
    plain = name.replace("\\", "/")
    return next((key for key in (unquote(plain), plain) if _name(key) == name), None)


def _percent(found: re.Match[str]) -> str:
    return "".join(f"%{ord(character):02X}" for character in found[0])


def _percent_first(found: re.Match[str]) -> str:
    return f"%{ord(found[0][0]):02X}{found[0][1:]}"
