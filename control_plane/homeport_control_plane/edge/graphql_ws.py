"""Subscriptions by the protocol graphql-transport-ws: one socket, many operations, each ended by either side.

A socket bypasses the browser's same-origin rule, so the Origin header is checked here. The socket ends when its key
is revoked (4403) and when the server stops (1001).
"""

from __future__ import annotations

import asyncio
import contextlib
from typing import Any, Final

import msgspec
from starlette.websockets import WebSocket, WebSocketDisconnect

from homeport_control_plane.api.context import Context, Services
from homeport_control_plane.api.documents import BadDocument, Documents
from homeport_control_plane.api.execution import Executor, formatted_all, internal
from homeport_control_plane.authentication import Principal
from homeport_control_plane.edge.bodies import GraphQLRequest, decode_variables
from homeport_control_plane.edge.graphql_http import address_of
from homeport_control_plane.edge.refusals import Refusal
from homeport_control_plane.edge.sessions import Sessions, token_in
from homeport_control_plane.errors import DatabaseUnavailable

PROTOCOL: Final = "graphql-transport-ws"
INIT_SECONDS: Final = 5.0
OPERATIONS_A_SOCKET: Final = 50
GOING_AWAY: Final = 1001
BAD: Final = 4400
UNAUTHORIZED: Final = 4401
FORBIDDEN: Final = 4403
INIT_TIMEOUT: Final = 4408
ALREADY: Final = 4409
TOO_MANY_INITS: Final = 4429


class _Message(msgspec.Struct):
    type: str
    id: str | None = None
    payload: msgspec.Raw = msgspec.Raw(b"null")


class Close(Exception):  # noqa: N818 - an order, not a fault
    """Ends the socket with this code and reason."""

    def __init__(self, code: int, reason: str) -> None:
        super().__init__(reason)
        self.code = code
        self.reason = reason


class GraphQLOverWebSocket:
    """Serves sockets; `close_all` ends them when the process stops."""

    def __init__(self, documents: Documents, executor: Executor, sessions: Sessions, services: Services) -> None:
        self.documents = documents
        self.executor = executor
        self.sessions = sessions
        self.services = services
        self._open: set[_Socket] = set()

    async def serve(self, websocket: WebSocket) -> None:
        """One socket, from its handshake to its end."""
        if PROTOCOL not in websocket.scope.get("subprotocols", ()) or not _same_origin(websocket):
            await websocket.close(FORBIDDEN, "protocol or origin")
            return
        await websocket.accept(PROTOCOL)
        socket = _Socket(self, websocket)
        self._open.add(socket)
        try:
            await socket.serve()
        finally:
            self._open.discard(socket)

    def close_all(self) -> None:
        """Ends every socket with 1001."""
        for socket in list(self._open):
            socket.end(Close(GOING_AWAY, "The control plane is stopping."))


