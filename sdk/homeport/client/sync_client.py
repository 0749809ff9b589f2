"""The client for plain code: the command line and the run process."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from homeport.client.addresses import base_url, graphql_url
from homeport.client.errors import ClientError
from homeport.client.exchange import Answer, Wait, exchange
from homeport.client.http_settings import client_options, import_httpx, timeouts
from homeport.client.messages import Request, no_answer

if TYPE_CHECKING:
    import httpx


class Client:
    """Sends operations to one control plane with one key. Threads may share it; close it, or use `with`."""

    def __init__(
        self,
        url: str,
        key: str | None = None,
        *,
        timeout: float = 30.0,
        sleep: Callable[[float], object] = time.sleep,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """`url` as in HOMEPORT_API_URL; `timeout` in seconds for one answer. InvalidAddress for an unusable URL."""
        self.url = base_url(url)
        self.key = key
        self.timeout = timeout
        self._sleep = sleep
        self._clock = clock
        self._address = graphql_url(url)
        self._http: httpx.Client = import_httpx().Client(**client_options(self._address, timeout))

    def execute(
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
                    self._sleep(step.seconds)
                    step = next(steps)
                else:
                    step = steps.send(self._post(operation, step, timeout))
        except StopIteration as done:
            data: dict[str, Any] = done.value
            return data

    def _post(self, operation: str, request: Request, timeout: float | None) -> Answer | ClientError:
        httpx = import_httpx()
        seconds = timeouts(self.timeout if timeout is None else timeout)
        try:
            answer = self._http.post(self._address, headers=request.headers, content=request.content, timeout=seconds)
        except (httpx.TransportError, httpx.DecodingError) as error:
            return no_answer(operation, self.url, error)
        return Answer(answer.status_code, answer.headers, answer.content)

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    def __enter__(self) -> Client:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
