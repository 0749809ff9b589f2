"""Subscriptions over one WebSocket (graphql-transport-ws), for plain code that waits for the next message."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping
from typing import Any, Self

from homeport.client.addresses import base_url, websocket_url
from homeport.client.documents import document
from homeport.client.errors import ClientError, Forbidden, Unauthenticated, Unreachable
from homeport.client.messages import decode_response, encode, error_of, no_answer

PROTOCOL = "graphql-transport-ws"
LARGEST_MESSAGE = 16 * 1024 * 1024
_REFUSALS: dict[int, type[ClientError]] = {4401: Unauthenticated, 4403: Forbidden}


class Subscriptions:
    """An open connection: subscribe, then receive. Use it in a `with` block; one thread at a time.

    `timeout` is how many seconds the server may take to accept the connection and to say that it is there. Raises
    Unreachable when the connection cannot be made or ends, so that the caller can come back with its cursor.
    """

    def __init__(
        self, url: str, key: str | None, *, timeout: float = 10.0, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._url = base_url(url)
        self._key = key
        self._timeout = timeout
        self._clock = clock
        self._names: dict[str, str] = {}

    def __enter__(self) -> Self:
        from websockets.exceptions import InvalidStatus, WebSocketException
        from websockets.sync.client import connect
        from websockets.typing import Subprotocol

        bearer = f"Bearer {self._key}"
        try:
            self._socket = connect(
                websocket_url(self._url),
                subprotocols=[Subprotocol(PROTOCOL)],
                additional_headers={"Authorization": bearer} if self._key else None,
                open_timeout=self._timeout,
                close_timeout=1.0,
                max_size=LARGEST_MESSAGE,
            )
        except InvalidStatus as error:
            response = error.response
            headers = dict(response.headers.raw_items())
            decode_response("subscribe", response.status_code, headers, bytes(response.body or b""))
            raise no_answer("subscribe", self._url, error) from error
        except (OSError, WebSocketException) as error:
            raise no_answer("subscribe", self._url, error) from error
        try:
            self._send({"type": "connection_init", "payload": {"authorization": bearer} if self._key else {}})
            while self._message(self._timeout).get("type") != "connection_ack":
                pass
        except BaseException:
            self._socket.close()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self._socket.close()

    def subscribe(self, operation: str, variables: Mapping[str, Any]) -> None:
        """Start a subscription; what it delivers comes out of `receive` under the operation's name."""
        identity = str(len(self._names) + 1)
        self._names[identity] = operation
        payload = {"query": document(operation), "operationName": operation, "variables": dict(variables)}
        self._send({"id": identity, "type": "subscribe", "payload": payload})

    def receive(self, timeout: float) -> tuple[str, Any] | None:
        """The next value as (operation, value); None when nothing came for `timeout` seconds.

        A value of None means that this subscription has ended.
        """
        deadline = self._clock() + timeout
        while True:
            try:
                message = self._message(max(0.0, deadline - self._clock()))
            except TimeoutError:
                return None
            operation = self._names.get(str(message.get("id")), "subscribe")
            kind, payload = message.get("type"), message.get("payload")
            if kind == "next" and isinstance(payload, dict):
                if payload.get("errors"):
                    raise error_of(operation, payload["errors"])
                return operation, (payload.get("data") or {}).get(operation)
            if kind == "error":
                raise error_of(operation, payload)
            if kind == "complete":
                return operation, None

    def _message(self, timeout: float) -> dict[str, Any]:
        """The next message that is not about keeping the connection alive."""
        from websockets.exceptions import ConnectionClosed

        while True:
            try:
                text = self._socket.recv(timeout)
            except ConnectionClosed as error:
                raise self._ended(error) from error
            message = json.loads(text)
            if message.get("type") == "ping":
                self._send({"type": "pong"})
            elif message.get("type") != "pong":
                return dict(message)

    def _send(self, message: Mapping[str, Any]) -> None:
        from websockets.exceptions import ConnectionClosed

        try:
            self._socket.send(encode(message).decode())
        except ConnectionClosed as error:
            raise self._ended(error) from error

    def _ended(self, error: Any) -> ClientError:
        code = error.rcvd.code if error.rcvd else 1006
        reason = error.rcvd.reason if error.rcvd and error.rcvd.reason else f"code {code}"
        refusal = _REFUSALS.get(code)
        if refusal is not None:
            return refusal(f"The control plane ended the subscription: {reason}.", operation="subscribe")
        return Unreachable(f"The connection to {self._url} ended: {reason}.", operation="subscribe")
