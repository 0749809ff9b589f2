"""What a task or a flow says about its result: whether, where and how it is kept, and when a kept one is used instead.

Both spellings end here: 2.x (`persist_result`, `cache_key_fn`, ...) and 1.x (`result`, `target`, `cache_for`, ...). A
task that says nothing of it has no options at all, and pays nothing for it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import timedelta
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from homeport.results.errors import ResultOptionError
from homeport.results.keys import Template
from homeport.serializers import Serializer, serializer_of

if TYPE_CHECKING:
    from homeport.engine.results import Result

OF_2X = ("persist_result", "result_storage", "result_serializer", "result_storage_key")
OF_1X = ("result", "target")
CACHE_2X = ("cache_key_fn", "cache_expiration", "refresh_cache")
CACHE_1X = ("cache_for", "cache_validator", "cache_key")
OPTIONS = (*OF_2X, "cache_result_in_memory", *CACHE_2X, *CACHE_1X, *OF_1X, "checkpoint")


@dataclass(frozen=True, slots=True, eq=False)
class CacheOptions:
    """When a kept result stands for a call: under which key, for how long, and what else has to be true."""

    key_of: Callable[..., str | None]
    expires_after: timedelta | None = None
    refresh: bool = False
    validator: Callable[..., bool] | None = None
    """A 1.x validator of the user's own: (state, inputs, parameters) -> bool."""


@dataclass(frozen=True, slots=True, eq=False)
class ResultOptions:
    """The options; None where the flow around it, or the setting, decides."""

    persist: bool | None = None
    storage: object = None
    serializer: Serializer | None = None
    storage_key: Template | None = None
    in_memory: bool = True
    cache: CacheOptions | None = None
    result: Result | None = None
    target: Template | None = None
    checkpoint: bool | None = None
    given: Mapping[str, Any] = field(default_factory=dict)

    def under(self, outer: ResultOptions | None) -> ResultOptions:
        """These, with what they leave open as the flow around says."""
        return self if outer is None else _merged(self, outer)


NOTHING = ResultOptions()


def of_task(name: str, given: Mapping[str, Any]) -> ResultOptions | None:
    """The options of a task; None when none was given. Raises ResultOptionError for what cannot be meant."""
    given = {option: value for option, value in given.items() if value is not None}
    if given.get("cache_result_in_memory") is True:
        del given["cache_result_in_memory"]
    return _checked(f"task {name!r}", given) if given else None


def of_flow(name: str, given: Mapping[str, Any]) -> ResultOptions | None:
    """The options of a flow, which are also those of its tasks that say nothing; None when none was given."""
    given = {option: value for option, value in given.items() if value is not None}
    if given.get("cache_result_in_memory") is True:
        del given["cache_result_in_memory"]
    return _checked(f"flow {name!r}", given) if given else None


def _checked(of: str, given: dict[str, Any]) -> ResultOptions:
    newer = [option for option in OF_2X if given.get(option) is not None and given[option] is not False]
    older = [option for option in OF_1X if option in given]
    if newer and older:
        raise ResultOptionError(
            f"{of} got {newer[0]!r} (2.x) and {older[0]!r} (1.x), which are two ways to keep a result. Give one."
        )
    serializer = serializer_of(given["result_serializer"]) if "result_serializer" in given else None
    cache = _cache(of, given)
    persist = given.get("persist_result")
    if persist is not None and not isinstance(persist, bool):
        raise ResultOptionError(f"{of}: persist_result is True or False; it was given {persist!r}.")
    in_memory = given.get("cache_result_in_memory", True)
    # Who says where or how a result is kept wants it kept.
    implied = [option for option in OF_2X[1:] if option in given]
    if not in_memory:
        implied.append("cache_result_in_memory")
    if cache is not None:
        implied += [option for option in (*CACHE_2X, *CACHE_1X) if option in given]
    if persist is False and implied:
        raise ResultOptionError(f"{of}: persist_result=False and {implied[0]}=... contradict each other. Drop one.")
    from homeport.results.storages import described

    if "result_storage" in given:
        described(given["result_storage"], of=of)
    return ResultOptions(
        persist=True if implied and not older else persist,
        storage=given.get("result_storage"),
        serializer=serializer,
        storage_key=_template(of, "result_storage_key", given.get("result_storage_key")),
        in_memory=in_memory,
        cache=cache,
        result=_result(of, given.get("result")),
        target=_template(of, "target", given.get("target")),
        checkpoint=given.get("checkpoint"),
        given=given,
    )


