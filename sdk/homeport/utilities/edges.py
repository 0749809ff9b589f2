"""The annotations of arguments, where 1.x has them."""

from homeport.engine.arguments import flatten, mapped, unmapped

__all__ = ["flatten", "mapped", "unmapped"]
