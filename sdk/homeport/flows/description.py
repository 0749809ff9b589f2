"""A graph flow as a JSON object, for those who want to look at it elsewhere."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from homeport.engine.edges import Edge, edges_to
from homeport.engine.parameters import jsonable
from homeport.parameters import Parameter

if TYPE_CHECKING:
    from homeport.engine.graph import Node
    from homeport.flows import Flow


def described(flow: Flow, *, build: bool = False) -> dict[str, Any]:
    """The description; with `build`, the code is stored and the storage's reference to it stands in it.

    Raises CyclicGraph or TypeError for a graph that cannot run, and what storing raises.
    """
    import homeport

    is_graph = flow.fn is None
    if is_graph:
        flow.validate()
    nodes = flow.nodes.in_order()
    keys = flow.slugs
    return {
        "name": flow.name,
        "description": flow.description,
        "type": f"{type(flow).__module__}.{type(flow).__qualname__}",
        "homeport_version": homeport.__version__,
        "parameters": flow.parameter_schema(),
        "tasks": [_task(node) for node in nodes],
        "edges": [_edge(edge, keys) for node in nodes for edge in edges_to(node)],
        "reference_tasks": [keys[task] for task in flow.deciding_tasks()] if is_graph else [],
        "run_config": flow.run_config_dict(),
        "storage": _stored(flow) if build else flow.storage.to_dict() if flow.storage is not None else None,
    }


def digest_of(description: dict[str, Any]) -> str:
    """The SHA-256 of a description, whichever version of Homeport made it."""
    import hashlib
    import json

    told = {key: value for key, value in description.items() if key != "homeport_version"}
    return hashlib.sha256(json.dumps(told, sort_keys=True).encode()).hexdigest()


def _task(node: Node) -> dict[str, Any]:
    task = node.task
    trigger = getattr(task.trigger, "__name__", type(task.trigger).__name__)
    delay = task.retry_delay_seconds
    return {
        "slug": node.key,
        "name": task.name,
        "type": f"{type(task).__module__}.{type(task).__qualname__}",
        "description": task.description,
        "tags": sorted(task.tags),
        "mapped": node.mapped,
        "parameter": isinstance(task, Parameter),
        "retries": task.retries,
        "retry_delay_seconds": None if callable(delay) else jsonable(delay),
        "timeout_seconds": task.timeout_seconds,
        "trigger": trigger,
        "skip_on_upstream_skip": task.skip_on_upstream_skip,
    }


def _edge(edge: Edge, keys: dict[Any, str]) -> dict[str, Any]:
    return {
        "upstream_task": keys[edge.upstream_task],
        "downstream_task": keys[edge.downstream_task],
        "key": edge.key,
        "mapped": edge.mapped,
        "flattened": edge.flattened,
    }


def _stored(flow: Flow) -> dict[str, Any]:
    from homeport.code import Limits, find_root, open_storage
    from homeport.config import load_settings
    from homeport.registration import RegistrationError, code_of, storage_reference, told_reference

    if flow.entrypoint_file is None:
        raise RegistrationError(
            f"flow {flow.name!r} was not defined in a file (a notebook or a shell), so its code cannot be stored. "
            f"Write it to a .py file."
        )
    settings = load_settings()
    reference = storage_reference(flow, settings.storage, block=settings.storage_block)
    root = find_root(flow.entrypoint_file, None)
    tree = code_of(root, reference, home=settings.home, storage=settings.storage, limits=Limits.of(settings))
    stored = open_storage(reference).put(tree)
    return {**told_reference(stored.reference, reference), "content_digest": stored.digest}
