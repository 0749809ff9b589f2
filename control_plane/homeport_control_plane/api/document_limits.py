"""What a document may ask for, looked at before it is validated, because validation itself is dear for hostile ones.

Depth is counted through fragments. Literals are refused here where the rest of the way could not carry them: numbers
that are no finite JSON number, and text that the database cannot store.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from graphql import (
    DocumentNode,
    FieldNode,
    FloatValueNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLError,
    InlineFragmentNode,
    IntValueNode,
    OperationDefinitionNode,
    SelectionSetNode,
    StringValueNode,
)
from graphql.language import Node, Visitor, visit


@dataclass(frozen=True, slots=True)
class DocumentLimits:
    """The largest document that is looked at."""

    characters: int = 64 * 1024
    tokens: int = 5_000
    depth: int = 12
    introspection_depth: int = 16
    aliases: int = 50
    fields: int = 1_000
    repeated_fields: int = 300
    number_digits: int = 300


LIMITS: Final = DocumentLimits()


def check_limits(document: DocumentNode, limits: DocumentLimits = LIMITS) -> None:
    """Raises GraphQLError with the limit and what was found."""
    counter = _Counter(limits)
    visit(document, counter)
    if counter.aliases > limits.aliases:
        raise too_much("aliases", counter.aliases, limits.aliases)
    if counter.fields > limits.fields:
        raise too_much("fields", counter.fields, limits.fields)
    shape = _Shape(document)
    if shape.repeated() > limits.repeated_fields:
        raise too_much("fields that are asked for again", shape.repeated(), limits.repeated_fields)
    for definition in document.definitions:
        if isinstance(definition, OperationDefinitionNode):
            depth = shape.depth(definition.selection_set)
            limit = limits.introspection_depth if _introspects(definition) else limits.depth
            if depth > limit:
                raise too_much("levels of depth", depth, limit)


def too_much(what: str, found: int, limit: int) -> GraphQLError:
    """The error for a document over a limit."""
    return GraphQLError(
        f"The document has {found:,} {what}; at most {limit:,} are looked at.", extensions={"code": "TOO_MUCH"}
    )


class _Counter(Visitor):
    def __init__(self, limits: DocumentLimits) -> None:
        super().__init__()
        self.limits = limits
        self.aliases = 0
        self.fields = 0

    def enter_field(self, node: FieldNode, *_: object) -> None:
        self.fields += 1
        self.aliases += node.alias is not None

    def enter_int_value(self, node: IntValueNode, *_: object) -> None:
        self._check_number(node)

    def enter_float_value(self, node: FloatValueNode, *_: object) -> None:
        self._check_number(node)

    def enter_string_value(self, node: StringValueNode, *_: object) -> None:
        if "\0" in node.value:
            raise bad_literal("A text may not hold the NUL character.", node)
        try:
            node.value.encode()
        except UnicodeEncodeError:
            raise bad_literal("A text is not valid Unicode (a lone surrogate).", node) from None

    def _check_number(self, node: IntValueNode | FloatValueNode) -> None:
        if len(node.value) > self.limits.number_digits or not math.isfinite(float(node.value)):
            raise bad_literal("A number is out of range.", node)


def bad_literal(message: str, node: Node) -> GraphQLError:
    """The error for a value written in the document that cannot be one."""
    return GraphQLError(message, node, extensions={"code": "BAD_INPUT"})


def _introspects(operation: OperationDefinitionNode) -> bool:
    """Whether it asks for the schema and nothing else; the usual question goes deep into wrapped types."""
    return all(
        isinstance(selection, FieldNode) and selection.name.value.startswith("__")
        for selection in operation.selection_set.selections
    )


class _Shape:
    """Depth and repetition of a document, both seen through fragments."""

    def __init__(self, document: DocumentNode) -> None:
        self._document = document
        self._fragments = {d.name.value: d for d in document.definitions if isinstance(d, FragmentDefinitionNode)}
        self._depths: dict[str, int] = {}
        self._entered: set[str] = set()

    def depth(self, selections: SelectionSetNode | None) -> int:
        """How many fields lie below each other at most. Raises GraphQLError for a fragment that spreads itself."""
        deepest = 0
        for selection in selections.selections if selections else ():
            if isinstance(selection, FieldNode):
                depth = 1 + self.depth(selection.selection_set)
            elif isinstance(selection, InlineFragmentNode):
                depth = self.depth(selection.selection_set)
            else:
                assert isinstance(selection, FragmentSpreadNode)
                depth = self._fragment_depth(selection.name.value)
            deepest = max(deepest, depth)
        return deepest

    def repeated(self) -> int:
        """How many fields of one place have a name that another one there has.

        Whether such fields may be merged is decided pair by pair, and below each pair again.
        """
        found = _Places()
        visit(self._document, found)
        repeated = 0
        for place in found.places:
            names = Counter(self._names(place, set()))
            repeated += sum(times - 1 for times in names.values())
        return repeated

    def _names(self, selections: SelectionSetNode, seen: set[str]) -> Iterator[str]:
        for selection in selections.selections:
            if isinstance(selection, FieldNode):
                yield (selection.alias or selection.name).value
            elif isinstance(selection, InlineFragmentNode):
                yield from self._names(selection.selection_set, seen)
            elif isinstance(selection, FragmentSpreadNode) and selection.name.value not in seen:
                seen.add(selection.name.value)
                if fragment := self._fragments.get(selection.name.value):
                    yield from self._names(fragment.selection_set, seen)

    def _fragment_depth(self, name: str) -> int:
        if name in self._entered:
            raise GraphQLError(f"The fragment {name!r} spreads itself.", extensions={"code": "BAD_DOCUMENT"})
        if name not in self._depths and (fragment := self._fragments.get(name)):
            self._entered.add(name)
            self._depths[name] = self.depth(fragment.selection_set)
            self._entered.discard(name)
        return self._depths.get(name, 0)


class _Places(Visitor):
    """Collects the selections of operations, fragments and fields: each is a place where names may repeat."""

    def __init__(self) -> None:
        super().__init__()
        self.places: list[SelectionSetNode] = []

    def enter_operation_definition(self, node: OperationDefinitionNode, *_: object) -> None:
        self.places.append(node.selection_set)

    def enter_field(self, node: FieldNode, *_: object) -> None:
        if node.selection_set:
            self.places.append(node.selection_set)
