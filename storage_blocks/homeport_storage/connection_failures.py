"""Why no answer came: what urllib3 raised somewhere below a library of a cloud, as what a caller can act on.

The libraries of S3, Azure and Google each wrap it in errors of their own. Only the types below those are looked at and
the host is named: the texts quote addresses, and in an address may stand a password or a signature.
"""

from __future__ import annotations

import ssl
from collections.abc import Iterator
from pathlib import Path

from urllib3 import exceptions as http
from urllib3.util.ssl_match_hostname import CertificateError

from homeport.code.errors import StorageError, StorageRefused, StorageUnreachable

Answer = tuple[type[StorageError], str, str]

LATER = "Try again later; if it goes on, look at the server's health"
WRONG_HOST, EXPIRED = (62, 64), 10
"""OpenSSL's numbers of what is wrong with a certificate."""


def connection_failure(error: BaseException, *, address: str, tried: str = "") -> Answer | None:
    """What ended the connection, or kept it from being made; None when that is not what happened.

    `address` are the fields that say where the server is, `tried` is how often or how long it was tried.
    """
    below = list(_below(error))
    host = next(filter(None, map(_host, below)), "the server")
    look = f"Look at {address}, and whether this machine may reach that host"

    def found(*kinds: type[BaseException]) -> BaseException | None:
        return next((cause for cause in below if isinstance(cause, kinds)), None)

    def unreachable(what: str, mend: str) -> Answer:
        return StorageUnreachable, what + (f" ({tried})" if tried else ""), mend

    if found(http.ProxyError):
        return unreachable(f"the proxy {host} does not answer", "Look at HTTPS_PROXY, HTTP_PROXY and NO_PROXY")
    if found(http.NameResolutionError):
        return unreachable(f"the name {host} cannot be resolved (DNS)", look)
    untrusted = found(ssl.SSLCertVerificationError)
    if isinstance(untrusted, ssl.SSLCertVerificationError):
        return _certificate(untrusted, host)
    if found(CertificateError):
        return _other_name(host)
    if found(ssl.SSLError, http.SSLError):
        return StorageUnreachable, f"{host} does not speak TLS there", "Use http://, or the port of its https://"
    if found(ConnectionRefusedError):
        return unreachable(f"nothing listens at {host} (connection refused)", look)
    if found(http.NewConnectionError):
        return unreachable(f"no connection to {host}", look)
    if found(http.ConnectTimeoutError):
        return unreachable(f"no connection to {host} within the time", look)
    if found(http.ReadTimeoutError, TimeoutError):
        return unreachable(f"{host} did not answer within the time", LATER)
    if found(http.HTTPError, ConnectionError):
        return unreachable(f"the connection to {host} broke off", LATER)
    return None


def certificate_failure(error: BaseException, path: str | None) -> Answer | None:
    """What is wrong with the file that `verify` names on this machine; None when that is not what happened."""
    if path is None:
        return None
    below = list(_below(error))
    if not Path(path).exists() and any(isinstance(cause, OSError) for cause in below):
        return StorageRefused, f"there is no CA's certificate at {path} on this machine", "Correct the field verify"
    if any(isinstance(cause, ssl.SSLError) and cause.library in ("PEM", "X509") for cause in below):
        return StorageRefused, f"what lies at {path} is no certificate (PEM)", "Correct the field verify"
    return None


def _certificate(error: ssl.SSLCertVerificationError, host: str) -> Answer:
    if error.verify_code in WRONG_HOST:
        return _other_name(host)
    if error.verify_code == EXPIRED:
        return StorageUnreachable, f"the certificate of {host} has expired", "Renew it on the server"
    return (
        StorageUnreachable,
        f"the certificate of {host} is not trusted",
        "Give verify= the certificate of the CA that signed it (a path on this machine)",
    )


def _other_name(host: str) -> Answer:
    return StorageUnreachable, f"the certificate of {host} is for another name", "Use the name it was made for"


def _below(error: BaseException) -> Iterator[BaseException]:
    """The error, and all that it wraps in one of the ways in which libraries do."""
    waiting, seen = [error], set[int]()
    while waiting:
        one = waiting.pop(0)
        if id(one) in seen:
            continue
        seen.add(id(one))
        yield one
        named = getattr(one, "kwargs", None)
        wrapped = (
            one.__cause__, one.__context__, getattr(one, "reason", None), getattr(one, "inner_exception", None),
            getattr(one, "original_error", None), named.get("error") if isinstance(named, dict) else None, *one.args,
        )  # fmt: skip
        waiting += [cause for cause in wrapped if isinstance(cause, BaseException)]


def _host(error: BaseException) -> str:
    """Whom urllib3 was talking to, as host:port; nothing where the error does not say."""
    place = getattr(error, "conn", None) or getattr(error, "pool", None)
    if place is None or not getattr(place, "host", None):
        return ""
    usual = {"http": 80, "https": 443}.get(str(getattr(place, "scheme", "")))
    return str(place.host) if not place.port or place.port in (usual, 80, 443) else f"{place.host}:{place.port}"
