"""The annotations of arguments, where 2.x has them."""

from homeport.engine.arguments import allow_failure, quote, unmapped

__all__ = ["allow_failure", "quote", "unmapped"]
