"""Results: what tasks and flows return, kept in storage that the customer owns, and read back.

The control plane sees a reference (where, how large, which digest), and never a value.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from homeport.results.errors import CacheKeyError as CacheKeyError
    from homeport.results.errors import ResultDamaged as ResultDamaged
    from homeport.results.errors import ResultError as ResultError
    from homeport.results.errors import ResultMissing as ResultMissing
    from homeport.results.errors import ResultNotSerializable as ResultNotSerializable
    from homeport.results.errors import ResultOptionError as ResultOptionError
    from homeport.results.errors import ResultStorageUnsupported as ResultStorageUnsupported
    from homeport.results.errors import ResultTooLarge as ResultTooLarge
    from homeport.results.errors import ResultUnreadable as ResultUnreadable
    from homeport.results.reading import read_result as read_result

_HOMES = {
    "CacheKeyError": "errors",
    "ResultDamaged": "errors",
    "ResultError": "errors",
    "ResultMissing": "errors",
    "ResultNotSerializable": "errors",
    "ResultOptionError": "errors",
    "ResultStorageUnsupported": "errors",
    "ResultTooLarge": "errors",
    "ResultUnreadable": "errors",
    "read_result": "reading",
}

__all__ = [
    "CacheKeyError",
    "ResultDamaged",
    "ResultError",
    "ResultMissing",
    "ResultNotSerializable",
    "ResultOptionError",
    "ResultStorageUnsupported",
    "ResultTooLarge",
    "ResultUnreadable",
    "read_result",
]


if not TYPE_CHECKING:  # a checker would take any name for one that is there
    from homeport.submodules import names_on_demand

    __getattr__ = names_on_demand(__name__, _HOMES)
