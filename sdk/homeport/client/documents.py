"""The operations this side sends: one .graphql file each, named as the operation it holds."""

from __future__ import annotations

from functools import cache
from pathlib import Path

OPERATIONS = Path(__file__).parent / "operations"


@cache
def document(operation: str) -> str:
    """The GraphQL text of the operation; KeyError when there is none of that name."""
    try:
        return (OPERATIONS / f"{operation}.graphql").read_text(encoding="utf-8")
    except FileNotFoundError:
        raise KeyError(f"no operation named {operation!r} in {OPERATIONS.name}/") from None
