"""For tests of flows: run one without a control plane, and look at everything that it reported.

`try_run` runs one flow, `answering` says what the pauses in it are given, and `homeport_test_harness` keeps everything
that a test calls apart from this machine.
"""

from homeport.testing.answers import NOBODY, answering
from homeport.testing.asserting import assert_completed, assert_failed
from homeport.testing.harness import Harness, homeport_test_harness
from homeport.testing.tried_runs import TriedRun, try_run

__all__ = [
    "NOBODY",
    "Harness",
    "TriedRun",
    "answering",
    "assert_completed",
    "assert_failed",
    "homeport_test_harness",
    "try_run",
]
