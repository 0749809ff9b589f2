"""An HTTP proxy in front of a real server that answers some requests itself, and passes the others on."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import httpx

Answer = Callable[[httpx.Request], httpx.Response | None]
HOP = {"connection", "transfer-encoding", "content-length", "keep-alive"}


@contextmanager
def rewriting_proxy(upstream: str, answer: Answer) -> Iterator[str]:
    """`host:port` of a proxy that gives what `answer` says, and otherwise what the upstream does, until the end."""
    client = httpx.Client(base_url=upstream)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def handle_any(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            kept = [(name, value) for name, value in self.headers.items() if name.lower() != "host"]
            request = httpx.Request(self.command, f"{upstream}{self.path}", headers=kept, content=body)
            own = answer(request)
            found = own if own is not None else client.send(request)
            content = b"" if self.command == "HEAD" else found.content
            with suppress(ConnectionError):
                self.send_response(found.status_code)
                for name, value in found.headers.multi_items():
                    if name.lower() not in HOP:
                        here = f"http://{self.headers['Host']}"
                        self.send_header(name, value.replace(upstream, here) if name.lower() == "location" else value)
                length = found.headers.get("content-length", "0") if self.command == "HEAD" else str(len(content))
                self.send_header("Content-Length", length)
                self.end_headers()
                self.wfile.write(content)

        def __getattr__(self, name: str) -> Callable[[], None]:
            if not name.startswith("do_"):
                raise AttributeError(name)
            return self.handle_any

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join(10)
        client.close()
