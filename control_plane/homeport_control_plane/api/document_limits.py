"""What a document may ask for, looked at before it is validated, because validation itself is dear for hostile ones.

Depth is counted through fragments. Literals are refused here where the rest of the way could not carry them: numbers
that are no finite JSON number, and text that the database cannot store.
"""

from __future__ import annotations

import math
from collections import Counter
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
    aliases: int = 50
    fields: int = 1_000
    same_field: int = 50
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
    depths = _Depths(document)
    for definition in document.definitions:
        if isinstance(definition, OperationDefinitionNode):
            depth = depths.of(definition.selection_set)
            if depth > limits.depth:
                raise too_much("levels of depth", depth, limits.depth)


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

    def enter_selection_set(self, node: SelectionSetNode, *_: object) -> None:
        # Whether fields of one name may be merged is decided pair by pair: many of one name are quadratic, nested
        # ones worse.
        names = Counter(s.alias.value if s.alias else s.name.value for s in node.selections if isinstance(s, FieldNode))
        most = max(names.values(), default=0)
        if most > self.limits.same_field:
            raise too_much("fields of one name", most, self.limits.same_field)

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


class _Depths:
    def __init__(self, document: DocumentNode) -> None:
        self._fragments = {d.name.value: d for d in document.definitions if isinstance(d, FragmentDefinitionNode)}
        self._known: dict[str, int] = {}
        self._entered: set[str] = set()

    def of(self, selections: SelectionSetNode | None) -> int:
        deepest = 0
        for selection in selections.selections if selections else ():
            if isinstance(selection, FieldNode):
                depth = 1 + self.of(selection.selection_set)
            elif isinstance(selection, InlineFragmentNode):
                depth = self.of(selection.selection_set)
            else:
                assert isinstance(selection, FragmentSpreadNode)
                depth = self._of_fragment(selection.name.value)
            deepest = max(deepest, depth)
        return deepest

    def _of_fragment(self, name: str) -> int:
        if name in self._entered:
            raise GraphQLError(f"The fragment {name!r} spreads itself.", extensions={"code": "BAD_DOCUMENT"})
        if name not in self._known and (fragment := self._fragments.get(name)):
            self._entered.add(name)
            self._known[name] = self.of(fragment.selection_set)
            self._entered.discard(name)
        return self._known.get(name, 0)
