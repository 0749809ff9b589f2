"""Libraries that come with an extra: imported when they are first needed, and asked for by name where they lack."""

from __future__ import annotations

import importlib
from typing import Any


class MissingExtra(ImportError):  # noqa: N818 - named for what it is
    """Something of Homeport needs a library that is not installed; the message has the command that installs it."""


def imported(module: str, *, extra: str, needed_by: str) -> Any:
    """The module. Raises MissingExtra."""
    try:
        return importlib.import_module(module)
    except ModuleNotFoundError as error:
        if error.name is None or error.name.partition(".")[0] != module.partition(".")[0]:
            raise
        raise MissingExtra(
            f'{needed_by} needs {module}, which is not installed here: pip install "homeport[{extra}]"', name=module
        ) from error
