"""Single files of the code that is cached here, by their hash: the next version of a flow is mostly made of them.

Nothing is locked and nothing is believed: whoever copies a file hashes it, and one that was evicted or written into
meanwhile is fetched like any other.
"""

from __future__ import annotations

import json
from pathlib import Path

from homeport.code.manifest import Manifest

MANIFEST = "manifest.json"
MANIFEST_BYTES = 64 * 1024 * 1024
"""How much of the manifests of a large cache is read, those used last first: half a million files."""


def keep_manifest(entry: Path, manifest: Manifest) -> None:
    """Note in a cached entry which files are in its tree."""
    (entry / MANIFEST).write_bytes(manifest.canonical())


class CachedFiles:
    """Where on this machine a file with a given hash is (see LocalFiles); looked up when it is first asked."""

    def __init__(self, entries: list[Path]) -> None:
        """The entries of the cache, those used last first."""
        self._entries = entries
        self._files: dict[str, tuple[Path, str]] | None = None

    def __call__(self, sha256: str) -> Path | None:
        """A file that had this content when it was fetched."""
        if self._files is None:
            self._files = self._read()
        found = self._files.get(sha256)
        return found[0] / found[1] if found else None

    def _read(self) -> dict[str, tuple[Path, str]]:
        files: dict[str, tuple[Path, str]] = {}
        left = MANIFEST_BYTES
        for entry in self._entries:
            try:
                data = (entry / MANIFEST).read_bytes()
                rows = [(str(file["sha256"]), str(file["path"])) for file in json.loads(data)["files"]]
            except (OSError, ValueError, RecursionError, TypeError, KeyError):
                continue  # evicted meanwhile, or written into by a run
            left -= len(data)
            if left < 0:
                break
            for sha256, path in rows:
                files.setdefault(sha256, (entry / "tree", path))
        return files
