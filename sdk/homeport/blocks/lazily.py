"""What `load` of a block's class gives: it knows the block's name, and asks for the block when it is first needed.

So a flow's file can be imported anywhere: on an agent before the run, in a test, where nobody is logged in.
"""

from __future__ import annotations

import asyncio
from collections.abc import Generator
from typing import Any, Self


class Lazily:
    """The base of such classes; `await S3.load("prod")`, as async flows of 2.x write, fetches at once."""

    block: str | None = None
    """The block, "type/name", of what was loaded or saved by name."""

    def _fetch(self) -> None:
        """Have what the block says. Raises BlockNotFound, NotConnected."""
        raise NotImplementedError

    def __await__(self) -> Generator[Any, None, Self]:
        return self._fetched().__await__()

    async def _fetched(self) -> Self:
        if self.block is not None:
            await asyncio.to_thread(self._fetch)
        return self
