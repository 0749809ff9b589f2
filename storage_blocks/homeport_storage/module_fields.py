"""The fields of a block of kind module."""

from __future__ import annotations

from typing import ClassVar

from pydantic import Field, field_validator

from homeport.blocks.fields import BlockFields


class ModuleFields(BlockFields):
    """A Python module that is installed where flows run."""

    title: ClassVar[str] = "Installed module"

    module: str = Field(description="The module's name, as in an import: my_flows.daily.", max_length=500)
    version: str | None = Field(
        default=None, description="The version that was registered; found out by registering.", max_length=200
    )

    @field_validator("module")
    @classmethod
    def _importable(cls, module: str) -> str:
        if not all(part.isidentifier() for part in module.split(".")):
            raise ValueError("the name of a module, as in an import: my_flows.daily")
        return module
