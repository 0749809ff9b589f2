"""The tasks of `homeport.tasks.homeport` under the name of the module that 1.x imports them from."""

from homeport.tasks.homeport import StartFlowRun, create_flow_run, get_task_run_result, wait_for_flow_run

__all__ = ["StartFlowRun", "create_flow_run", "get_task_run_result", "wait_for_flow_run"]
