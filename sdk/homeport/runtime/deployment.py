"""`from homeport.runtime import deployment`: the deployment that this run was created from; None outside one."""

from homeport.runtime.readings import read_from_context

__getattr__, __dir__ = read_from_context(
    __name__,
    {"name": "deployment_name", "parameters": "parameters"},
)
