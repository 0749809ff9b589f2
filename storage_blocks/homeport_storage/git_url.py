"""Addresses of repositories and names of refs: what git may be given, decided before git sees it.

git takes programs where addresses belong (`ext::sh -c ...`), and options where anything belongs (`--upload-pack=...`).
So an address has one of four forms, a host and a path have only characters that mean nothing else, and nothing begins
with a dash.

    https://host[:port]/path   http://host[:port]/path   ssh://[user@]host[:port]/path   [user@]host:path

`file:///path` is for tests and mirrors, and only where GIT_ALLOW_PROTOCOL, git's own variable, names `file`.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from ipaddress import ip_address
from urllib.parse import quote, unquote, urlsplit

from homeport.code.errors import UnsafeCode

_HOST = re.compile(r"(?:[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?|\[[0-9A-Fa-f:.]+\])")
_USER = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.+-]*")
_SCP = re.compile(r"(?:(?P<user>[^@:/]+)@)?(?P<host>[^@:/]+):(?P<path>[^:].*)")
_BAD = re.compile(r"[\x00-\x20\x7f\"'`\\<>|;$(){}*?^]")
_BAD_PATH = re.compile(_BAD.pattern[:-1] + ":]")
_REF = re.compile(r"[^\x00-\x20\x7f~^:?*\[\\]+")
_COMMIT = re.compile(r"[0-9a-f]{40}(?:[0-9a-f]{24})?")


@dataclass(frozen=True, slots=True)
class GitUrl:
    """An address that is safe to give to git; it holds no password. The path of `host:path` has no slash in front."""

    scheme: str
    host: str
    port: int | None
    path: str
    user: str | None = None

    def __str__(self) -> str:
        user = f"{self.user}@" if self.user else ""
        if self.scheme == "ssh" and not self.path.startswith("/"):
            return f"{user}{self.host}:{self.path}"
        port = f":{self.port}" if self.port else ""
        return f"{self.scheme}://{user}{self.host}{port}{self.path}"

    @property
    def site(self) -> str:
        """Scheme, host and port: whom a token is for."""
        return f"{self.scheme}://{self.host}" + (f":{self.port}" if self.port else "")

    @property
    def is_private(self) -> bool:
        """Whether a token that is sent there cannot be read on the way: encrypted, or this machine."""
        if self.scheme != "http":
            return True
        try:
            return ip_address(self.host.strip("[]")).is_loopback
        except ValueError:
            return self.host == "localhost"

    def same_as(self, other: GitUrl) -> bool:
        """Whether both name one repository, in whichever way it is reached."""
        return (self.host.lower(), _bare(self.path)) == (other.host.lower(), _bare(other.path))


@dataclass(frozen=True, slots=True)
class Login:
    """What stood before the host of an address."""

    username: str | None = None
    password: str | None = None


def parse(text: str, environ: Mapping[str, str] | None = None) -> GitUrl:
    """The address; raises UnsafeCode, which says what is wrong with it and never repeats a password."""
    url, login = split_login(text, environ)
    if login.password is not None:
        raise UnsafeCode(
            f"the address of {url.host}{url.path} has a password or token in it, and would be kept with it. Take it "
            "out, and name the secret instead: access_token='env:GIT_TOKEN'"
        )
    return url


def split_login(text: str, environ: Mapping[str, str] | None = None) -> tuple[GitUrl, Login]:
    """The address without what logs in, and that; raises UnsafeCode."""
    if not isinstance(text, str) or not text or len(text) > 2000 or text.startswith("-") or _BAD.search(text):
        raise UnsafeCode(f"this is no address of a repository: it is empty, too long, begins with a dash or has {_ODD}")
    if "://" not in text:
        return _scp(text), Login()
    scheme = text.partition("://")[0].lower()
    if scheme == "file" and "file" in _allowed_by_git(environ):
        path = text[len("file://") :]
        if not path.startswith("/") or ".." in path.split("/"):
            raise UnsafeCode("an address file:// must have an absolute path without ..")
        return GitUrl("file", "", None, path), Login()
    if scheme not in ("https", "http", "ssh"):
        raise UnsafeCode(f"an address of a repository begins with https://, http:// or ssh://, or is {_FORM}")
    try:
        parts = urlsplit(text)
        port = parts.port
    except ValueError:
        raise UnsafeCode("the address of the repository has no proper host and port") from None
    host = parts.netloc.rpartition("@")[2]
    host = host[: host.rindex(":")] if port is not None else host.rstrip(":")
    user = unquote(parts.username) if parts.username else None
    password = unquote(parts.password) if parts.password is not None else None
    url = _checked(GitUrl(scheme, host.lower(), port, parts.path, user if scheme == "ssh" else None))
    if parts.query or parts.fragment:
        raise UnsafeCode(f"the address of {url.host}{url.path} has a query or a fragment; a repository's has none")
    if scheme == "ssh":
        return url, Login(None, password)
    # GitHub's tokens are often given as the user: https://TOKEN@github.com/...
    return url, Login(user, password if password is not None or user is None else user)


_ODD = "a space, a quote, or another character that no address has"
_FORM = "of the form git@host:path"


def _scp(text: str) -> GitUrl:
    found = _SCP.fullmatch(text)
    if found is None or "::" in text:
        raise UnsafeCode(f"an address of a repository begins with https://, http:// or ssh://, or is {_FORM}")
    # What stands behind the colon is relative to the user's home folder there, which ssh:// cannot say: it stays.
    return _checked(GitUrl("ssh", found["host"].lower(), None, found["path"], found["user"]))


def _checked(url: GitUrl) -> GitUrl:
    if not _HOST.fullmatch(url.host):
        raise UnsafeCode("the address of the repository has no proper host")
    if url.user is not None and not _USER.fullmatch(url.user):
        raise UnsafeCode(f"the address of a repository of {url.host} has no proper user name")
    path = unquote(url.path)
    parts = path.split("/")
    if not path.strip("/") or any(part == ".." or part.startswith("-") for part in parts) or _BAD_PATH.search(path):
        raise UnsafeCode(f"the address of a repository of {url.host} has no proper path")
    return url


def _bare(path: str) -> str:
    return path.rstrip("/").removesuffix(".git").strip("/").lower()


def _allowed_by_git(environ: Mapping[str, str] | None) -> list[str]:
    return (os.environ if environ is None else environ).get("GIT_ALLOW_PROTOCOL", "").split(":")


def is_commit(text: str) -> bool:
    """Whether this is the whole name of a commit."""
    return _COMMIT.fullmatch(text) is not None


def is_ref(text: str) -> bool:
    """Whether git would take this for the name of a branch or a tag (the rules of git check-ref-format)."""
    return (
        _REF.fullmatch(text) is not None
        and len(text) <= 255
        and not text.startswith(("-", "/"))
        and not text.endswith(("/", "."))
        and not any(bad in text for bad in ("..", "@{", "//"))
        and text != "@"
        and not any(part.startswith(".") or part.endswith(".lock") for part in text.split("/"))
    )


def of_host(host: str, *path: str) -> str:
    """`https://host/path.git`; the host may say http:// itself."""
    base = host.rstrip("/") if "://" in host else f"https://{host.rstrip('/')}"
    inner = "/".join(quote(part.strip("/"), safe="/~") for part in path)
    return f"{base}/{inner.removesuffix('.git')}.git"
