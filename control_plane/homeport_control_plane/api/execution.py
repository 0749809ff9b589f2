"""An operation carried out: checked for its cost, executed, and its errors said without internals.

What the client can do something about keeps its words; anything unexpected is logged under a number and says that
number.
"""

from __future__ import annotations

import asyncio
import contextlib
import inspect
import logging
import secrets
from collections.abc import AsyncGenerator, Coroutine, Mapping, Sequence
from typing import Any, Final

from graphql import ExecutionResult, GraphQLError, GraphQLSchema, OperationType, execute, subscribe
from strawberry.schema.schema import StrawberryGraphQLCoreExecutionContext

from homeport_control_plane import __version__
from homeport_control_plane.api.context import Context
from homeport_control_plane.api.documents import Operation
from homeport_control_plane.errors import DatabaseUnavailable, DomainError

log = logging.getLogger("homeport.api")

SECONDS: Final = 10.0
BAD_DOCUMENT: Final = "BAD_DOCUMENT"
UNAVAILABLE: Final = "UNAVAILABLE"
TIMEOUT: Final = "TIMEOUT"
INTERNAL: Final = "INTERNAL"

Answer = dict[str, Any]


class Executor:
    """Carries operations out on one schema."""

    def __init__(self, schema: GraphQLSchema, *, seconds: float = SECONDS) -> None:
        self._schema = schema
        self._seconds = seconds

    async def answer(self, operation: Operation, variables: Mapping[str, Any], context: Context) -> Answer:
        """The whole answer, `data` and `errors`; never raises but when cancelled."""
        try:
            operation.cost.check(variables)
            work = self._execute(operation, variables, context)
            return _answer(await work if operation.held else await _within(work, self._seconds))
        except TimeoutError:
            message = f"The operation took longer than {self._seconds:.0f} s and was given up; asking again is safe."
            return {"data": None, "errors": [_formatted(message, TIMEOUT)]}
        except GraphQLError as error:
            return {"data": None, "errors": [formatted(error)]}

    async def any(
        self, operation: Operation, variables: Mapping[str, Any], context: Context
    ) -> AsyncGenerator[Answer, None]:
        """The answers of an operation of any kind: many of a subscription, else one."""
        if operation.type is not OperationType.SUBSCRIPTION:
            yield await self.answer(operation, variables, context)
            return
        async with contextlib.aclosing(self.events(operation, variables, context)) as answers:
            async for answer in answers:
                yield answer

    async def events(
        self, operation: Operation, variables: Mapping[str, Any], context: Context
    ) -> AsyncGenerator[Answer, None]:
        """The answers of a subscription, one after the other."""
        try:
            operation.cost.check(variables)
            stream: Any = subscribe(
                self._schema,
                operation.document,
                context_value=context,
                variable_values=dict(variables),
                operation_name=operation.name,
                executor_class=StrawberryGraphQLCoreExecutionContext,
            )
            if inspect.isawaitable(stream):
                stream = await stream
        except GraphQLError as error:
            yield {"data": None, "errors": [formatted(error)]}
            return
        if isinstance(stream, ExecutionResult):
            yield _answer(stream)
            return
        try:
            async for result in stream:
                yield _answer(result)
        except GraphQLError as error:
            yield {"data": None, "errors": [formatted(error)]}
        except Exception as error:
            # A subscription's own generator failed after its first value.
            yield {"data": None, "errors": [formatted(GraphQLError(str(error), original_error=error))]}
        finally:
            await stream.aclose()

    async def _execute(self, operation: Operation, variables: Mapping[str, Any], context: Context) -> ExecutionResult:
        result = execute(
            self._schema,
            operation.document,
            context_value=context,
            variable_values=dict(variables),
            operation_name=operation.name,
            executor_class=StrawberryGraphQLCoreExecutionContext,
        )
        return result if isinstance(result, ExecutionResult) else await result


def failures(answer: Answer) -> set[str]:
    """The codes of the answer's errors."""
    return {error.get("extensions", {}).get("code", "") for error in answer.get("errors") or ()}


def formatted_all(errors: Sequence[GraphQLError]) -> list[Answer]:
    """Each error as it is answered."""
    return [formatted(error) for error in errors]


def formatted(error: GraphQLError) -> Answer:
    """The error as it is answered: its words if they are meant for the client, else a number to look for in the log."""
    cause = error.original_error
    while isinstance(cause, GraphQLError):
        cause = cause.original_error
    answer: Answer
    if cause is None:
        answer = dict(error.formatted)
        extensions = answer.setdefault("extensions", {})
        if extensions.setdefault("code", BAD_DOCUMENT if error.path is None else "BAD_INPUT") == BAD_DOCUMENT:
            # What we do not understand may be right for another version: the client can say which one is older.
            extensions["serverVersion"] = __version__
        return answer
    if isinstance(cause, DatabaseUnavailable):
        log.warning("%s", cause)
        answer = _formatted("The database does not answer at the moment; asking again is safe.", UNAVAILABLE)
    elif isinstance(cause, DomainError):
        answer = _formatted(cause.message, "BAD_INPUT")
        answer["extensions"]["hint"] = cause.hint
        if fields := getattr(cause, "fields", ()):
            answer["extensions"]["fields"] = [{"path": f.path, "message": f.message} for f in fields]
    else:
        answer = internal(cause)
    if error.path:
        answer["path"] = list(error.path)
    return answer


def internal(cause: BaseException) -> Answer:
    """The error for a fault of ours; what happened is logged under the number it says."""
    number = secrets.token_hex(6)
    log.error("internal error %s", number, exc_info=cause)
    return _formatted(f"internal error {number}", INTERNAL)


async def _within(work: Coroutine[Any, Any, ExecutionResult], seconds: float) -> ExecutionResult:
    """The result, if it comes in time. Raises TimeoutError.

    Not asyncio.timeout: that waits until what it cancelled has ended, and a statement ends when its database says so.
    """
    task = asyncio.ensure_future(work)
    try:
        await asyncio.wait((task,), timeout=seconds)
    finally:
        if not task.done():
            task.cancel()
    if not task.done():
        raise TimeoutError
    return task.result()


def _answer(result: ExecutionResult) -> Answer:
    if result.errors:
        return {"data": result.data, "errors": formatted_all(result.errors)}
    return {"data": result.data}


def _formatted(message: str, code: str) -> Answer:
    return {"message": message, "extensions": {"code": code}}
