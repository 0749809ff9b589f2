"""What flows, tasks and their callers may want to catch, in one place; the names of 2.x beside ours.

Errors of the control plane's client are in `homeport.client`, those of packing and storing code in `homeport.code`.
"""

from homeport.engine.arguments import BadInput
from homeport.engine.cancellation import RunCancelled
from homeport.engine.graph import CyclicGraph
from homeport.engine.maps import UnequalMap
from homeport.engine.misfits import Misfit
from homeport.engine.parameters import ParameterError
from homeport.engine.pauses import FlowPauseTimeout, NobodyToAsk
from homeport.engine.states import UnsuccessfulRun
from homeport.engine.worker_errors import Oversized, Unsendable, WorkerDied
from homeport.results.errors import ResultMissing, ResultTooLarge
from homeport.run_logging import MissingContextError

CancelledRun = RunCancelled
CrashedRun = FailedRun = UnsuccessfulRun
MappingLengthMismatch = UnequalMap
MissingResult = ResultMissing
ParameterBindError = SignatureMismatchError = Misfit
ParameterTypeError = ParameterError
UpstreamTaskError = UnsuccessfulRun

__all__ = [
    "BadInput",
    "CancelledRun",
    "CrashedRun",
    "CyclicGraph",
    "FailedRun",
    "FlowPauseTimeout",
    "MappingLengthMismatch",
    "Misfit",
    "MissingContextError",
    "MissingResult",
    "NobodyToAsk",
    "Oversized",
    "ParameterBindError",
    "ParameterError",
    "ParameterTypeError",
    "ResultMissing",
    "ResultTooLarge",
    "RunCancelled",
    "SignatureMismatchError",
    "UnequalMap",
    "Unsendable",
    "UnsuccessfulRun",
    "UpstreamTaskError",
    "WorkerDied",
]
