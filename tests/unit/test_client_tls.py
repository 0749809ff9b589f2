"""A control plane behind a company's own certificate authority."""

import asyncio
import ssl
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from ipaddress import ip_address
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from homeport.client import AsyncClient, Client, Unreachable


def certificate(folder: Path) -> Path:
    """A certificate for 127.0.0.1 that signs itself, with its key in the same file."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "a company's own authority")])
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(datetime.now(UTC) - timedelta(days=1))
        .not_valid_after(datetime.now(UTC) + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    file = folder / "authority.pem"
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    file.write_bytes(made.public_bytes(serialization.Encoding.PEM) + private)
    return file


class Answer(BaseHTTPRequestHandler):
    """Answers every operation with the same data."""

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b'{"data":{"viewer":{"kind":"ADMIN"}}}')

    def log_message(self, *_: object) -> None:
        """Quiet."""


@pytest.fixture
def https(tmp_path: Path) -> Iterator[tuple[str, Path]]:
    """The address of an HTTPS server, and the file of its authority."""
    file = certificate(tmp_path)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(file)
    server = HTTPServer(("127.0.0.1", 0), Answer)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield f"https://127.0.0.1:{server.server_address[1]}", file
    server.shutdown()
    thread.join()
    server.server_close()


def ask(kind: str, url: str) -> object:
    if kind == "sync":
        with Client(url, "hp_x") as client:
            return client.execute("viewer")

    async def asked() -> object:
        async with AsyncClient(url, "hp_x") as client:
            return await client.execute("viewer")

    return asyncio.run(asked())


@pytest.mark.parametrize("kind", ["sync", "async"])
def test_an_unknown_authority_is_refused_with_the_way_to_name_it(https: tuple[str, Path], kind: str) -> None:
    url, _ = https

    with pytest.raises(Unreachable) as caught:
        ask(kind, url)

    assert "SSL_CERT_FILE" in (caught.value.hint or "")


@pytest.mark.parametrize("kind", ["sync", "async"])
def test_an_authority_named_by_ssl_cert_file_is_trusted(
    https: tuple[str, Path], kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    url, authority = https
    monkeypatch.setenv("SSL_CERT_FILE", str(authority))

    assert ask(kind, url) == {"viewer": {"kind": "ADMIN"}}
