"""What flows, tasks and their callers may want to catch, in one place; the names of 2.x beside ours.

Errors of the control plane's client are in `homeport.client`, those of packing and storing code in `homeport.code`.
"""

from homeport.engine.cancellation import RunCancelled
from homeport.engine.graph import CyclicGraph
from homeport.engine.maps import UnequalMap
from homeport.engine.parameters import ParameterError
from homeport.engine.pauses import FlowPauseTimeout, NobodyToAsk
from homeport.engine.states import UnsuccessfulRun
from homeport.run_logging import MissingContextError

MappingLengthMismatch = UnequalMap
ParameterTypeError = ParameterError
UpstreamTaskError = UnsuccessfulRun

__all__ = [
    "CyclicGraph",
    "FlowPauseTimeout",
    "MappingLengthMismatch",
    "MissingContextError",
    "NobodyToAsk",
    "ParameterError",
    "ParameterTypeError",
    "RunCancelled",
    "UnequalMap",
    "UnsuccessfulRun",
    "UpstreamTaskError",
]
