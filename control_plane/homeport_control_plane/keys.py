"""API keys and run tokens as text: made, parsed and compared here, without a database.

A key is `hp_<kind>_<12 hex id>_<64 hex secret><8 hex crc32 of everything before>`; a run token has the 32 hex digits
of its attempt's id in the place of the key's id. The checksum lets a mistyped token be refused without a look-up.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
import zlib
from dataclasses import dataclass
from typing import Final
from uuid import UUID

from homeport_control_plane.errors import Unauthenticated

API_KEY_KINDS: Final = ("admin", "member", "viewer", "agent")
_TOKEN = re.compile(
    r"hp_(?:(admin|member|viewer|agent)_([0-9a-f]{12})|(run)_([0-9a-f]{32}))_[0-9a-f]{64}([0-9a-f]{8})", re.ASCII
)
_LONGEST = 128


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

    def __repr__(self) -> str:
        return f"NewToken(id={self.id!r})"


def new_key(kind: str) -> NewToken:
    """A fresh API key of one of API_KEY_KINDS."""
    if kind not in API_KEY_KINDS:
        raise ValueError(f"a key is of kind {', '.join(API_KEY_KINDS)}; found {kind!r}")
    return _new(kind, secrets.token_hex(6))


def new_run_token(attempt_id: UUID) -> NewToken:
    """A fresh run token for one attempt."""
    return _new("run", attempt_id.hex)


def parse(text: str) -> Token:
    """The token's parts. Raises Unauthenticated for anything malformed or with a wrong checksum."""
    match = _TOKEN.fullmatch(text) if len(text) <= _LONGEST else None
    if match is None:
        raise Unauthenticated(
            "this is not a Homeport key", hint="a key starts with hp_ and is shown once, when it is made"
        )
    if match[5] != _checksum(text[:-8]):
        raise Unauthenticated("the key's checksum is wrong: it was cut or mistyped", hint="copy the whole key again")
    return Token(match[1] or match[3], match[2] or match[4], _hash(text))


def same(stored: bytes, presented: bytes) -> bool:
    """Whether two hashes are equal, in constant time."""
    return hmac.compare_digest(stored, presented)


def _new(kind: str, id: str) -> NewToken:
    body = f"hp_{kind}_{id}_{secrets.token_hex(32)}"
    text = body + _checksum(body)
    return NewToken(text, id, _hash(text))


def _checksum(body: str) -> str:
    return f"{zlib.crc32(body.encode('ascii')):08x}"


def _hash(text: str) -> bytes:
    return hashlib.sha256(text.encode("ascii")).digest()