def _cache(of: str, given: Mapping[str, Any]) -> CacheOptions | None:
    newer = [option for option in CACHE_2X if option in given]
    older = [option for option in CACHE_1X if option in given]
    if newer and older:
        raise ResultOptionError(
            f"{of} got {newer[0]!r} (2.x) and {older[0]!r} (1.x), which are two ways to cache. Give one."
        )
    if older:
        return _older_cache(of, given)
    if not newer:
        return None
    key_fn = given.get("cache_key_fn")
    if key_fn is None:
        raise ResultOptionError(
            f"{of}: {newer[0]} does nothing without cache_key_fn, which says which calls are the same: "
            f"cache_key_fn=task_input_hash (from homeport.tasks)."
        )
    if not callable(key_fn):
        raise ResultOptionError(f"{of}: cache_key_fn is a function of (context, parameters); it was given {key_fn!r}.")
    expires = _duration(of, "cache_expiration", given.get("cache_expiration"))
    return CacheOptions(key_fn, expires, bool(given.get("refresh_cache", False)))


def _older_cache(of: str, given: Mapping[str, Any]) -> CacheOptions | None:
    from homeport.engine import cache_validators

    validator = given.get("cache_validator", cache_validators.duration_only)
    if validator is cache_validators.never_use:
        return None
    expires = _duration(of, "cache_for", given.get("cache_for"))
    if expires is None:
        missing = next(option for option in CACHE_1X if option in given)
        raise ResultOptionError(
            f"{of}: {missing} does nothing without cache_for=timedelta(...), for how long it holds."
        )
    if not callable(validator):
        raise ResultOptionError(
            f"{of}: cache_validator is one of homeport.engine.cache_validators, or a function of "
            f"(state, inputs, parameters); it was given {validator!r}."
        )
    key_of = cache_validators.key_function(validator, given.get("cache_key"))
    own = None if cache_validators.is_ready_made(validator) else validator
    return CacheOptions(key_of, expires, False, own)


def _duration(of: str, option: str, value: Any) -> timedelta | None:
    if value is None or isinstance(value, timedelta):
        return value
    if isinstance(value, int | float) and not isinstance(value, bool):
        return timedelta(seconds=value)
    raise ResultOptionError(f"{of}: {option} is a timedelta or a number of seconds; it was given {value!r}.")


def _template(of: str, option: str, value: Any) -> Template | None:
    if value is None or (isinstance(value, str) and value) or callable(value):
        made: Template | None = value
        return made
    raise ResultOptionError(f"{of}: {option} is a text such as '{{task_name}}.pkl', or a function; it is {value!r}.")


def _result(of: str, value: Any) -> Result | None:
    if value is None:
        return None
    from homeport.engine.results import Result

    if isinstance(value, Result):
        return value
    raise ResultOptionError(
        f"{of}: result is an object such as homeport.engine.results.LocalResult(dir=...); it was given {value!r}."
    )


@lru_cache(maxsize=1024)
def _merged(inner: ResultOptions, outer: ResultOptions) -> ResultOptions:
    keeps_older = inner.result is not None or inner.target is not None
    return replace(
        inner,
        persist=(False if keeps_older else outer.persist) if inner.persist is None else inner.persist,
        storage=outer.storage if inner.storage is None else inner.storage,
        serializer=outer.serializer if inner.serializer is None else inner.serializer,
        in_memory=inner.in_memory and outer.in_memory,
        result=inner.result if inner.result is not None or inner.persist else outer.result,
        checkpoint=outer.checkpoint if inner.checkpoint is None else inner.checkpoint,
    )
