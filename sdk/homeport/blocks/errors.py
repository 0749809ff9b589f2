"""What can go wrong with blocks on this side, split where a caller acts differently.

ValueError (as in 2.x)
├── BlockError          `hint` says what to do
│   ├── UnknownBlockType    no installed package offers the type
│   └── InvalidBlock        a field is wrong, or a secret was given where its reference belongs
└── BlockNotFound       nothing of that type and name is kept (a NotFoundError of the client, too)
"""

# ruff: noqa: N818 - named for what happened, as the client's errors are

from __future__ import annotations

from homeport.client.errors import NotFoundError


class BlockError(ValueError):
    """The base; the message says what and why, `hint` what to do."""

    def __init__(self, message: str, *, hint: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        if hint:
            self.add_note(f"hint: {hint}")


class UnknownBlockType(BlockError):
    """There is no such type on this machine."""


class InvalidBlock(BlockError):
    """These cannot be the fields of a block of this type. The message repeats no value: it may be a secret."""


class BlockNotFound(NotFoundError, ValueError):
    """The control plane keeps no block of this type and name."""
