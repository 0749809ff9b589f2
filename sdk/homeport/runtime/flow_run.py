"""`from homeport.runtime import flow_run`: what code can read about the flow run it belongs to; None outside one."""

from homeport.runtime.readings import read_from_context

__getattr__, __dir__ = read_from_context(
    __name__,
    {
        "flow_name": "flow_name",
        "id": "flow_run_id",
        "labels": "labels",
        "name": "flow_run_name",
        "parameters": "parameters",
        "project_name": "project_name",
        "run_count": "attempt_number",
        "scheduled_start_time": "scheduled_start_time",
        "tags": "flow_run_tags",
    },
)
