"""Blocks: named, typed configuration of storage and infrastructure. Never a secret: those are named by references."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from homeport.blocks.errors import BlockError as BlockError
    from homeport.blocks.errors import BlockNotFound as BlockNotFound
    from homeport.blocks.errors import InvalidBlock as InvalidBlock
    from homeport.blocks.errors import UnknownBlockType as UnknownBlockType
    from homeport.blocks.fields import BlockFields as BlockFields
    from homeport.blocks.fields import SecretReference as SecretReference
    from homeport.blocks.kept import KeptBlock as KeptBlock
    from homeport.blocks.kept import create_block as create_block
    from homeport.blocks.kept import delete_block as delete_block
    from homeport.blocks.kept import load_block as load_block
    from homeport.blocks.kept import update_block as update_block

_HOMES = {
    "BlockError": "errors",
    "BlockFields": "fields",
    "BlockNotFound": "errors",
    "InvalidBlock": "errors",
    "KeptBlock": "kept",
    "SecretReference": "fields",
    "UnknownBlockType": "errors",
    "create_block": "kept",
    "delete_block": "kept",
    "load_block": "kept",
    "update_block": "kept",
}

__all__ = list(_HOMES)


if not TYPE_CHECKING:  # a checker would take any name for one that is there
    from homeport.submodules import names_on_demand, on_demand

    _name, _module = names_on_demand(__name__, _HOMES), on_demand(__name__, "system")

    def __getattr__(name: str) -> Any:
        return _module(name) if name == "system" else _name(name)
