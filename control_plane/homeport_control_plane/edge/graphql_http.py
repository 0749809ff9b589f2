"""POST /graphql: who asks, what they ask, the answer. Every refusal has its status; only a fault of ours is a 5xx."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

from graphql import OperationType

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
from homeport_control_plane.edge.bodies import ClientGone, check_headers, decode_request, decode_variables, read_body
from homeport_control_plane.edge.refusals import Refusal
from homeport_control_plane.edge.responses import Receive, Scope, Send, send_json
from homeport_control_plane.edge.sessions import Sessions, bearer_token, unauthenticated


class GraphQLOverHTTP:
    """Answers one POST."""

    def __init__(self, documents: Documents, executor: Executor, sessions: Sessions, services: Services) -> None:
        self._documents = documents
        self._executor = executor
        self._sessions = sessions
        self._services = services

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Raises Refusal for what is not answered by an execution."""
        if scope["method"] != "POST":
            hint = "GraphQL is asked by POST with a JSON body; the schema is at /schema.graphql."
            message = f"{scope['method']} is not answered here."
            raise Refusal(405, "METHOD_NOT_ALLOWED", message, hint=hint, headers={"Allow": "POST"})
        headers: Mapping[bytes, bytes] = dict(scope["headers"])
        token = bearer_token(headers, scope["query_string"])
        principal = await self._sessions.principal(token, address_of(scope))
        check_headers(headers)
        request = decode_request(await read_body(receive))
        operation = await self._operation(request.query, request.operation_name)
        variables = decode_variables(request, operation.raw)
        context = Context(principal, self._services)
        if operation.held:
            answer = await self._held(token, principal, operation, variables, context, receive)
        else:
            answer = await self._executor.answer(operation, variables, context)
        await send_json(send, _status(answer), answer, _headers(answer))

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
        receive: Receive,
    ) -> Answer:
        """The answer; given up as soon as the client is gone or its key is revoked."""
        work = asyncio.ensure_future(self._executor.answer(operation, variables, context))
        gone = asyncio.ensure_future(receive())
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
        raise ClientGone


def address_of(scope: Scope) -> str | None:
    """The peer's address."""
    client = scope.get("client")
    return client[0] if client else None


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
