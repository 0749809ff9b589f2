"""API keys and run tokens as text: made, parsed and compared here, without a database.

A key is `hp_<kind>_<12 hex id>_<64 hex secret><8 hex crc32 of everything before>`; a run token has the 32 hex digits of its
attempt's id in the place of the key's id. The checksum lets a mistyped token be refused without a look-up.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final
from uuid import UUID

API_KEY_KINDS: Final = ("admin", "member", "viewer", "agent")


@dataclass(frozen=True, slots=True)
class Token:
    """A parsed token: its kind, the id to look it up by, and the SHA-256 that is stored of it."""

    kind: str
    id: str
    hash: bytes


@dataclass(frozen=True, slots=True)
class NewToken:
    """A token just made: the text, to be shown once, and what is stored."""

    text: str
    id: str
    hash: bytes


def new_key(kind: str) -> NewToken:
    """A fresh API key of one of API_KEY_KINDS."""
    raise NotImplementedError


def new_run_token(attempt_id: UUID) -> NewToken:
    """A fresh run token for one attempt."""
    raise NotImplementedError


def parse(text: str) -> Token:
    """The token's parts. Raises Unauthenticated for anything malformed or with a wrong checksum."""
    raise NotImplementedError


def same(stored: bytes, presented: bytes) -> bool:
    """Whether two hashes are equal, in constant time."""
    raise NotImplementedError
