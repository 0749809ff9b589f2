"""2.x's system blocks: small values by name, and secrets by reference.

String(value="eu").save("region")
String.load("region").value
Secret.load("db-password").get()
"""

from __future__ import annotations

from datetime import datetime
from typing import Any, ClassVar, Generic, Self, TypeVar

from homeport.blocks.lazily import Lazily
from homeport.secrets import Secret

__all__ = ["JSON", "DateTime", "Secret", "String"]

T = TypeVar("T")


class Value(Lazily, Generic[T]):
    """The base: one value, which everybody with a key can read."""

    type_slug: ClassVar[str]

    def __init__(self, value: T) -> None:
        self.value = value

    @classmethod
    def load(cls, name: str) -> Self:
        """The value of the block of this name. Reading it raises BlockNotFound (a ValueError), NotConnected."""
        from homeport.blocks.kept import split

        loaded = cls.__new__(cls)
        loaded.block = "/".join(split(name, type_=cls.type_slug))
        return loaded

    def save(self, name: str, overwrite: bool = False) -> str:
        """Keep it as the block of this name; "type/name". Raises InvalidBlock, and ConflictError for a taken name."""
        from homeport.blocks.kept import create_block, split

        reference = "/".join(split(name, type_=self.type_slug))
        return create_block(reference, {"value": self.value}, overwrite=overwrite).slug

    def _fetch(self) -> None:
        from homeport.blocks.kept import load_block

        assert self.block is not None
        parsed: Any = load_block(self.block).parsed()
        self.value = parsed.value

    def __getattr__(self, name: str) -> Any:
        if name != "value" or self.block is None:
            raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")
        self._fetch()
        return self.value

    def __repr__(self) -> str:
        if self.block is not None:
            return f"{type(self).__name__}.load({self.block.partition('/')[2]!r})"
        return f"{type(self).__name__}({self.value!r})"


class JSON(Value[Any]):
    """Any JSON value."""

    type_slug = "json"


class String(Value[str]):
    """A text."""

    type_slug = "string"


class DateTime(Value[datetime]):
    """A moment."""

    type_slug = "date-time"
