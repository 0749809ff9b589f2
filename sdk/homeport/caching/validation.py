"""What a 1.x validator of the user's own is shown: the inputs and parameters of the call whose result is kept."""

from __future__ import annotations

import base64
import pickle
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from homeport.results.errors import CacheKeyError
from homeport.results.reading import read_result
from homeport.results.records import Record

LARGEST = 8 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class CachedState:
    """The kept result of an earlier call, as 1.x validators read it."""

    cached_inputs: dict[str, Any]
    cached_parameters: dict[str, Any]
    cached_result_expiration: datetime | None
    reference: dict[str, Any]

    @property
    def result(self) -> Any:
        """The result, read from storage."""
        return read_result(self.reference)


def remembered(of: str, inputs: dict[str, Any], parameters: dict[str, Any]) -> str:
    """Inputs and parameters as a text for the record; raises CacheKeyError if that cannot be."""
    import cloudpickle

    try:
        data = cloudpickle.dumps((inputs, parameters), protocol=5)
    except Exception as error:
        raise CacheKeyError(
            f"{of}: its cache_validator compares inputs, and these cannot be kept: {error or type(error).__name__}. "
            f"Use cache_validator=partial_inputs_only(validate_on=[...]) with the names of those that matter."
        ) from error
    if len(data) > LARGEST:
        raise CacheKeyError(
            f"{of}: its cache_validator compares inputs, and these have {len(data):,} bytes; at most {LARGEST:,} are "
            f"kept. Use all_inputs or partial_inputs_only, which keep digests."
        )
    return base64.b64encode(data).decode()


def seen_state(record: Record) -> CachedState:
    """The state that a validator is given."""
    inputs, parameters = pickle.loads(base64.b64decode(record.seen)) if record.seen else ({}, {})  # noqa: S301
    expires = None if record.expires is None else datetime.fromisoformat(record.expires)
    return CachedState(inputs, parameters, expires, record.result)
