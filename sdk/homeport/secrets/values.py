"""A secret's value in a wrapper that does not show it: not in repr, str, format, JSON or a pickle."""

from __future__ import annotations

from typing import Any, Never

from homeport.engine.masking import MASK, mask_from_now_on


class SecretValue:
    """Holds a value; only `get()` gives it. From its making on, the value is masked in everything that is reported."""

    __slots__ = ("__value", "reference")

    def __init__(self, value: Any, reference: str = "") -> None:
        mask_from_now_on(value)
        self.__value = value
        self.reference = reference

    def get(self) -> Any:
        """The value itself."""
        return self.__value

    def get_secret_value(self) -> Any:
        """The value itself; pydantic's name for it."""
        return self.__value

    def __str__(self) -> str:
        return MASK

    def __repr__(self) -> str:
        return f"SecretValue({self.reference!r})" if self.reference else f"SecretValue({MASK!r})"

    def __format__(self, spec: str) -> str:
        return format(MASK, spec)

    def __bool__(self) -> bool:
        return bool(self.__value)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, SecretValue) and other.get() == self.__value

    def __hash__(self) -> int:
        return hash((SecretValue, self.reference))

    def __reduce__(self) -> Never:
        raise TypeError(
            f"The value of a secret ({self.reference or 'without a reference'}) is not written down: not in results, "
            f"not for another process. Give the other side the reference, as Secret('NAME'), and resolve it there."
        )
