"""When a failed call is repeated: how often, after how long, and after which failures."""

from __future__ import annotations

import inspect
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from homeport.engine.states import State

Delay = float | Sequence[float] | Callable[[int], float | Sequence[float]]
Condition = Callable[[Any, Any, State], bool]
"""`fn(task, task_run, state)`: whether this failure is one that is retried."""


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """How often a failed call is repeated, after how many seconds each time, and after which exceptions."""

    retries: int = 0
    delay: Delay = 0.0
    retry_on: tuple[type[BaseException], ...] | None = None
    jitter: float = 0.0
    condition: Condition | None = None
    random: Callable[[], float] = random.random

    def seconds_before(self, retry: int) -> float:
        """The delay before the retry with this number, counted from 1; of a list that is too short, the last counts.

        With jitter it lies anywhere between `delay * (1 - jitter)` (never below 0) and `delay * (1 + jitter)`.
        """
        delay = self.delay(self.retries) if callable(self.delay) else self.delay
        if not isinstance(delay, int | float):
            delay = delay[min(retry, len(delay)) - 1] if delay else 0.0
        if not self.jitter:
            return float(delay)
        least, most = delay * max(0.0, 1.0 - self.jitter), delay * (1.0 + self.jitter)
        return least + (most - least) * self.random()

    def applies_to(self, error: BaseException | None) -> bool:
        """Whether this exception is one that is retried."""
        return self.retry_on is None or isinstance(error, self.retry_on)


def checked_policy(
    retries: int,
    delay: Delay,
    retry_on: type[BaseException] | Sequence[type[BaseException]] | None = None,
    jitter: float | None = None,
    condition: Condition | None = None,
) -> RetryPolicy:
    """The policy that these arguments of @task or @flow describe; ValueError or TypeError for what cannot be one."""
    if isinstance(retries, bool) or not isinstance(retries, int) or retries < 0:
        raise ValueError(f"retries is the number of times to try again, 0 or more; it was given {retries!r}.")
    if not callable(delay):
        _check_delay(delay)
    if isinstance(jitter, bool) or not isinstance(jitter, int | float | None) or (jitter is not None and jitter < 0):
        raise ValueError(
            f"retry_jitter_factor says how far a delay may differ from what was asked for (0.5: by half), 0 or more; "
            f"it was given {jitter!r}."
        )
    if condition is not None and (not callable(condition) or inspect.iscoroutinefunction(condition)):
        raise TypeError(
            f"retry_condition_fn is an ordinary function(task, task_run, state) that says whether to try again; "
            f"it was given {condition!r}."
        )
    errors = (retry_on,) if isinstance(retry_on, type) else _listed(retry_on) if retry_on else None
    if errors is not None and not all(isinstance(one, type) and issubclass(one, BaseException) for one in errors):
        raise TypeError(f"retry_on is an exception class, or a list of them; it was given {retry_on!r}.")
    return RetryPolicy(retries, delay, errors, float(jitter or 0.0), condition)


def _listed(value: Any) -> tuple[Any, ...]:
    return tuple(value) if isinstance(value, list | tuple | set | frozenset) else (value,)


def _check_delay(delay: Any) -> None:
    for one in [delay] if isinstance(delay, int | float) else delay if isinstance(delay, list | tuple) else [None]:
        if isinstance(one, bool) or not isinstance(one, int | float) or not one >= 0:
            raise ValueError(
                f"retry_delay_seconds is a number of seconds, a list of them, or a function that returns one of these; "
                f"it was given {delay!r}."
            )
