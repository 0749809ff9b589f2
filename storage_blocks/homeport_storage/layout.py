"""How trees lie in a blob store, and the sizes that decide it. docs/reference/code-storage.md tells it to users.

blobs/<first two digits>/<sha256>   one file's content: large files, and small ones that came a few at a time
packs/<name>                        many small files: a line of JSON that lists them, then their contents
indexes/<sha256>.json               which packs a version's small files are in; not there when none are
indexes/recent.json                 the versions last registered: where to look for what is there already
manifests/<sha256>.json             canonical manifest of a version; written last, so its presence means "complete"
"""

from __future__ import annotations

MIB = 1024 * 1024

SMALL = 256 * 1024
"""Bytes up to which a file may travel in a pack. Sending a larger one takes longer than asking for one more."""

HUGE, HUGE_AT_ONCE = 16 * MIB, 3
"""Bytes above which so few files are sent at once: each has several parts in memory, and parts keep a line busy."""

FEW = 16
"""How many small files travel each by itself: a small project stays readable in the storage, file by file.

A tree of so few has no index, and none is looked for when it is fetched: a larger number here is another layout.
"""

LOOSE = 128
"""How many small files of one version may lie outside of packs, left by many registrations of a few changes each."""

PACK_LEAST, PACK_USUAL, PACK_MOST = 2 * MIB, 4 * MIB, 16 * MIB
"""A pack ends at a file that its content chooses: never before the first, at the latest at the last."""

PACK_FILES = 8192
"""The most files of one pack, so that its first line stays short."""

THIN, THIN_PACKS = MIB, 32
"""A version that has more than this many packs below this size has them packed anew."""

GAP = 256 * 1024
"""Bytes that are read and thrown away rather than asked around."""


def blob_key(sha256: str) -> str:
    """Where the content with this hash is kept by itself."""
    return f"blobs/{sha256[:2]}/{sha256}"


def pack_key(name: str) -> str:
    """Where the pack of this name is kept."""
    return f"packs/{name}"


def index_key(digest: str) -> str:
    """Where it is kept which packs the tree with this digest is in."""
    return f"indexes/{digest.partition(':')[2]}.json"


def manifest_key(digest: str) -> str:
    """Where the manifest of the tree with this digest is kept."""
    return f"manifests/{digest.partition(':')[2]}.json"


RECENT_KEY = "indexes/recent.json"
