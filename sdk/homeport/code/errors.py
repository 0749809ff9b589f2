"""What can go wrong with code on its way, split where a caller acts differently.

CodeError
├── PackingError              the tree cannot be sent as it is; the user mends the tree
│   ├── CodeTooLarge
│   ├── CodeChanged           a file was written to while it was being read; asking again is enough
│   ├── BuildFailed           its image could not be built: a step of the Dockerfile, a dependency, the base image
│   └── NotImportable         the flow cannot be imported in the image that it would run in
└── StorageError              the message names storage, path and digest
    ├── UnknownStorageKind    the reference names a kind that is not installed here
    ├── StorageUnreachable    no answer: asking again later may work
    ├── StorageRefused        the storage said no: permission, read-only, full
    │   └── StorageDenied     it did not let us in: wrong password, expired token, unknown user
    │       └── SecretMissing what the reference names as password or key is not on this machine; nothing was asked
    ├── CodeMissing           the storage answered, and does not have it
    ├── DigestMismatch        it has something else under that digest
    └── UnsafeCode            a file in it would leave the folder, or overwrite another
"""

# ruff: noqa: N818 - an error is named for what happened, as the client's Unreachable and Refused are

from __future__ import annotations


class CodeError(Exception):
    """The base of everything that packing, storing and fetching code raises."""


class PackingError(CodeError):
    """This source tree cannot be sent as it is."""


class CodeTooLarge(PackingError):
    """The source tree is over the limit of files or bytes."""


class CodeChanged(PackingError):
    """A file changed while it was being read."""


class BuildFailed(PackingError):
    """The image of this code could not be built; the message has the last lines of the step that failed."""


class NotImportable(PackingError):
    """The flow cannot be imported where its code was put: something is not installed there, or it is too old."""


class StorageError(CodeError):
    """A storage could not keep or give the code: what was found, and how to mend it where that is known."""

    def __init__(self, found: str, mend: str = "") -> None:
        super().__init__(f"{found}. {mend}" if mend else found)
        self.found = found
        self.mend = mend


class UnknownStorageKind(StorageError):
    """No installed package offers this kind of storage."""


class StorageUnreachable(StorageError):
    """The storage gave no answer; asking again later may work."""


class StorageRefused(StorageError):
    """The storage answered no; someone has to change a permission or make room."""


class StorageDenied(StorageRefused):
    """The storage did not accept who we say we are; a password or token has to be mended."""


class SecretMissing(StorageDenied):
    """A secret that the storage names is not on this machine; the storage was not asked."""


class CodeMissing(StorageError):
    """The storage answered, and does not have what the digest names."""


class DigestMismatch(StorageError):
    """The storage has something else under this digest; it must not run."""


class UnsafeCode(StorageError):
    """The stored tree names a file that would leave its folder or overwrite another one."""
