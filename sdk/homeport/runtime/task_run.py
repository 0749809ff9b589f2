"""`from homeport.runtime import task_run`: what code can read about the task run it belongs to; None outside one."""

from homeport.runtime.readings import read_from_context

__getattr__, __dir__ = read_from_context(
    __name__,
    {
        "id": "task_run_id",
        "map_index": "map_index",
        "name": "task_run_name",
        "run_count": "task_run_count",
        "tags": "task_run_tags",
        "task_name": "task_name",
    },
)
