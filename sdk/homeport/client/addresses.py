"""The control plane's address: checked once, written so that it can be printed."""

from __future__ import annotations

from urllib.parse import SplitResult, urlsplit

from homeport.client.errors import InvalidAddress


def base_url(url: str) -> str:
    """The address without trailing slash or `/graphql`; InvalidAddress when it is not a plain http(s) URL.

    A user name and password are refused: the Authorization header carries the key, and two cannot be sent.
    """
    parts = _split(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise InvalidAddress(
            f"{printable(url)!r} is not the address of a control plane.",
            hint="Write it with its scheme, for instance http://127.0.0.1:4700 or https://homeport.example.com.",
        )
    if "@" in parts.netloc:
        raise InvalidAddress(
            f"The address {printable(url)} holds a user name or password.",
            hint="Leave them out of the URL; log in with a key: homeport auth login --key -",
        )
    path = parts.path.rstrip("/").removesuffix("/graphql")
    return f"{parts.scheme}://{parts.netloc}{path}"


def graphql_url(url: str) -> str:
    """Where operations are posted to."""
    return f"{base_url(url)}/graphql"


def websocket_url(url: str) -> str:
    """Where subscriptions are opened."""
    return "ws" + graphql_url(url).removeprefix("http")


def printable(url: str) -> str:
    """The address as it may be shown: with `user:password@` replaced, and no query."""
    try:
        parts = urlsplit(url)
        host = parts.netloc.rpartition("@")[2]
    except ValueError:
        return url.rpartition("@")[2]
    if "@" not in url:
        return url
    if not parts.netloc:  # no scheme, so everything stands in the path: user:password@host
        return "***@" + url.rpartition("@")[2]
    return f"{parts.scheme}://***@{host}{parts.path}"


def _split(url: str) -> SplitResult:
    try:
        parts = urlsplit(url.strip())
        _ = parts.port  # a port that is no number is found here
    except ValueError as error:
        raise InvalidAddress(
            f"{printable(url)!r} is not an address: {error}.", hint="For instance: http://127.0.0.1:4700"
        ) from None
    return parts
