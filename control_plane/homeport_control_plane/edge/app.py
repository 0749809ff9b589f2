"""Every path of the server, and the one place where refusals and faults become answers."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from importlib.resources import files

from graphql import GraphQLSchema
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Route, Router, WebSocketRoute
from starlette.types import Message, Receive, Scope, Send

from homeport_control_plane import __version__
from homeport_control_plane.api.context import Services
from homeport_control_plane.api.documents import Documents
from homeport_control_plane.api.execution import Executor, internal
from homeport_control_plane.edge.graphql_http import GraphQLOverHTTP
from homeport_control_plane.edge.graphql_ws import GraphQLOverWebSocket
from homeport_control_plane.edge.home_page import HEADERS, home_page
from homeport_control_plane.edge.login_limits import LoginLimits
from homeport_control_plane.edge.refusals import Refusal
from homeport_control_plane.edge.responses import Answer, JSONAnswer
from homeport_control_plane.edge.sessions import Sessions
from homeport_control_plane.errors import DatabaseUnavailable

log = logging.getLogger("homeport.edge")

READY_SECONDS = 2.0


class App:
    """The ASGI application: starlette's router, without middlewares: each request would pay for them."""

    def __init__(self, services: Services, schema: GraphQLSchema, clock: Callable[[], float]) -> None:
        self._services = services
        self._documents = Documents(schema)
        self._sessions = Sessions(services, LoginLimits(clock), clock)
        executor = Executor(schema)
        self._sockets = GraphQLOverWebSocket(self._documents, executor, self._sessions, services)
        routes = [
            Route(
                "/graphql",
                GraphQLOverHTTP(self._documents, executor, self._sessions, services).answer,
                methods=["POST"],
            ),
            WebSocketRoute("/graphql", self._sockets.serve),
            Route("/healthz", self._healthz),
            Route("/readyz", self._readyz),
            Route("/schema.graphql", _file("schema.graphql", "text/plain")),
            Route("/event_batch.schema.json", _file("event_batch.schema.json", "application/schema+json")),
            Route("/claim.schema.json", _file("claim.schema.json", "application/schema+json")),
            Route("/deployment.schema.json", _file("deployment.schema.json", "application/schema+json")),
            Route("/", self._home),
        ]
        self._router = Router(routes, redirect_slashes=False)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request or socket."""
        scope["app"] = self  # so that the router raises for what it does not find, instead of answering by itself
        if scope["type"] == "http":
            await self._answer(scope, receive, send)
        else:
            await self._router(scope, receive, send)

    async def close(self) -> None:
        """Ends the sockets and what watches keys."""
        self._sockets.close_all()
        await self._sessions.close()
        self._documents.close()

    async def _answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        started = False

        async def watched(message: Message) -> None:
            nonlocal started
            started = True
            await send(message)

        try:
            await self._router(scope, receive, watched)
        except ClientDisconnect:
            return
        except Exception as error:
            answer = _in_words(error, scope)
            if not started:
                await answer(scope, receive, send)

    async def _healthz(self, request: Request) -> Response:
        return JSONAnswer({"status": "alive", "version": __version__})

    async def _readyz(self, request: Request) -> Response:
        # Not asyncio.timeout: a statement given up is waited for until the database has agreed to it.
        look = asyncio.ensure_future(self._services.db.fetchval("select 1"))
        await asyncio.wait((look,), timeout=READY_SECONDS)
        if not look.done():
            look.cancel()
            reason = f"no answer within {READY_SECONDS:.0f} s"
        elif error := look.exception():
            reason = str(error)
        else:
            return JSONAnswer({"status": "ready"})
        return JSONAnswer({"status": "not ready", "reason": f"database: {reason}"}, 503, {"Retry-After": "1"})

    async def _home(self, request: Request) -> Response:
        page = home_page(f"{request.scope['scheme']}://{request.headers.get('host', '127.0.0.1')}")
        return Answer(page, headers=HEADERS, media_type="text/html")


def _file(name: str, media_type: str) -> Callable[[Request], Awaitable[Response]]:
    """Serves a committed file of the contract."""

    async def serve(request: Request) -> Response:
        return Answer(files("homeport_control_plane").joinpath(name).read_bytes(), media_type=media_type)

    return serve


def _in_words(error: Exception, scope: Scope) -> Response:
    """What is answered where an endpoint raised instead of answering."""
    if isinstance(error, HTTPException):
        error = _misdirected(error, scope["method"])
    elif isinstance(error, DatabaseUnavailable):
        log.warning("%s", error)
        message = "The database does not answer at the moment; asking again is safe."
        error = Refusal(503, "UNAVAILABLE", message, headers={"Retry-After": "1"})
    if isinstance(error, Refusal):
        return JSONAnswer(error.body, error.status, error.headers)
    return JSONAnswer({"errors": [internal(error)]}, 500)


def _misdirected(error: HTTPException, method: str) -> Refusal:
    """What the router found to be no path of ours, or none for this method."""
    if error.status_code == 404:
        return Refusal(404, "NOT_FOUND", "There is nothing here.", hint="The GraphQL API is at /graphql.")
    allowed = ", ".join(sorted((error.headers or {})["Allow"].split(", ")))
    hint = "GraphQL is asked by POST with a JSON body; the schema is at /schema.graphql." if allowed == "POST" else None
    message = f"{method} is not answered here."
    return Refusal(405, "METHOD_NOT_ALLOWED", message, hint=hint, headers={"Allow": allowed})
