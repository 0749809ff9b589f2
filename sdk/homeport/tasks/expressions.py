"""Indexing and operators on tasks, while a flow is built: each makes a task that does it to the result."""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Any


class Expressions:
    """What a task understands besides being called, in a `with Flow` block."""

    def __getitem__(self, key: Any) -> Any:
        shown = _name_of(key) if isinstance(key, Expressions) else repr(key)
        return _node(f"{_name_of(self)}[{shown[:40]}]", _item, self, key)

    def __add__(self, other: Any) -> Any:
        return _node("Add", operator.add, self, other)

    def __radd__(self, other: Any) -> Any:
        return _node("Add", operator.add, other, self)

    def __sub__(self, other: Any) -> Any:
        return _node("Sub", operator.sub, self, other)

    def __rsub__(self, other: Any) -> Any:
        return _node("Sub", operator.sub, other, self)

    def __mul__(self, other: Any) -> Any:
        return _node("Mul", operator.mul, self, other)

    def __rmul__(self, other: Any) -> Any:
        return _node("Mul", operator.mul, other, self)

    def __truediv__(self, other: Any) -> Any:
        return _node("Div", operator.truediv, self, other)

    def __rtruediv__(self, other: Any) -> Any:
        return _node("Div", operator.truediv, other, self)

    def __floordiv__(self, other: Any) -> Any:
        return _node("FloorDiv", operator.floordiv, self, other)

    def __rfloordiv__(self, other: Any) -> Any:
        return _node("FloorDiv", operator.floordiv, other, self)

    def __mod__(self, other: Any) -> Any:
        return _node("Mod", operator.mod, self, other)

    def __rmod__(self, other: Any) -> Any:
        return _node("Mod", operator.mod, other, self)

    def __pow__(self, other: Any) -> Any:
        return _node("Pow", operator.pow, self, other)

    def __rpow__(self, other: Any) -> Any:
        return _node("Pow", operator.pow, other, self)

    def __lt__(self, other: Any) -> Any:
        return _node("LessThan", operator.lt, self, other)

    def __le__(self, other: Any) -> Any:
        return _node("LessThanOrEqual", operator.le, self, other)

    def __gt__(self, other: Any) -> Any:
        return _node("GreaterThan", operator.gt, self, other)

    def __ge__(self, other: Any) -> Any:
        return _node("GreaterThanOrEqual", operator.ge, self, other)

    def __and__(self, other: Any) -> Any:
        return _node("And", _and, self, other)

    def __rand__(self, other: Any) -> Any:
        return _node("And", _and, other, self)

    def __or__(self, other: Any) -> Any:
        """`self | other`: the other runs after this one, as in 1.x; the other."""
        return _after(self, other)

    def __ror__(self, other: Any) -> Any:
        return _after(other, self)

    def __neg__(self) -> Any:
        return _node("Neg", operator.neg, self)

    def or_(self, other: Any) -> Any:
        """A task: this result if it is true, else the other. (`|` only says that the other runs after this one.)"""
        return _node("Or", _or, self, other)

    def is_equal(self, other: Any) -> Any:
        """A task: are the two equal? (`==` compares the tasks themselves.)"""
        return _node("Equal", operator.eq, self, other)

    def is_not_equal(self, other: Any) -> Any:
        """A task: do the two differ?"""
        return _node("NotEqual", operator.ne, self, other)

    def not_(self) -> Any:
        """A task: the logical opposite."""
        return _node("Not", operator.not_, self)


def _item(result: Any, key: Any) -> Any:
    try:
        return result[key]
    except TypeError as error:
        mend = "Index it by a text, a number or a tuple" if "unhashable" in str(error) else "Return a list or a dict"
        raise TypeError(f"A result of type {type(result).__name__} has no such index: {error}. {mend}.") from error


def _and(left: Any, right: Any) -> Any:
    return left and right


def _or(left: Any, right: Any) -> Any:
    return left or right


def _node(name: str, function: Callable[..., Any], *operands: Any) -> Any:
    from homeport.tasks import FunctionTask

    _flow_being_built(*operands)
    return FunctionTask(function, name)(*operands)


def _after(before: Any, after: Any) -> Any:
    flow = _flow_being_built(before, after)
    for one in (before, after):
        if not isinstance(one, Expressions):
            raise TypeError(f"`|` between tasks says that one runs after the other; it was given {one!r}.")
    flow.add_edge(before, after)
    return after


def _flow_being_built(*operands: Any) -> Any:
    from homeport.engine import current

    flow = current.building.get()
    if flow is None:
        subject = next(operand for operand in operands if isinstance(operand, Expressions))
        raise TypeError(
            f"{_name_of(subject)!r} is a task, not its result: indexing and operators make new tasks "
            f"in a `with Flow(...)` block only. In a run, call the task and use what it returns."
        )
    return flow


def _name_of(task: Expressions) -> str:
    return str(getattr(task, "name", "a task"))
