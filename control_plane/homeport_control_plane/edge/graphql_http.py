"""POST /graphql: who asks, what they ask, the answer. Every refusal has its status; only a fault of ours is a 5xx."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

from graphql import OperationType
from starlette.requests import ClientDisconnect, HTTPConnection, Request
from starlette.responses import Response

from homeport_control_plane.api.context import Context, Services
from homeport_control_plane.api.documents import BadDocument, Documents, Operation
from homeport_control_plane.api.execution import (
    INTERNAL,
    TIMEOUT,
    UNAVAILABLE,
    Answer,
    Executor,
    failures,
    formatted_all,
)
from homeport_control_plane.authentication import Principal
from homeport_control_plane.edge.bodies import check_headers, decode_request, decode_variables, read_body
from homeport_control_plane.edge.refusals import Refusal
from homeport_control_plane.edge.responses import JSONAnswer
from homeport_control_plane.edge.sessions import Sessions, bearer_token, unauthenticated


class GraphQLOverHTTP:
    """Answers one POST."""

    def __init__(self, documents: Documents, executor: Executor, sessions: Sessions, services: Services) -> None:
        self._documents = documents
        self._executor = executor
        self._sessions = sessions
        self._services = services

    async def answer(self, request: Request) -> Response:
        """The answer of an execution. Raises Refusal for what is not answered by one."""
        token = bearer_token(request.headers, request.scope["query_string"])
        principal = await self._sessions.principal(token, address_of(request))
        check_headers(request.headers)
        asked = decode_request(await read_body(request))
        operation = await self._operation(asked.query, asked.operation_name)
        variables = decode_variables(asked, operation.raw)
        context = Context(principal, self._services)
        if operation.held:
            answer = await self._held(token, principal, operation, variables, context, request)
        else:
            answer = await self._executor.answer(operation, variables, context)
        return JSONAnswer(answer, _status(answer), _headers(answer))

    async def _operation(self, text: str, name: str | None) -> Operation:
        try:
            operation = await self._documents.operation(text, name)
        except BadDocument as error:
            refusal = Refusal(400, "BAD_DOCUMENT", str(error))
            refusal.body = {"errors": formatted_all(error.errors)}
            raise refusal from None
        if operation.type is OperationType.SUBSCRIPTION:
            hint = "Open a WebSocket at the same address with the protocol graphql-transport-ws."
            raise Refusal(400, "BAD_REQUEST", "A subscription is not answered over HTTP.", hint=hint)
        return operation

    async def _held(
        self,
        token: str,
        principal: Principal,
        operation: Operation,
        variables: Mapping[str, Any],
        context: Context,
        request: Request,
    ) -> Answer:
        """The answer; given up as soon as the client is gone or its key is revoked."""
        work = asyncio.ensure_future(self._executor.answer(operation, variables, context))
        gone = asyncio.ensure_future(request.receive())
        revoked = asyncio.Event()
        ended = asyncio.ensure_future(revoked.wait())
        try:
            with self._sessions.live(token, principal, revoked.set):
                await asyncio.wait((work, gone, ended), return_when=asyncio.FIRST_COMPLETED)
            if work.done():
                return work.result()
        finally:
            work.cancel()
            gone.cancel()
            ended.cancel()
        if revoked.is_set():
            raise unauthenticated("The key was revoked.")
        raise ClientDisconnect


def address_of(connection: HTTPConnection) -> str | None:
    """The peer's address."""
    return connection.client.host if connection.client else None


def _status(answer: Answer) -> int:
    if "errors" not in answer:
        return HTTPStatus.OK
    codes = failures(answer)
    if UNAVAILABLE in codes or TIMEOUT in codes:
        return HTTPStatus.SERVICE_UNAVAILABLE
    if INTERNAL in codes:
        return HTTPStatus.INTERNAL_SERVER_ERROR
    return HTTPStatus.OK


def _headers(answer: Answer) -> dict[str, str] | None:
    return {"Retry-After": "1"} if "errors" in answer and UNAVAILABLE in failures(answer) else None
