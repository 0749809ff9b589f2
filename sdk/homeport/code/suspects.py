"""Secrets that are about to be sent by accident: named, so that the user can leave them out.

Only a warning: a test certificate is a legitimate part of a tree, and the storage is the customer's own.
"""

from __future__ import annotations

import fnmatch
import re
from collections.abc import Iterator
from pathlib import Path

from homeport.code.manifest import CodeFile, Manifest

NAMES = {
    ".env": "environment settings",
    ".env.*": "environment settings",
    "*.env": "environment settings",
    ".netrc": "passwords",
    ".pgpass": "passwords",
    ".pypirc": "passwords of package indexes",
    ".npmrc": "tokens of package indexes",
    "id_rsa": "a private key",
    "id_dsa": "a private key",
    "id_ecdsa": "a private key",
    "id_ed25519": "a private key",
    "*.pfx": "a private key",
    "*.p12": "a private key",
    "*.keystore": "private keys",
    "*.kdbx": "passwords",
    "terraform.tfstate": "credentials",
}
KEY_MARK = b"PRIVATE KEY-----"
API_KEY = re.compile(rb"\bhp_(admin|member|viewer|agent)_[0-9a-f]{12}_[0-9a-f]{72}\b")
LOOK_INTO = 64 * 1024


def suspicious(root: Path, manifest: Manifest) -> Iterator[str]:
    """One warning for each file that looks like a secret."""
    for file in manifest.files:
        what = _by_name(file.path) or _by_content(root, file)
        if what:
            yield (
                f"{file.path} looks like {what} and will be stored with the code; "
                "name it in .homeportignore if that is not meant"
            )


def _by_name(path: str) -> str | None:
    name = path.rpartition("/")[2].lower()
    if name.endswith((".example", ".sample", ".template", ".dist")):
        return None
    if path.endswith(".aws/credentials"):
        return "cloud credentials"
    return next((what for pattern, what in NAMES.items() if fnmatch.fnmatchcase(name, pattern)), None)


def _by_content(root: Path, file: CodeFile) -> str | None:
    if file.size > LOOK_INTO:
        return None
    try:
        head = (root / file.path).read_bytes()
    except OSError:
        return None  # reading it to store it will say why
    if API_KEY.search(head):
        return "a file with an API key of Homeport in it"
    # Source files mention the markers (this one does); keys are small files of other kinds.
    if file.path.endswith((".py", ".md", ".rst")):
        return None
    if KEY_MARK in head and b"-----BEGIN" in head:
        return "a private key"
    if b'"private_key"' in head and b'"client_email"' in head:
        return "the key of a cloud service account"
    return None
