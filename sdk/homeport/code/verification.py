"""Before a flow is registered: can it be imported where its code was put? Tried once for each image and entrypoint.

That it worked is noted in the home folder, so registering an unchanged flow again starts nothing. Where the note is
lost, it is tried again.
"""

from __future__ import annotations

import hashlib
import json
from contextlib import suppress
from pathlib import Path

import homeport
from homeport.code.storage import Storage, Stored, Verifies

KEPT = 500


def verify_once(storage: Storage, stored: Stored, entrypoint: str, home: Path) -> None:
    """Have a kind that can verify do so, unless it did; raises NotImportable, or a StorageError."""
    if not isinstance(storage, Verifies):
        return
    asked = json.dumps([stored.reference, stored.digest, entrypoint, homeport.__version__], sort_keys=True)
    note = home / "verified" / hashlib.sha256(asked.encode()).hexdigest()
    if note.exists():
        return
    storage.verify(stored, entrypoint)
    with suppress(OSError):  # a home that cannot be written to costs the next registration the same again
        note.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        note.touch(mode=0o600)
        for old in sorted(note.parent.iterdir(), key=lambda path: -path.stat().st_mtime)[KEPT:]:
            old.unlink(missing_ok=True)
