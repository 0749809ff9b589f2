"""What to say when this program and the control plane are of versions that do not understand each other."""

from __future__ import annotations

import re

import homeport
from homeport.client.errors import VersionMismatch

# A value out of its range is its giver's mistake; a field that one side does not have is a matter of versions.
_VALUE = "got invalid value"
_SHAPE = re.compile(r"is not defined by type|of required type|does not exist in '\w+' enum")


def is_mismatch(said: str) -> bool:
    """Whether a BAD_DOCUMENT says that the control plane does not know what one of our operations asks for.

    The documents are ours and right for the control plane of their version, so only the versions can be to blame.
    """
    return _VALUE not in said or _SHAPE.search(said) is not None


def mismatch(operation: str, said: str, server: str | None) -> VersionMismatch:
    """The error that names both versions (the control plane's if it told) and the one to upgrade."""
    here = homeport.__version__
    there = f"version {server}" if server else "of another version"
    error = VersionMismatch(
        f"This homeport (version {here}) and the control plane ({there}) do not understand each other: "
        f"the control plane does not know {operation!r} as this homeport asks for it.",
        hint=_mend(here, server),
        operation=operation,
    )
    error.add_note(f"The control plane said: {said}")
    return error


def _mend(here: str, server: str | None) -> str:
    if server and _numbers(here) < _numbers(server):
        return "Upgrade this homeport, which is the older one: pip install --upgrade homeport"
    if server and _numbers(here) > _numbers(server):
        return "Upgrade the control plane, which is the older one: pip install --upgrade homeport, and start it again"
    return "Upgrade the older one: pip install --upgrade homeport    (`homeport version` shows both)"


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(number) for number in re.findall(r"\d+", version)[:3])
