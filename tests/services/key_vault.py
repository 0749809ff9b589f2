"""A server of the tests' own that speaks Azure Key Vault's documented REST protocol, for Azure's real libraries.

There is no emulator of Key Vault to be had. This is none either: it answers `GET /secrets/{name}/{version}` with what
was put there, asks for authentication by a challenge as a vault does, knows the errors that Azure documents, and gives
tokens as the managed identity of an App Service does, and as Azure's login does to a service principal. Vaults and the
login are reached under their real names, `https://NAME.vault.azure.net`, `https://login.microsoftonline.com`, through
a proxy that leads them here; nothing leaves the machine.
"""

import json
import secrets
import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

from tests.services.token_service import certificate

DOMAIN = "vault.azure.net"
LOGIN = "login.microsoftonline.com"
TENANT = "11111111-2222-3333-4444-555555555555"
Refusal = tuple[int, str, str]


@dataclass
class KeyVault:
    """What is kept, by (vault, name); `refusals` are answers in its place: (status, code, inner code)."""

    folder: Path
    vault_port: int = 0
    proxy_port: int = 0
    identity_port: int = 0
    kept: dict[tuple[str, str], dict[str, str]] = field(default_factory=dict)
    refusals: dict[tuple[str, str], Refusal] = field(default_factory=dict)
    resource: str = f"https://{DOMAIN}"
    token: str = field(default_factory=lambda: secrets.token_urlsafe(32))
    identity: str = field(default_factory=lambda: secrets.token_urlsafe(16))
    client_secret: str = field(default_factory=lambda: secrets.token_urlsafe(16))
    login_away: bool = False
    asked: list[str] = field(default_factory=list)
    """Each request that came to a vault: whether it had a token, and its path."""

    @property
    def environment(self) -> dict[str, str]:
        """The variables with which a process reaches the vaults, and has an identity."""
        return {
            "HTTPS_PROXY": f"http://127.0.0.1:{self.proxy_port}",
            "NO_PROXY": "127.0.0.1",
            "REQUESTS_CA_BUNDLE": str(self.folder / "cert.pem"),
            "IDENTITY_ENDPOINT": f"http://127.0.0.1:{self.identity_port}/token",
            "IDENTITY_HEADER": self.identity,
        }

    @property
    def as_principal(self) -> dict[str, str]:
        """The same for a process that logs in as a service principal, and has no managed identity."""
        shared = {name: value for name, value in self.environment.items() if not name.startswith("IDENTITY_")}
        return shared | {
            "AZURE_TENANT_ID": TENANT,
            "AZURE_CLIENT_ID": "99999999-8888-7777-6666-555555555555",
            "AZURE_CLIENT_SECRET": self.client_secret,
        }

    def put(self, vault: str, name: str, value: str) -> str:
        """Keep a secret, or a new version of it; the version."""
        version = secrets.token_hex(16)
        self.kept.setdefault((vault, name), {})[version] = value
        return version

    def answer(self, vault: str, path: str, authorization: str | None) -> tuple[int, dict[str, str], dict[str, object]]:
        """Status, headers and body of the answer of a vault."""
        self.asked.append(f"{'with' if authorization else 'without'} a token: {path}")
        if authorization != f"Bearer {self.token}":
            asks = f'Bearer authorization="https://login.windows.net/{TENANT}", resource="{self.resource}"'
            said = "[BearerReadAccessTokenFailed]" if authorization else "AKV10000: Request is missing a Bearer token."
            return 401, {"WWW-Authenticate": asks}, {"error": {"code": "Unauthorized", "message": said}}
        _, collection, name, version = [*path.split("/"), "", ""][:4]
        refusal = self.refusals.get((vault, name))
        versions = self.kept.get((vault, name), {})
        if refusal is not None:
            status, code, inner = refusal
            error = {"code": code, "message": f"It is {code}.", "innererror": {"code": inner}}
            return status, {}, {"error": error}
        found = version or next(reversed(versions), "")
        if collection != "secrets" or found not in versions:
            said = f"A secret with (name/id) {name} was not found in this key vault."
            return 404, {}, {"error": {"code": "SecretNotFound", "message": said}}
        identifier = f"https://{vault}.{DOMAIN}/secrets/{name}/{found}"
        return 200, {}, {"value": versions[found], "id": identifier, "attributes": {"enabled": True}}


