"""What user code asks of the control plane: in a run with that run's token, elsewhere with the user's own key.

A run finds no key of its agent or its user: the token, which is good for one attempt, is all that it has. Its workers
do not even have that: what their code asks goes by way of the run's process (engine/asking_home.py).
"""

from __future__ import annotations

import asyncio
import functools
from collections.abc import Awaitable, Callable, Generator, Iterator, Mapping
from contextlib import closing, contextmanager
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar, cast
from uuid import UUID

from homeport.engine import current

if TYPE_CHECKING:
    from homeport.engine.flow_runs import FlowRun

P = ParamSpec("P")
R = TypeVar("R")

if TYPE_CHECKING:

    class AwaitableUUID(UUID):
        """What is a UUID in sync code and a coroutine of one in async code, as far as it can be said to a checker."""

        def __await__(self) -> Generator[Any, None, UUID]: ...


PATIENCE = 60.0
"""How long a question waits for a control plane that is away, in seconds."""

_tokens: dict[UUID, tuple[str, str]] = {}


class NotConnected(RuntimeError):  # noqa: N818 - named for what is the case
    """There is no control plane to ask here."""


@contextmanager
def speaking_for(flow_run_id: UUID, url: str, token: str) -> Iterator[None]:
    """Inside it, what code of this run asks goes to this control plane, with this token."""
    _tokens[flow_run_id] = (url, token)
    try:
        yield
    finally:
        _tokens.pop(flow_run_id, None)


def recorded_run_id() -> UUID | None:
    """The id of the run that this code belongs to (a subflow's is its parent's), if the control plane knows it."""
    return recorded_as(current.flow_run.get())


def recorded_as(run: FlowRun | None) -> UUID | None:
    """The id under which the control plane knows the run that this one is, or is a subflow of; None if it does not."""
    root = _root(run)
    if root is None:
        return None
    return root.recorded_as if root.asks is not None else root.info.id if root.info.id in _tokens else None


def ask(operation: str, variables: Mapping[str, Any], *, retry_for: float = PATIENCE) -> dict[str, Any]:
    """The data that the operation answers. Blocks. Raises NotConnected where there is no control plane, ClientError."""
    root = _root(current.flow_run.get())
    if root is not None and root.asks is not None:
        return root.asks(operation, variables, retry_for)
    own = recorded_as(root)
    if own is not None:
        from homeport.runtime.run_client import RunClient
        from homeport.runtime.wire import open_wire

        url, token = _tokens[own]
        with closing(RunClient(open_wire(url), token)) as client:
            return client.execute(operation, variables, retry_for=retry_for)
    from homeport.client import Client
    from homeport.config import load_settings

    settings = load_settings()
    if not settings.api_key:
        raise NotConnected(
            "This asks the control plane, and there is none here: the flow was not started by one, and no API key is "
            "set. Log in (homeport auth login), set HOMEPORT_API_URL and HOMEPORT_API_KEY, or run the flow on an agent."
        )
    with Client(settings.api_url, settings.api_key, timeout=settings.timeout_seconds) as client:
        # A person is waiting, not a run that would be lost.
        return client.execute(operation, variables, retry_for=min(retry_for, 2.0))


def _root(run: FlowRun | None) -> FlowRun | None:
    while run is not None and run.parent is not None:
        run = run.parent
    return run


def awaited_in_async(function: Callable[P, R]) -> Callable[P, R]:
    """The function as it is; called on an event loop, a coroutine of it, which blocks no other task (as in 2.x).

    No type says "this in sync code, a coroutine of it in async code". So that checkers take both, what such a function
    is said to give is either Any, or has an `__await__` for them.
    """

    @functools.wraps(function)
    def either(*args: P.args, **kwargs: P.kwargs) -> Any:
        if asyncio.events._get_running_loop() is None:
            return function(*args, **kwargs)
        return asyncio.to_thread(function, *args, **kwargs)

    return either


def uuid_awaited_in_async(function: Callable[P, UUID]) -> Callable[P, AwaitableUUID]:
    """The same, of a function that gives a UUID."""
    return cast("Callable[P, AwaitableUUID]", awaited_in_async(function))


def none_awaited_in_async(function: Callable[P, None]) -> Callable[P, Awaitable[None]]:
    """The same, of a function that gives nothing."""
    return cast("Callable[P, Awaitable[None]]", awaited_in_async(function))
