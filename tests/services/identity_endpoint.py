"""The endpoint at which a machine of Azure's App Service gets tokens of its identity, on loopback.

The tokens are as Azure's in what Azurite looks at: issuer, audience, times. Nobody's signature is on them.
"""

import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

import jwt

HEADER = "only-this-machine-knows"


@dataclass
class IdentityEndpoint:
    """`asked` are the resources for which tokens were given; `seconds` is how long one is good."""

    url: str
    seconds: int = 3600
    asked: list[str] = field(default_factory=list)

    @property
    def environment(self) -> dict[str, str]:
        """What App Service sets for the programs on it."""
        return {"IDENTITY_ENDPOINT": self.url, "IDENTITY_HEADER": HEADER}

    def token(self, resource: str) -> str:
        """A token for the resource: "https://storage.azure.com"."""
        now = int(time.time())
        claims = {"aud": resource, "iss": "https://sts.windows.net/tests/", "iat": now, "nbf": now - 60}
        return jwt.encode(claims | {"exp": now + self.seconds}, "a key of nobody's, long enough for HS256", "HS256")


@contextmanager
def identity_endpoint() -> Iterator[IdentityEndpoint]:
    """A running one while the block lasts."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            resource = parse_qs(urlsplit(self.path).query).get("resource", [""])[0]
            if self.headers.get("X-IDENTITY-HEADER") != HEADER:
                self.send_error(401)
                return
            endpoint.asked.append(resource)
            good_until = str(int(time.time()) + 3600)
            answer = {"access_token": endpoint.token(resource), "expires_on": good_until, "token_type": "Bearer"}
            body = json.dumps(answer | {"resource": resource}).encode()
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    endpoint = IdentityEndpoint(f"http://127.0.0.1:{server.server_address[1]}/msi/token")
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield endpoint
    finally:
        server.shutdown()
        server.server_close()
        thread.join(5)