@contextmanager
def key_vault(folder: Path) -> Iterator[KeyVault]:
    """Vaults, the proxy that leads to them, and an identity, until the block ends."""
    cert, key = certificate(folder, f"*.{DOMAIN}", LOGIN)
    world = KeyVault(folder)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(cert, key)
    with (
        _served(_vault(world), context) as vault,
        _served(_proxy(world)) as proxy,
        _served(_identity(world)) as identity,
    ):
        world.vault_port, world.proxy_port, world.identity_port = vault, proxy, identity
        yield world


def _vault(world: KeyVault) -> type[BaseHTTPRequestHandler]:
    class Vault(_Quiet):
        def do_GET(self) -> None:
            parts = urlsplit(self.path)
            if self.headers["Host"] == LOGIN:
                self.give(200, {}, _openid())
                return
            assert "api-version" in parse_qs(parts.query)
            vault = self.headers["Host"].partition(".")[0]
            self.give(*world.answer(vault, parts.path, self.headers.get("Authorization")))

        def do_POST(self) -> None:
            assert self.headers["Host"] == LOGIN
            form = parse_qs(self.rfile.read(int(self.headers["Content-Length"])).decode())
            if form["client_secret"] != [world.client_secret] or form["scope"] != [f"{world.resource}/.default"]:
                said = "AADSTS7000215: Invalid client secret provided."
                self.give(401, {}, {"error": "invalid_client", "error_description": said, "error_codes": [7000215]})
                return
            self.give(200, {}, {"access_token": world.token, "token_type": "Bearer", "expires_in": 3600})

    return Vault


def _openid() -> dict[str, object]:
    """What Azure's login says of itself."""
    place = f"https://{LOGIN}/{TENANT}"
    return {
        "issuer": f"{place}/v2.0",
        "authorization_endpoint": f"{place}/oauth2/v2.0/authorize",
        "token_endpoint": f"{place}/oauth2/v2.0/token",
        "tenant_discovery_endpoint": f"{place}/v2.0/.well-known/openid-configuration",
        "metadata": [{"preferred_network": LOGIN, "preferred_cache": LOGIN, "aliases": [LOGIN]}],
    }


def _identity(world: KeyVault) -> type[BaseHTTPRequestHandler]:
    class Identity(_Quiet):
        def do_GET(self) -> None:
            asked = parse_qs(urlsplit(self.path).query)
            if self.headers.get("X-IDENTITY-HEADER") != world.identity or asked.get("resource") != [world.resource]:
                self.give(400, {}, {"statusCode": 400, "message": "no managed identity"})
                return
            self.give(200, {}, {"access_token": world.token, "expires_on": "4102444800", "token_type": "Bearer",
                                "resource": asked["resource"][0]})  # fmt: skip

    return Identity


def _proxy(world: KeyVault) -> type[BaseHTTPRequestHandler]:
    class Proxy(_Quiet):
        def do_CONNECT(self) -> None:
            known = (f".{DOMAIN}:443",) if world.login_away else (f".{DOMAIN}:443", f"{LOGIN}:443")
            if not self.path.endswith(known):
                self.send_error(502)
                return
            with closing(socket.create_connection(("127.0.0.1", world.vault_port), 10)) as there:
                self.send_response(200)
                self.end_headers()
                back = threading.Thread(target=_pump, args=(there, self.connection), daemon=True)
                back.start()
                _pump(self.connection, there)
                back.join(10)
            self.close_connection = True

    return Proxy


def _pump(source: socket.socket, target: socket.socket) -> None:
    with suppress(OSError):
        while piece := source.recv(65536):
            target.sendall(piece)
        target.shutdown(socket.SHUT_WR)


class _Quiet(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def give(self, status: int, headers: dict[str, str], body: dict[str, object]) -> None:
        content = json.dumps(body).encode()
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Type", "application/json; charset=utf-8")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@contextmanager
def _served(handler: type[BaseHTTPRequestHandler], context: ssl.SSLContext | None = None) -> Iterator[int]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    server.daemon_threads = True
    if context is not None:
        server.socket = context.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield server.server_address[1]
    finally:
        server.shutdown()
        server.server_close()
        thread.join(10)
