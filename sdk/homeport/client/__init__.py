"""The control plane's client: what to send and what an answer means, once, and two thin transports around it.

Everything is imported when first used, because the command line and the run process pay for each import at every start.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from homeport.client.async_client import AsyncClient as AsyncClient
    from homeport.client.errors import BadRequest as BadRequest
    from homeport.client.errors import ClientError as ClientError
    from homeport.client.errors import ConflictError as ConflictError
    from homeport.client.errors import FencedError as FencedError
    from homeport.client.errors import Forbidden as Forbidden
    from homeport.client.errors import InvalidAddress as InvalidAddress
    from homeport.client.errors import InvalidInputError as InvalidInputError
    from homeport.client.errors import InvalidTransitionError as InvalidTransitionError
    from homeport.client.errors import NotFoundError as NotFoundError
    from homeport.client.errors import Refused as Refused
    from homeport.client.errors import SessionSupersededError as SessionSupersededError
    from homeport.client.errors import Unauthenticated as Unauthenticated
    from homeport.client.errors import Unavailable as Unavailable
    from homeport.client.errors import Unreachable as Unreachable
    from homeport.client.errors import VersionMismatch as VersionMismatch
    from homeport.client.outcomes import expect as expect
    from homeport.client.retries import retry_delay as retry_delay
    from homeport.client.secrets import Secret as Secret
    from homeport.client.sync_client import Client as Client

_HOMES = {
    "AsyncClient": "async_client",
    "Client": "sync_client",
    "Secret": "secrets",
    "expect": "outcomes",
    "retry_delay": "retries",
    **dict.fromkeys(
        (
            "BadRequest",
            "ClientError",
            "ConflictError",
            "FencedError",
            "Forbidden",
            "InvalidAddress",
            "InvalidInputError",
            "InvalidTransitionError",
            "NotFoundError",
            "Refused",
            "SessionSupersededError",
            "Unauthenticated",
            "Unavailable",
            "Unreachable",
            "VersionMismatch",
        ),
        "errors",
    ),
}

__all__ = sorted(_HOMES)


if not TYPE_CHECKING:  # a checker would take any name for one that is there
    from homeport.submodules import names_on_demand

    __getattr__ = names_on_demand(__name__, _HOMES)
