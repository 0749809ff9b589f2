"""What programs ask of the control plane, under the module names of 1.x."""

from homeport.backend.flow_runs import FlowRunView
from homeport.backend.kv_store import delete_key, get_key_value, list_keys, set_key_value

__all__ = ["FlowRunView", "delete_key", "get_key_value", "list_keys", "set_key_value"]
