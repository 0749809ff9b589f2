"""Secrets that are about to be sent by accident: named, so that the user can leave them out.

Only a warning: a test certificate is a legitimate part of a tree, and the storage is the customer's own. A warning that
cries wolf is not read, so a token must have its whole shape, and must not be a placeholder.
"""

from __future__ import annotations

import fnmatch
import re

RULES = 1
"""Counted up when the rules change, so that files that were looked at by older rules are looked at again."""

NAMES = {
    ".env": "environment settings",
    ".env.*": "environment settings",
    "*.env": "environment settings",
    ".netrc": "passwords",
    ".pgpass": "passwords",
    ".pypirc": "passwords of package indexes",
    ".npmrc": "tokens of package indexes",
    ".git-credentials": "passwords of git",
    ".dockercfg": "passwords of registries",
    "id_rsa": "a private key",
    "id_dsa": "a private key",
    "id_ecdsa": "a private key",
    "id_ed25519": "a private key",
    "*.pfx": "a private key",
    "*.p12": "a private key",
    "*.ppk": "a private key",
    "*.keystore": "private keys",
    "*.kdbx": "passwords",
    "terraform.tfstate": "credentials",
}
PATHS = {".aws/credentials": "cloud credentials", ".docker/config.json": "passwords of registries"}
EXAMPLES = (".example", ".sample", ".template", ".dist")

_ANY_NAME = re.compile("|".join(fnmatch.translate(pattern) for pattern in NAMES))

KEY_MARK = b"PRIVATE KEY-----"
KEY_BEGIN = b"-----BEGIN"
# In source files the marker alone means nothing; a marker with a body of base64 behind it is a key wherever it is.
# Nothing is given back once it is taken (`++`): else a marker before much white space takes the square of its time.
KEY_BODY = re.compile(
    rb"-----BEGIN (?:[A-Z]+ )*PRIVATE KEY-----(?:\s|\\n|[\"'+])++(?:[A-Za-z-]++: [^\n]*+\n\s*+)*+[A-Za-z0-9+/]{40}"
)
SOURCES = (".py", ".md", ".rst")

# What occurs in the token (looked for first: that costs next to nothing), its whole shape, and what it is.
TOKENS = tuple(
    (mark, re.compile(shape), what)
    for mark, shape, what in (
        (b"hp_", rb"\bhp_(?:admin|member|viewer|agent)_[0-9a-f]{12}_[0-9a-f]{72}\b", "an API key of Homeport"),
        (b"AKIA", rb"(?<![A-Za-z0-9/+])AKIA[A-Z2-7]{16}(?![A-Za-z0-9/+=])", "an AWS access key id"),
        (b"ASIA", rb"(?<![A-Za-z0-9/+])ASIA[A-Z2-7]{16}(?![A-Za-z0-9/+=])", "an AWS access key id"),
        (b"ghp_", rb"\bghp_[A-Za-z0-9]{36,251}\b", "a GitHub token"),
        (b"gho_", rb"\bgho_[A-Za-z0-9]{36,251}\b", "a GitHub token"),
        (b"ghs_", rb"\bghs_[A-Za-z0-9]{36,251}\b", "a GitHub token"),
        (b"ghu_", rb"\bghu_[A-Za-z0-9]{36,251}\b", "a GitHub token"),
        (b"github_pat_", rb"\bgithub_pat_[A-Za-z0-9]{22}_[A-Za-z0-9]{59}\b", "a GitHub token"),
        (b"glpat-", rb"\bglpat-[A-Za-z0-9_-]{20,64}\b", "a GitLab token"),
        (b"xox", rb"\bxox[abeoprs]-(?:\d+-)+[A-Za-z0-9-]{10,}", "a Slack token"),
        (b"hooks.slack.com", rb"hooks\.slack\.com/services/T[A-Z0-9]{6,}/B[A-Z0-9]{6,}/\w{20,}", "a Slack webhook"),
        (b"AccountKey=", rb"\bAccountKey=[A-Za-z0-9+/]{86}==", "an Azure storage key"),
        (b"sig=", rb"\bs[a-z]{1,2}=[^\s\"'<>]{0,400}&sig=[A-Za-z0-9%+/]{40,}", "a shared access signature of Azure"),
        (b"AIza", rb"\bAIza[A-Za-z0-9_-]{35}(?![A-Za-z0-9_-])", "a Google API key"),
        (b"sk_live_", rb"\bsk_live_[A-Za-z0-9]{24,}\b", "a Stripe key"),
        (b"npm_", rb"\bnpm_[A-Za-z0-9]{36}\b", "an npm token"),
        (b"pypi-AgE", rb"\bpypi-AgE[A-Za-z0-9_-]{60,}", "a PyPI token"),
    )
)  # fmt: skip

# The key that every Azurite has, which is in its documentation.
PUBLIC = (b"Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw==",)
LEAST_VARIED = 6
TAIL = 512
LOOKED_AT = 4 * 1024 * 1024
"""Bytes of a file that are looked at. Tokens are pasted into sources and settings; all of a model takes too long."""


def by_name(path: str) -> str:
    """What a file of this name usually holds; "" when it is no secret."""
    name = path.rpartition("/")[2].lower()
    if _ANY_NAME.match(name) and not name.endswith(EXAMPLES):
        return next(what for pattern, what in NAMES.items() if fnmatch.fnmatchcase(name, pattern))
    return next((what for end, what in PATHS.items() if path == end or path.endswith("/" + end)), "")


class Look:
    """Looks through one file, chunk by chunk as it is read for its hash."""

    def __init__(self, path: str) -> None:
        """Of the path only the kind of file counts."""
        self._source = path.endswith(SOURCES)
        self._tail, self._left = b"", LOOKED_AT
        self.found = ""

    def at(self, chunk: bytes) -> None:
        """Look at the next chunk."""
        if self.found or self._left <= 0:
            return
        self._left -= len(chunk)
        seen = self._tail + chunk if self._tail else chunk
        self.found = _secret(seen, self._source)
        self._tail = seen[-TAIL:] if len(chunk) > TAIL else b""


def warning(path: str, secret: str) -> str:
    """The sentence for a user."""
    return (
        f"{path} looks like {secret} and will be stored with the code; name it in .homeportignore if that is not meant"
    )


def _secret(content: bytes, source: bool) -> str:
    for mark, shape, what in TOKENS:
        if mark in content and any(_is_real(match[0]) for match in shape.finditer(content)):
            return f"a file with {what} in it"
    if KEY_MARK in content and KEY_BEGIN in content and (not source or KEY_BODY.search(content)):
        return "a private key"
    if not source and b'"private_key"' in content and b'"client_email"' in content:
        return "the key of a cloud service account"
    return ""


def _is_real(token: bytes) -> bool:
    """Whether this is no placeholder, as documents have them: xxxx, EXAMPLE, or a key that everybody knows."""
    if len(set(token[-24:])) < LEAST_VARIED or b"EXAMPLE" in token.upper():
        return False
    return not any(public in token for public in PUBLIC)
