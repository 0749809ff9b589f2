"""The fields of a block of kind folder."""

from __future__ import annotations

from typing import ClassVar

from pydantic import AliasChoices, Field

from homeport.blocks.fields import BlockFields


class FolderFields(BlockFields):
    """A folder that every machine concerned sees at the same path."""

    title: ClassVar[str] = "Folder"

    path: str = Field(
        validation_alias=AliasChoices("path", "basepath"),
        description="Absolute path of the folder, or of the mounted share.",
        pattern="^[/~]",
    )
