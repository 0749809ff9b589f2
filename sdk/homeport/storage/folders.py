"""Folders, on this machine or on a share that is mounted."""

from __future__ import annotations

from typing import Any

from homeport.storage import spellings as older
from homeport.storage.files import Files


class Local(Files):
    """A folder, on this machine or a mounted share; HOMEPORT_STORAGE if none is given.

    `validate` and `stored_as_script` are accepted for 1.x, and not needed: the file that defines the flow travels, as
    source. `path` of 1.x may name that file; any other is refused when the flow is registered, because agents would run
    what was registered, and not what lies there.
    """

    kind = "folder"

    def __init__(
        self,
        directory: str | None = None,
        validate: bool = True,
        path: str | None = None,
        stored_as_script: bool = False,
        **more: Any,
    ) -> None:
        older.refuse_older(more, of="Local")
        older.refuse_unknown(more, ("directory",), of="Local")
        super().__init__(path=directory)
        self.script = path


class LocalFileSystem(Files):
    """The same under its 2.x name."""

    kind = "folder"

    def __init__(self, basepath: str | None = None) -> None:
        super().__init__(path=basepath)
