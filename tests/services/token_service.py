"""What large registries put in front of themselves: a service that gives tokens for one repository, for a login.

The registry that trusts it is real, and checks each token's signature, repository and actions.
"""

import base64
import json
import threading
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from ipaddress import ip_address
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import jwt
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import NameOID

from tests.services.registry import PASSWORD, USER

IDENTITY_TOKEN = "refresh-token-of-ann"


@dataclass
class TokenService:
    """One running service; `asked` has the scopes that it was asked for, `auth` what a registry that trusts it says."""

    folder: Path
    port: int = 0
    asked: list[str] = field(default_factory=list)
    seconds: int = 300

    @property
    def auth(self) -> str:
        realm = f"http://127.0.0.1:{self.port}/token"
        return f'token: {{realm: "{realm}", service: test, issuer: tests, rootcertbundle: {self.folder}/cert.pem}}'

    def token(self, scope: str) -> str:
        """A token that allows what the scope names."""
        _, repository, actions = scope.split(":")
        now = int(time.time())
        claims = {
            "iss": "tests",
            "aud": "test",
            "sub": USER,
            "iat": now - 10,
            "nbf": now - 10,
            "exp": now + self.seconds,
            "jti": uuid.uuid4().hex,
            "access": [{"type": "repository", "name": repository, "actions": actions.split(",")}],
        }
        certificate = x509.load_pem_x509_certificate((self.folder / "cert.pem").read_bytes())
        chain = [base64.b64encode(certificate.public_bytes(serialization.Encoding.DER)).decode()]
        return jwt.encode(claims, (self.folder / "key.pem").read_bytes(), algorithm="RS256", headers={"x5c": chain})


def certificate(folder: Path, address: str = "127.0.0.1", *more: str) -> tuple[Path, Path]:
    """A certificate of addresses or hosts that trusts itself, and its key, as files."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "tests")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(hours=1))
        .add_extension(x509.SubjectAlternativeName([_name(one) for one in (address, *more)]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "cert.pem").write_bytes(made.public_bytes(serialization.Encoding.PEM))
    plain = serialization.NoEncryption()
    (folder / "key.pem").write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, plain)
    )
    return folder / "cert.pem", folder / "key.pem"


def _name(address: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ip_address(address))
    except ValueError:
        return x509.DNSName(address)


@contextmanager
def token_service(folder: Path) -> Iterator[TokenService]:
    """The service, until the block ends."""
    certificate(folder)
    service = TokenService(folder)

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            expected = base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()
            let_in = self.headers.get("Authorization") == f"Basic {expected}"
            self._answer(let_in, parse_qs(urlsplit(self.path).query))

        def do_POST(self) -> None:
            form = parse_qs(self.rfile.read(int(self.headers["Content-Length"])).decode())
            self._answer(form.get("refresh_token") == [IDENTITY_TOKEN], form)

        def _answer(self, let_in: bool, asked: dict[str, list[str]]) -> None:
            if let_in and "scope" in asked:
                service.asked.append(asked["scope"][0])
                body = json.dumps({"access_token": service.token(asked["scope"][0])}).encode()
            else:
                body = json.dumps({"errors": [{"code": "UNAUTHORIZED", "message": "wrong login"}]}).encode()
            self.send_response(200 if let_in else 401)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    service.port = server.server_address[1]
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield service
    finally:
        server.shutdown()
        server.server_close()
        thread.join(10)
