"""The web sites that the examples read, served locally over HTTP: PokeAPI (20 real entries) and a trending page."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

DATA = Path(__file__).parents[1] / "data" / "pokeapi" / "pokemon.json"
TRENDING = """
<html><body><main>
<article class="Box-row"><h2><a href="/octo/small">octo / small</a></h2><p>Few stars</p>
 <span itemprop="programmingLanguage">Python</span><a href="/octo/small/stargazers"> <svg></svg> 12</a></article>
<article class="Box-row"><h2><a href="/octo/large.py">octo / large.py</a></h2>
 <span itemprop="programmingLanguage">Rust</span><a href="/octo/large.py/stargazers"> 1,234</a></article>
</main></body></html>
"""


@contextmanager
def example_sites() -> Iterator[str]:
    """A server on a free port; its address. `/api/v2` is PokeAPI, `/trending` the page."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Site)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


class _Site(BaseHTTPRequestHandler):
    pokemon = json.loads(DATA.read_text())["pokemon"]

    def do_GET(self) -> None:
        address = urlsplit(self.path)
        here = f"http://127.0.0.1:{self.server.server_port}/api/v2/pokemon"  # type: ignore[attr-defined]
        if address.path == "/trending":
            self._answer(200, TRENDING, "text/html")
        elif address.path == "/api/v2/pokemon":
            limit = int(parse_qs(address.query).get("limit", ["20"])[0])
            results = [{"name": one["name"], "url": f"{here}/{one['id']}/"} for one in self.pokemon[:limit]]
            self._answer(200, json.dumps({"count": len(self.pokemon), "results": results}))
        else:
            number = address.path.rstrip("/").rpartition("/")[2]
            found = [one for one in self.pokemon if str(one["id"]) == number]
            self._answer(200 if found else 404, json.dumps(found[0] if found else {}))

    def _answer(self, status: int, text: str, kind: str = "application/json") -> None:
        content = text.encode()
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, format: str, *args: object) -> None:
        """Quiet."""
