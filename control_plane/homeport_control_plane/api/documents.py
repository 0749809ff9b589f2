"""Documents as they come: parsed, held to the limits, validated once, and remembered.

Validation is quadratic in places, so a long document goes to a thread: a hostile one costs its sender time, not
everybody's event loop, and the short ones do not queue behind it.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Final

from graphql import (
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    GraphQLError,
    GraphQLSchema,
    NamedTypeNode,
    NonNullTypeNode,
    OperationDefinitionNode,
    OperationType,
    parse,
    validate,
)

from homeport_control_plane.api.cost import Cost, CostOf
from homeport_control_plane.api.document_limits import LIMITS, DocumentLimits, check_limits, too_much

REMEMBERED: Final = 500
SHORT: Final = 2_000
HELD: Final = frozenset({"claimFlowRuns", "awaitResume"})


class BadDocument(Exception):  # noqa: N818 - it is the document that is bad
    """The document cannot be executed; what is wrong with it, as GraphQL errors."""

    def __init__(self, errors: list[GraphQLError]) -> None:
        super().__init__(errors[0].message)
        self.errors = errors


@dataclass(frozen=True, slots=True)
class Operation:
    """One operation of a valid document. `raw` names the variables whose JSON the domain decodes itself."""

    document: DocumentNode
    name: str | None
    type: OperationType
    roots: frozenset[str]
    raw: frozenset[str]
    cost: Cost

    @property
    def held(self) -> bool:
        """Whether it may be held for work, and so has no time limit."""
        return bool(self.roots & HELD)


class Documents:
    """Finds the operation that a request means."""

    def __init__(self, schema: GraphQLSchema, limits: DocumentLimits = LIMITS) -> None:
        self._schema = schema
        self._limits = limits
        self._known: OrderedDict[str, dict[str | None, Operation]] = OrderedDict()
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="validation")

    async def operation(self, text: str, name: str | None) -> Operation:
        """The operation of that name in the document, or its only one. Raises BadDocument."""
        operations = self._known.get(text)
        if operations is None:
            if len(text) <= SHORT:
                operations = self._prepare(text)
            else:
                operations = await asyncio.get_running_loop().run_in_executor(self._thread, self._prepare, text)
            self._remember(text, operations)
        else:
            self._known.move_to_end(text)
        if name is None and len(operations) == 1:
            return next(iter(operations.values()))
        found = operations.get(name)
        if found is None:
            which = "say which one by operationName" if name is None else f"there is no operation {name[:80]!r}"
            raise BadDocument([_error(f"The document has {len(operations)} operations; {which}.")])
        return found

    def close(self) -> None:
        """Lets the thread end."""
        self._thread.shutdown(wait=False, cancel_futures=True)

    def _remember(self, text: str, operations: dict[str | None, Operation]) -> None:
        self._known[text] = operations
        if len(self._known) > REMEMBERED:
            self._known.popitem(last=False)

    def _prepare(self, text: str) -> dict[str | None, Operation]:
        if len(text) > self._limits.characters:
            raise BadDocument([too_much("characters", len(text), self._limits.characters)])
        try:
            document = parse(text, no_location=True, max_tokens=self._limits.tokens)
            check_limits(document, self._limits)
            errors = validate(self._schema, document, max_errors=10)
        except GraphQLError as error:
            raise BadDocument([error]) from None
        except RecursionError:
            raise BadDocument([_error("The document is nested too deeply.")]) from None
        if errors:
            raise BadDocument(errors)
        return {operation.name: operation for operation in self._operations(document)}

    def _operations(self, document: DocumentNode) -> list[Operation]:
        fragments = {d.name.value: d for d in document.definitions if isinstance(d, FragmentDefinitionNode)}
        costs = CostOf(self._schema, fragments)
        return [
            Operation(
                document=document,
                name=definition.name.value if definition.name else None,
                type=definition.operation,
                roots=frozenset(_roots(definition, fragments)),
                raw=_raw_variables(definition),
                cost=costs.selections(definition.selection_set, self._schema.get_root_type(definition.operation)),
            )
            for definition in document.definitions
            if isinstance(definition, OperationDefinitionNode)
        ]


def _roots(definition: OperationDefinitionNode, fragments: dict[str, FragmentDefinitionNode]) -> set[str]:
    found: set[str] = set()
    waiting = [definition.selection_set]
    while waiting:
        for selection in waiting.pop().selections:
            if isinstance(selection, FieldNode):
                found.add(selection.name.value)
            elif hasattr(selection, "selection_set"):
                waiting.append(selection.selection_set)
            else:
                waiting.append(fragments[selection.name.value].selection_set)  # type: ignore[attr-defined]
    return found


def _raw_variables(definition: OperationDefinitionNode) -> frozenset[str]:
    raw = set()
    for variable in definition.variable_definitions or ():
        of = variable.type.type if isinstance(variable.type, NonNullTypeNode) else variable.type
        if isinstance(of, NamedTypeNode) and of.name.value == "EventBatch":
            raw.add(variable.variable.name.value)
    return frozenset(raw)


def _error(message: str) -> GraphQLError:
    return GraphQLError(message, extensions={"code": "BAD_DOCUMENT"})
