"""Code that is installed where flows run."""

from __future__ import annotations

from typing import Any

from homeport.storage import spellings as older
from homeport.storage.description import Storage


class Module(Storage):
    """A Python module that is installed where the flow runs: nothing travels, and its files must be those of here."""

    kind = "module"

    def __init__(self, module: str, **more: Any) -> None:
        older.refuse_older(more, of="Module")
        older.refuse_unknown(more, ("module",), of="Module")
        super().__init__(module=module)
