"""The client for asynchronous code: the agent."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping
from typing import TYPE_CHECKING, Any

from homeport.client.addresses import base_url, graphql_url
from homeport.client.errors import ClientError
from homeport.client.exchange import Answer, Wait, exchange
from homeport.client.http_settings import client_options, import_httpx, timeouts
from homeport.client.messages import Request, no_answer

if TYPE_CHECKING:
    import httpx


class AsyncClient:
    """Sends operations to one control plane with one key, from one event loop. Close it, or use `async with`."""

    def __init__(
        self,
        url: str,
        key: str | None = None,
        *,
        timeout: float = 30.0,
        sleep: Callable[[float], Awaitable[object]] = asyncio.sleep,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """`url` as in HOMEPORT_API_URL; `timeout` in seconds for one answer. InvalidAddress for an unusable URL."""
        self.url = base_url(url)
        self.key = key
        self.timeout = timeout
        self._sleep = sleep
        self._clock = clock
        self._address = graphql_url(url)
        self._http: httpx.AsyncClient = import_httpx().AsyncClient(**client_options(self._address, timeout))

    async def execute(
        self,
        operation: str,
        variables: Mapping[str, Any] | None = None,
        *,
        timeout: float | None = None,
        retry_for: float = 0.0,
    ) -> dict[str, Any]:
        """The `data` that the named operation answers; asks again for `retry_for` seconds while there is no answer.

        Raises Unreachable when none came, a Refused when it was no. Errors in unions are data: see `expect`.
        """
        steps = exchange(operation, variables, key=self.key, retry_for=retry_for, clock=self._clock)
        step = next(steps)
        try:
            while True:
                if isinstance(step, Wait):
                    await self._sleep(step.seconds)
                    step = next(steps)
                else:
                    step = steps.send(await self._post(operation, step, timeout))
        except StopIteration as done:
            data: dict[str, Any] = done.value
            return data

    async def _post(self, operation: str, request: Request, timeout: float | None) -> Answer | ClientError:
        httpx = import_httpx()
        seconds = timeouts(self.timeout if timeout is None else timeout)
        try:
            answer = await self._http.post(
                self._address, headers=request.headers, content=request.content, timeout=seconds
            )
        except (httpx.TransportError, httpx.DecodingError) as error:
            return no_answer(operation, self.url, error)
        return Answer(answer.status_code, answer.headers, answer.content)

    async def aclose(self) -> None:
        """Close the connections."""
        await self._http.aclose()

    async def __aenter__(self) -> AsyncClient:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()
