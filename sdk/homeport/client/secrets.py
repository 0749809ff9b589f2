"""Where 1.x keeps `Secret`; it is that of homeport.secrets."""

from homeport.secrets import Secret

__all__ = ["Secret"]
