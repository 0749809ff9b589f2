"""What programs ask of the control plane, under the module names of 1.x."""

from homeport.backend.artifacts import (
    create_link_artifact,
    create_markdown_artifact,
    delete_artifact,
    update_link_artifact,
    update_markdown_artifact,
)
from homeport.backend.flow_runs import FlowRunView
from homeport.backend.kv_store import delete_key, get_key_value, list_keys, set_key_value

__all__ = [
    "FlowRunView",
    "create_link_artifact",
    "create_markdown_artifact",
    "delete_artifact",
    "delete_key",
    "get_key_value",
    "list_keys",
    "set_key_value",
    "update_link_artifact",
    "update_markdown_artifact",
]
