"""The annotations of arguments, where 2.x has them."""

from homeport.engine.arguments import allow_failure, unmapped

__all__ = ["allow_failure", "unmapped"]
