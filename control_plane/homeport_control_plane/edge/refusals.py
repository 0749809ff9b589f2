"""A request that is answered with an error and no more, in the shape of a GraphQL answer."""

from __future__ import annotations

from collections.abc import Mapping


class Refusal(Exception):  # noqa: N818 - it is not a fault of ours
    """Raised anywhere at the edge, answered in one place."""

    def __init__(
        self, status: int, code: str, message: str, *, hint: str | None = None, headers: Mapping[str, str] | None = None
    ) -> None:
        super().__init__(message)
        self.status = status
        self.headers = headers or {}
        extensions = {"code": code} | ({"hint": hint} if hint else {})
        self.body = {"errors": [{"message": message, "extensions": extensions}]}
