"""One operation, asked until there is an answer, as steps that a transport carries out: post this, or wait so long.

The retry loop stands here once; the transports only do what a step says and hand back what came of it.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping
from dataclasses import dataclass
from typing import Any

from homeport.client.errors import ClientError
from homeport.client.messages import Request, build_request, decode_response
from homeport.client.retries import retry_delay


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back by HTTP."""

    status: int
    headers: Mapping[str, str]
    content: bytes


@dataclass(frozen=True, slots=True)
class Wait:
    """Do nothing for some seconds."""

    seconds: float


Steps = Generator[Request | Wait, Answer | ClientError | None, dict[str, Any]]


def exchange(
    operation: str,
    variables: Mapping[str, Any] | None,
    *,
    key: str | None,
    retry_for: float,
    clock: Callable[[], float],
) -> Steps:
    """Steps that end in the operation's data; a step is answered with an Answer, or with the error in its place."""
    request = build_request(operation, variables, key)
    deadline = clock() + retry_for
    failures = 0
    while True:
        reply = yield request
        try:
            return _data(operation, reply)
        except ClientError as error:
            failures += 1
            delay = retry_delay(error, failures)
            if delay is None or clock() + delay > deadline:
                raise
        yield Wait(delay)


def _data(operation: str, reply: Answer | ClientError | None) -> dict[str, Any]:
    if isinstance(reply, Answer):
        return decode_response(operation, reply.status, reply.headers, reply.content)
    assert reply is not None, "a request is answered with what came of it"
    raise reply
