"""One attempt of a flow run, from its descriptor to its final state: what the agent starts as a process.

Read process.py first: it is the whole story in one function. Imports are kept few and late on purpose; the time from
the agent's spawn to the first line of user code is a figure we are measured by.
"""

from typing import TYPE_CHECKING

if not TYPE_CHECKING:
    from homeport.submodules import on_demand

    __getattr__ = on_demand(__name__, "deployment", "flow_run", "task_run")
