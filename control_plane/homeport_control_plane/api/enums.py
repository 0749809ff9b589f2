"""The enumerations of the contract; their values are the words that the database stores."""

from __future__ import annotations

from enum import Enum

import strawberry

from homeport_control_plane.states import StateType

# The domain's own enumeration is the contract's; strawberry only notes its description on it.
strawberry.enum(StateType, description="What a run or task run is doing, as far as the rules are concerned.")


__all__ = [
    "AgentCommandKind",
    "AgentHealth",
    "CheckStatus",
    "KeyKind",
    "LogLevel",
    "OnLost",
    "PauseOutcome",
    "StateType",
]


@strawberry.enum
class KeyKind(Enum):
    """What the holder of an API key may do; kinds are lower case inside the key itself."""

    ADMIN = "admin"
    MEMBER = "member"
    VIEWER = "viewer"
    AGENT = "agent"


@strawberry.enum
class LogLevel(Enum):
    DEBUG = "DEBUG"
    INFO = "INFO"
    WARNING = "WARNING"
    ERROR = "ERROR"
    CRITICAL = "CRITICAL"


@strawberry.enum(description="How a pause ended: somebody answered, nobody did in time, or the run ended otherwise.")
class PauseOutcome(Enum):
    RESUMED = "RESUMED"
    TIMED_OUT = "TIMED_OUT"
    ABANDONED = "ABANDONED"


@strawberry.enum(description="What follows when an attempt is lost: CRASHED, another attempt, or waiting for a person.")
class OnLost(Enum):
    CRASH = "CRASH"
    RETRY = "RETRY"
    HOLD = "HOLD"


@strawberry.enum
class AgentHealth(Enum):
    ONLINE = "ONLINE"
    OFFLINE = "OFFLINE"


@strawberry.enum
class CheckStatus(Enum):
    PASS = "PASS"  # noqa: S105 - a verdict, not a password
    WAIT = "WAIT"
    BLOCK = "BLOCK"
    UNKNOWN = "UNKNOWN"


@strawberry.enum
class AgentCommandKind(Enum):
    CANCEL = "CANCEL"
    DRAIN = "DRAIN"
    STOP_TRACKING = strawberry.enum_value(
        "STOP_TRACKING", description="The attempt is superseded or over: kill what is left of it and forget it."
    )


@strawberry.enum(
    description=(
        "What the data of an artifact are: a link, Markdown, rows of a table, an image's address; or, of each "
        "but a link, a reference `stored` to bytes in the user's storage, with their `mediaType`."
    )
)
class ArtifactKind(Enum):
    LINK = "LINK"
    MARKDOWN = "MARKDOWN"
    TABLE = "TABLE"
    IMAGE = "IMAGE"
