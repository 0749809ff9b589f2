"""How both transports open HTTP: without httpx's own command line, and without a TLS context that nobody uses."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from httpx import Timeout

CONNECT_SECONDS = 5.0


def import_httpx() -> Any:
    """httpx, but not its `_main`, which would import rich and click: a third of the time it takes to import."""
    loaded = sys.modules.get("httpx")
    if loaded is not None:
        return loaded
    withheld = "httpx._main" not in sys.modules
    if withheld:
        sys.modules["httpx._main"] = None  # type: ignore[assignment]  # that one import now fails, as httpx allows
    try:
        import httpx
    finally:
        if withheld:
            sys.modules.pop("httpx._main", None)
    return httpx


def timeouts(seconds: float) -> Timeout:
    """`seconds` for an answer, and never more than a few for a connection."""
    timeout: Timeout = import_httpx().Timeout(seconds, connect=min(seconds, CONNECT_SECONDS))
    return timeout


def client_options(url: str, seconds: float) -> dict[str, Any]:
    """Arguments for httpx.Client and httpx.AsyncClient. HTTPS_PROXY, NO_PROXY and SSL_CERT_FILE are honoured.

    Building a TLS context reads every certificate (40 ms), and over plain http without a proxy nothing uses it.
    """
    from urllib.request import getproxies

    needs_tls = urlsplit(url).scheme == "https" or any(proxy.startswith("https") for proxy in getproxies().values())
    return {"timeout": timeouts(seconds), "verify": needs_tls, "follow_redirects": False}