class _Socket:
    def __init__(self, server: GraphQLOverWebSocket, websocket: WebSocket) -> None:
        self._server = server
        self._websocket = websocket
        self._operations: dict[str, asyncio.Task[None]] = {}
        self._ended: asyncio.Future[Close] = asyncio.get_running_loop().create_future()
        self._principal: Principal | None = None
        self._token = ""

    def end(self, close: Close) -> None:
        """Ends the socket soon, from anywhere."""
        if not self._ended.done():
            self._ended.set_result(close)

    async def serve(self) -> None:
        talk = asyncio.ensure_future(self._talk())
        try:
            await asyncio.wait((talk, self._ended), return_when=asyncio.FIRST_COMPLETED)
            close = self._ended.result() if self._ended.done() else talk.result()
            if close is not None:
                with contextlib.suppress(Exception):  # the peer may be gone already
                    await self._websocket.close(close.code, close.reason[:120])
        finally:
            talk.cancel()
            running = list(self._operations.values())
            for task in running:
                task.cancel()
            await asyncio.gather(talk, *running, return_exceptions=True)

    async def _talk(self) -> Close | None:
        try:
            async with asyncio.timeout(INIT_SECONDS):
                await self._init(await self._next())
        except TimeoutError:
            return Close(INIT_TIMEOUT, "Connection initialisation timeout")
        except Close as close:
            return close
        except WebSocketDisconnect:
            return None
        assert self._principal is not None
        revoked = Close(FORBIDDEN, "The key was revoked.")
        with self._server.sessions.live(self._token, self._principal, lambda: self.end(revoked)):
            try:
                while True:
                    await self._handle(await self._next())
            except Close as close:
                return close
            except WebSocketDisconnect:
                return None

    async def _init(self, message: _Message) -> None:
        if message.type != "connection_init":
            raise Close(UNAUTHORIZED, "Unauthorized: connection_init comes first")
        payload: Any = msgspec.json.decode(message.payload)
        given = payload.get("authorization") or payload.get("Authorization") if isinstance(payload, dict) else None
        authorization = given if isinstance(given, str) else self._websocket.headers.get("authorization", "")
        try:
            self._token = token_in(authorization)
            self._principal = await self._server.sessions.principal(self._token, address_of(self._websocket))
        except Refusal as refusal:
            raise Close(FORBIDDEN, str(refusal)) from None
        except DatabaseUnavailable:
            raise Close(GOING_AWAY, "The database does not answer at the moment; try again.") from None
        await self._send({"type": "connection_ack"})

    async def _handle(self, message: _Message) -> None:
        if message.type == "ping":
            await self._send({"type": "pong"})
        elif message.type == "subscribe" and message.id:
            self._subscribe(message.id, message.payload)
        elif message.type == "complete" and message.id:
            if task := self._operations.pop(message.id, None):
                task.cancel()
        elif message.type == "connection_init":
            raise Close(TOO_MANY_INITS, "Too many initialisation requests")
        elif message.type != "pong":
            raise Close(BAD, f"Unknown message {message.type[:40]!r}")

    def _subscribe(self, id: str, payload: msgspec.Raw) -> None:
        if id in self._operations:
            raise Close(ALREADY, f"Subscriber for {id[:60]} already exists")
        if len(self._operations) >= OPERATIONS_A_SOCKET:
            raise Close(BAD, f"At most {OPERATIONS_A_SOCKET} operations on one socket")
        try:
            request = msgspec.json.decode(payload, type=GraphQLRequest)
        except (msgspec.MsgspecError, UnicodeError, RecursionError) as error:
            raise Close(BAD, f"The payload is not a GraphQL request: {error}") from None
        task = asyncio.create_task(self._run(id, request), name=f"subscription {id[:40]}")
        self._operations[id] = task
        task.add_done_callback(lambda _: self._operations.pop(id, None) if self._operations.get(id) is task else None)

    async def _run(self, id: str, request: GraphQLRequest) -> None:
        assert self._principal is not None
        try:
            operation = await self._server.documents.operation(request.query, request.operation_name)
            variables = decode_variables(request, operation.raw)
            context = Context(self._principal, self._server.services)
            async with contextlib.aclosing(self._server.executor.any(operation, variables, context)) as answers:
                async for answer in answers:
                    await self._send({"id": id, "type": "next", "payload": answer})
            await self._send({"id": id, "type": "complete"})
        except BadDocument as error:
            await self._send({"id": id, "type": "error", "payload": formatted_all(error.errors)})
        except Refusal as refusal:
            await self._send({"id": id, "type": "error", "payload": refusal.body["errors"]})
        except WebSocketDisconnect:
            return
        except Exception as error:
            await self._send({"id": id, "type": "error", "payload": [internal(error)]})

    async def _next(self) -> _Message:
        event = await self._websocket.receive()
        if event["type"] == "websocket.disconnect":
            raise WebSocketDisconnect(event["code"])
        try:
            return msgspec.json.decode(event.get("text") or event.get("bytes") or b"", type=_Message)
        except (msgspec.MsgspecError, UnicodeError, RecursionError):
            raise Close(BAD, "Invalid message received") from None

    async def _send(self, message: dict[str, Any]) -> None:
        try:
            await self._websocket.send_text(msgspec.json.encode(message).decode())
        except RuntimeError as error:  # we ourselves have closed it meanwhile
            raise WebSocketDisconnect(GOING_AWAY) from error


def _same_origin(websocket: WebSocket) -> bool:
    """Whether the page that opened the socket came from here; programs send no Origin."""
    origin = websocket.headers.get("origin")
    return origin is None or origin.split("//")[-1] == websocket.headers.get("host")
