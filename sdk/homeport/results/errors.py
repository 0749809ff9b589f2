"""What can go wrong with a result, split where a caller acts differently.

ResultError
├── ResultOptionError            an option of @task or @flow that cannot be meant; the user changes it
│   └── ResultStorageUnsupported this kind of storage cannot keep results in this version
├── ResultNotSerializable        the serializer cannot write this value; nothing was kept
├── ResultTooLarge               more bytes than HOMEPORT_RESULT_MAX_BYTES; nothing was kept
├── CacheKeyError                no cache key can be made of the task's arguments
└── ResultUnreadable             there is a reference, and no value can be made of it
    ├── ResultMissing            the storage answered, and does not have it
    └── ResultDamaged            it has other bytes than were written

That the storage is away or says no is a StorageError (homeport.code.errors), as it is for code.
"""

# ruff: noqa: N818 - an error is named for what happened

from __future__ import annotations


class ResultError(Exception):
    """The base of everything that keeping and reading results raises of its own."""


class ResultOptionError(ResultError, TypeError):
    """An option of a task or flow about its result cannot be meant so."""


class ResultStorageUnsupported(ResultOptionError):
    """This kind of storage cannot keep results."""


class ResultNotSerializable(ResultError):
    """The serializer cannot write this value."""


class ResultTooLarge(ResultError):
    """The value is larger than results may be."""


class CacheKeyError(ResultError):
    """No cache key can be made of these arguments."""


class ResultUnreadable(ResultError):
    """A kept result cannot be read back."""


class ResultMissing(ResultUnreadable):
    """Nothing is kept where the reference points."""


class ResultDamaged(ResultUnreadable):
    """What is kept there is not what was written."""
