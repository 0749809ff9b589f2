"""How a run is stopped from outside: an exception that ordinary `except Exception` does not swallow."""


class RunCancelled(BaseException):
    """Raised in the main thread of a run that has to stop, and handed on to its tasks.

    `finally` blocks and context managers of user code run; the run then ends in the state CANCELLED.
    """

    def __init__(self, reason: str = "The run was cancelled.") -> None:
        super().__init__(reason)
        self.reason = reason


class Requests:
    """How often this process was asked to stop: what a run that caught the exception, and went on, is judged by."""

    __slots__ = ("made",)

    def __init__(self) -> None:
        self.made = 0


requests = Requests()
