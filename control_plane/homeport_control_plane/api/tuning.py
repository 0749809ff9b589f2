"""The schema made quick: what strawberry works out for every field and argument of every request is compiled once.

Measured on createFlowRun, a quarter of the server's time went into finding out again how to convert its input. Nothing
about the contract changes: names, types and defaults come from the same definitions.
"""

from __future__ import annotations

from collections.abc import Callable
from operator import attrgetter
from typing import Any, TypeAlias

from graphql import (
    GraphQLArgument,
    GraphQLEnumType,
    GraphQLField,
    GraphQLInputObjectType,
    GraphQLList,
    GraphQLObjectType,
    GraphQLResolveInfo,
    GraphQLSchema,
    GraphQLUnionType,
    get_nullable_type,
)

Convert: TypeAlias = Callable[[Any], Any]
_DEFINITION = "strawberry-definition"


def tune(schema: GraphQLSchema) -> None:
    """Replaces resolvers of plain attributes, of unions' types, and the conversion of arguments."""
    for type_ in schema.type_map.values():
        if isinstance(type_, GraphQLObjectType) and not type_.name.startswith("__"):
            for field in type_.fields.values():
                _tune_field(field)
        elif isinstance(type_, GraphQLUnionType):
            type_.resolve_type = _member_name


def _tune_field(field: GraphQLField) -> None:
    definition = field.extensions.get(_DEFINITION)
    if definition is None or field.subscribe is not None:
        return
    if definition.base_resolver is None:
        field.resolve = _attribute(definition.python_name)
    else:
        converters = {_python_name(name, a): _converter(a.type) for name, a in field.args.items()}
        field.resolve = _calling(definition.base_resolver.wrapped_func, converters, _names(field))


def _attribute(name: str) -> Callable[..., Any]:
    get = attrgetter(name)
    return lambda source, info: get(source)


def _calling(
    resolver: Callable[..., Any], converters: dict[str, Convert | None], names: dict[str, str]
) -> Callable[..., Any]:
    needed = {names[name]: (name, convert) for name, convert in converters.items()}

    def resolve(source: Any, info: GraphQLResolveInfo[Any], **given: Any) -> Any:
        # graphql-core's info has what our resolvers use of strawberry's: the context and the field's name.
        arguments = {}
        for graphql_name, value in given.items():
            name, convert = needed[graphql_name]
            arguments[name] = value if convert is None else convert(value)
        return resolver(source, info=info, **arguments)

    return resolve


def _member_name(value: Any, info: GraphQLResolveInfo[Any], union: object) -> str:
    return str(type(value).__strawberry_definition__.name)


def _names(field: GraphQLField) -> dict[str, str]:
    return {_python_name(name, argument): name for name, argument in field.args.items()}


def _python_name(name: str, argument: GraphQLArgument) -> str:
    return str(argument.extensions[_DEFINITION].python_name)


def _converter(type_: Any) -> Convert | None:
    """From what graphql-core made of the JSON to what our resolvers take; None where that is the same."""
    bare = get_nullable_type(type_)
    if isinstance(bare, GraphQLList):
        item = _converter(bare.of_type)
        return None if item is None else lambda values: None if values is None else [item(v) for v in values]
    if isinstance(bare, GraphQLEnumType):
        enum = bare.extensions[_DEFINITION].wrapped_cls
        return lambda value: None if value is None else enum(value)
    if isinstance(bare, GraphQLInputObjectType):
        return _input_converter(bare)
    return None


def _input_converter(type_: GraphQLInputObjectType) -> Convert:
    make = type_.extensions[_DEFINITION].origin
    fields = {
        name: (field.extensions[_DEFINITION].python_name, _converter(field.type))
        for name, field in type_.fields.items()
    }

    def convert(given: Any) -> Any:
        if given is None:
            return None
        values = {}
        for graphql_name, value in given.items():
            name, convert_value = fields[graphql_name]
            values[name] = value if convert_value is None else convert_value(value)
        return make(**values)

    return convert
