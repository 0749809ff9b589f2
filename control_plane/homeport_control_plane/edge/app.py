"""Every path of the server, and the one place where refusals and faults become answers."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from importlib.resources import files
from typing import Any

from graphql import GraphQLSchema

from homeport_control_plane import __version__
from homeport_control_plane.api.context import Services
from homeport_control_plane.api.documents import Documents
from homeport_control_plane.api.execution import Executor, internal
from homeport_control_plane.edge.bodies import ClientGone
from homeport_control_plane.edge.graphql_http import GraphQLOverHTTP
from homeport_control_plane.edge.graphql_ws import GraphQLOverWebSocket
from homeport_control_plane.edge.home_page import HEADERS, home_page
from homeport_control_plane.edge.login_limits import LoginLimits
from homeport_control_plane.edge.refusals import Refusal
from homeport_control_plane.edge.responses import Receive, Scope, Send, send_bytes, send_json, send_refusal
from homeport_control_plane.edge.sessions import Sessions
from homeport_control_plane.errors import DatabaseUnavailable

log = logging.getLogger("homeport.edge")

Handler = Callable[[Scope, Receive, Send], Awaitable[None]]
READY_SECONDS = 2.0


class App:
    """The ASGI application."""

    def __init__(self, services: Services, schema: GraphQLSchema, clock: Callable[[], float]) -> None:
        self._services = services
        self._documents = Documents(schema)
        self._sessions = Sessions(services, LoginLimits(clock), clock)
        executor = Executor(schema)
        parts: tuple[Any, ...] = (self._documents, executor, self._sessions, services)
        self._http = GraphQLOverHTTP(*parts)
        self._sockets = GraphQLOverWebSocket(*parts)
        self._paths: dict[str, Handler] = {
            "/graphql": self._http,
            "/healthz": self._healthz,
            "/readyz": self._readyz,
            "/schema.graphql": self._file("schema.graphql", b"text/plain; charset=utf-8"),
            "/event_batch.schema.json": self._file("event_batch.schema.json", b"application/schema+json"),
            "/claim.schema.json": self._file("claim.schema.json", b"application/schema+json"),
            "/": self._home,
        }

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request or socket."""
        if scope["type"] == "http":
            await self._answer(scope, receive, send)
        elif scope["type"] == "websocket":
            await self._socket(scope, receive, send)

    async def close(self) -> None:
        """Ends the sockets and what watches keys."""
        self._sockets.close_all()
        await self._sessions.close()
        self._documents.close()

    async def _answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        started = False

        async def watched(message: Any) -> None:
            nonlocal started
            started = True
            await send(message)

        try:
            await self._handler(scope)(scope, receive, watched)
        except Refusal as refusal:
            await send_refusal(send, refusal)
        except ClientGone:
            return
        except DatabaseUnavailable as error:
            log.warning("%s", error)
            await send_refusal(send, _unavailable())
        except Exception as error:
            answer = {"errors": [internal(error)]}
            if not started:
                await send_json(send, 500, answer)

    def _handler(self, scope: Scope) -> Handler:
        handler = self._paths.get(scope["path"])
        if handler is None:
            raise Refusal(404, "NOT_FOUND", "There is nothing here.", hint="The GraphQL API is at /graphql.")
        if handler is not self._http and scope["method"] not in ("GET", "HEAD"):
            message = f"{scope['method']} is not answered here."
            raise Refusal(405, "METHOD_NOT_ALLOWED", message, headers={"Allow": "GET, HEAD"})
        return handler

    async def _socket(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["path"] == "/graphql":
            await self._sockets(scope, receive, send)
        else:
            await send({"type": "websocket.close", "code": 4404, "reason": "There is nothing here."})

    async def _healthz(self, scope: Scope, receive: Receive, send: Send) -> None:
        await send_json(send, 200, {"status": "alive", "version": __version__})

    async def _readyz(self, scope: Scope, receive: Receive, send: Send) -> None:
        # Not asyncio.timeout: a statement given up is waited for until the database has agreed to it.
        look = asyncio.ensure_future(self._services.db.fetchval("select 1"))
        await asyncio.wait((look,), timeout=READY_SECONDS)
        if not look.done():
            look.cancel()
            reason = f"no answer within {READY_SECONDS:.0f} s"
        elif error := look.exception():
            reason = str(error)
        else:
            await send_json(send, 200, {"status": "ready"})
            return
        await send_json(send, 503, {"status": "not ready", "reason": f"database: {reason}"}, {"Retry-After": "1"})

    def _file(self, name: str, content_type: bytes) -> Handler:
        """Serves a committed file of the contract."""

        async def serve(scope: Scope, receive: Receive, send: Send) -> None:
            content = files("homeport_control_plane").joinpath(name).read_bytes()
            await send_bytes(send, 200, content, content_type)

        return serve

    async def _home(self, scope: Scope, receive: Receive, send: Send) -> None:
        host = dict(scope["headers"]).get(b"host", b"127.0.0.1").decode("latin-1")
        page = home_page(f"{scope['scheme']}://{host}")
        await send_bytes(send, 200, page, b"text/html; charset=utf-8", HEADERS)


def _unavailable() -> Refusal:
    message = "The database does not answer at the moment; asking again is safe."
    return Refusal(503, "UNAVAILABLE", message, headers={"Retry-After": "1"})
