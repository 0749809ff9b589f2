"""The reference page of block types, written from their schemas: `python -m homeport.blocks.reference`."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from homeport.blocks.types import ALIASES, BlockType, block_types


def page() -> str:
    """docs/reference/blocks.md as it has to be for the types of this version."""
    found, _ = block_types()
    own = [of_type for of_type in found if of_type.fields.__module__.startswith(("homeport.", "homeport_storage."))]
    parts = [_INTRODUCTION]
    for heading, of_kind in (("Storage", True), ("Infrastructure and values", False)):
        parts.append(f"## {heading}\n")
        for of_type in own:
            if of_type.is_storage == of_kind:
                parts += _section(of_type)
    return "\n".join(parts).rstrip() + "\n"


def _section(of_type: BlockType) -> Iterator[str]:
    yield f"### {of_type.slug}\n"
    older = [name for name, slug in ALIASES.items() if slug == of_type.slug]
    also = f" Also taken: {', '.join(f'`{name}`' for name in older)}." if older else ""
    about = f"{of_type.title}: {of_type.about}" if of_type.about else f"{of_type.title}."
    yield f"{about}{also}\n"
    yield "| field | type | default | |\n|---|---|---|---|"
    other: dict[str, list[str]] = {}
    for spelling, name in of_type.spellings.items():
        if spelling != name:
            other.setdefault(name, []).append(spelling)
    for field in of_type.described_fields():
        yield _row(field, other.get(field["name"], []))
    yield ""


def _row(field: dict[str, Any], spellings: list[str]) -> str:
    kind = "**secret**, by reference" if field["secret"] else field["type"]
    shown = field["default"] if isinstance(field["default"], str) else json.dumps(field["default"])
    default = "needed" if field["required"] else f"`{shown}`" if shown not in ("null", "") else ""
    about = field["about"] + (f" Also: {', '.join(f'`{name}`' for name in spellings)}." if spellings else "")
    return f"| `{field['name']}` | {_cell(kind)} | {_cell(default)} | {_cell(about)} |"


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")


_INTRODUCTION = """# Types of blocks

What a [block](../guides/blocks.md) of each type is made of; `homeport block type inspect TYPE` shows the same. A
**secret** is given as a [reference](../guides/secrets.md) (`env:NAME`, `keyring:NAME`, `file:/path`, `aws:NAME`,
`azure:VAULT/NAME`), which is resolved where the block is opened. Unknown fields are refused by name.
"""


if __name__ == "__main__":
    import sys

    sys.stdout.write(page())
