"""How many values an operation may have to produce: worked out once a document, so that a request only fills in page
sizes.

A field is one; what is below a list counts once for each row that the list may have: `first` where it has one, else a
guess. Queries of a list inside a list multiply, and that is what the limit is about.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from graphql import (
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLError,
    GraphQLField,
    GraphQLInterfaceType,
    GraphQLList,
    GraphQLObjectType,
    GraphQLSchema,
    InlineFragmentNode,
    IntValueNode,
    SelectionSetNode,
    VariableNode,
    get_named_type,
    get_nullable_type,
    is_leaf_type,
)

LIMIT: Final = 50_000
ROWS_OF_A_PLAIN_LIST: Final = 5
# Enough for the usual introspection, and too many for one that goes from type to field to type again.
ROWS_OF_INTROSPECTION: Final = 10
_PAGE_PARTS: Final = frozenset({"edges", "nodes"})  # their length is the connection's `first`


@dataclass(slots=True)
class Cost:
    """A fixed part, and parts that are multiplied by a page size."""

    fixed: int = 0
    pages: list[tuple[int | str, int, Cost]] = field(default_factory=list)

    def of(self, variables: Mapping[str, Any]) -> int:
        """The cost with these variables."""
        total = self.fixed
        for size, default, rows in self.pages:
            given = variables.get(size, default) if isinstance(size, str) else size
            # A page size that is no number, or out of range, is refused with its own error where it is used.
            total += max(given, 1) * rows.of(variables) if isinstance(given, int) else rows.of(variables)
        return total

    def check(self, variables: Mapping[str, Any]) -> None:
        """Raises GraphQLError if the cost is over the limit."""
        cost = self.of(variables) if self.pages else self.fixed
        if cost > LIMIT:
            raise GraphQLError(
                f"The operation may produce {cost:,} values; at most {LIMIT:,} are allowed. Ask for smaller pages.",
                extensions={"code": "TOO_MUCH"},
            )


class CostOf:
    """Works out the cost of selections of one document, which is within the limits and valid."""

    def __init__(self, schema: GraphQLSchema, fragments: Mapping[str, FragmentDefinitionNode]) -> None:
        self._schema = schema
        self._fragments = fragments

    def selections(self, selections: SelectionSetNode | None, parent: Any) -> Cost:
        """The cost of these selections on the type `parent`."""
        cost = Cost()
        for selection in selections.selections if selections else ():
            if isinstance(selection, FieldNode):
                self._add_field(cost, selection, parent)
            elif isinstance(selection, InlineFragmentNode):
                on = selection.type_condition
                inner = self._schema.get_type(on.name.value) if on else parent
                _add(cost, self.selections(selection.selection_set, inner))
            elif isinstance(selection, FragmentSpreadNode):
                fragment = self._fragments[selection.name.value]
                inner = self._schema.get_type(fragment.type_condition.name.value)
                _add(cost, self.selections(fragment.selection_set, inner))
        return cost

    def _add_field(self, cost: Cost, node: FieldNode, parent: Any) -> None:
        cost.fixed += 1
        has_fields = isinstance(parent, GraphQLObjectType | GraphQLInterfaceType)
        definition = self._schema.get_field(parent, node.name.value) if has_fields else None
        if definition is None or is_leaf_type(get_named_type(definition.type)):
            return
        below = self.selections(node.selection_set, get_named_type(definition.type))
        rows = _rows(node, definition)
        if rows is not None:
            cost.pages.append((*rows, below))
        elif isinstance(get_nullable_type(definition.type), GraphQLList) and node.name.value not in _PAGE_PARTS:
            guess = ROWS_OF_INTROSPECTION if parent.name.startswith("__") else ROWS_OF_A_PLAIN_LIST
            cost.pages.append((guess, guess, below))
        else:
            _add(cost, below)


def _rows(node: FieldNode, definition: GraphQLField) -> tuple[int | str, int] | None:
    """The page size as (number or variable's name, default); None for a field that has none."""
    argument = definition.args.get("first")
    if argument is None:
        return None
    default = argument.default_value if isinstance(argument.default_value, int) else 50
    for given in node.arguments or ():
        if given.name.value == "first":
            if isinstance(given.value, IntValueNode):
                return int(given.value.value), default
            if isinstance(given.value, VariableNode):
                return given.value.name.value, default
    return default, default


def _add(cost: Cost, more: Cost) -> None:
    cost.fixed += more.fixed
    cost.pages.extend(more.pages)
