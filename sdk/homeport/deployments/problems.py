"""What is wrong with a deployment: where it stands, what was found, and how to mend it. All of it at once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong: `place` is file:line:column, or what the person gave (an option, a file)."""

    place: str
    message: str
    mend: str = ""

    def __str__(self) -> str:
        return f"{self.place}: {self.message}" + (f"\n    {self.mend}" if self.mend else "")


class InvalidDeployment(ValueError):  # noqa: N818 - named for what it is about
    """Deployments cannot be built, read or applied as they are; `problems` has each reason."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        self.problems = tuple(problems)
        super().__init__("\n".join(str(problem) for problem in self.problems))


@dataclass(frozen=True, slots=True)
class Note:
    """What a person should know, though nothing stops: something was left out, or read in another way."""

    place: str
    message: str

    def __str__(self) -> str:
        return f"{self.place}: {self.message}"
