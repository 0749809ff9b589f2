"""Resources of a graph: set up before the tasks of a block, and cleaned up after them, however they ended."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import TracebackType
from typing import TYPE_CHECKING, Any, overload

from homeport.engine import current
from homeport.engine.signals import SKIP, TRIGGERFAIL
from homeport.engine.states import State
from homeport.tasks.function_task import FunctionTask

if TYPE_CHECKING:
    from homeport.flows import Flow

Options = Mapping[str, Any]


class ResourceCleanupTask(FunctionTask[..., Any]):
    """Ends the life of a resource. Whether the flow succeeded is judged by the tasks before it."""

    only_cleans_up = True


class Resource:
    """A resource in a `with Flow` block: `with Manager(...) as it:`; `it` stands for what its `setup` returns."""

    def __init__(self, manager: ResourceManager, args: tuple[Any, ...], kwargs: dict[str, Any], flow: Flow) -> None:
        options = manager.task_options
        self._flow, self._name = flow, manager.name
        made = FunctionTask(manager.resource_class, **{"name": manager.name, **options["init"]})
        self.init_task = made.bind(*args, flow=flow, **kwargs)
        set_up = FunctionTask(_set_up, **{"name": f"{manager.name}.setup", **options["setup"]})
        self.setup_task = set_up.bind(self.init_task, flow=flow)
        chosen = {"name": f"{manager.name}.cleanup", "trigger": _was_set_up, "skip_on_upstream_skip": False}
        self.cleanup_task = ResourceCleanupTask(_clean_up, **{**chosen, **options["cleanup"]})
        self._before: int | None = None

    def __enter__(self) -> Any:
        self._before = len(self._flow.nodes.nodes)
        return self.setup_task

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is not None:
            return
        nodes = self._flow.nodes.nodes
        made = dict.fromkeys(list(nodes)[self._before :])
        inputs = {task: nodes[task].inputs() for task in made}
        waited_for = {other for found in inputs.values() for other in found}
        for task, found in inputs.items():
            if self.setup_task not in found and not any(other in made for other in found):
                self._flow.add_edge(self.setup_task, task)
        last = [task for task in made if task not in waited_for]
        self.cleanup_task.bind(self.init_task, self.setup_task, upstream_tasks=last, flow=self._flow)


class ResourceManager:
    """A class with `setup()` and `cleanup(resource)`, made usable in a `with Flow` block; see `resource_manager`.

    Raises TypeError for a class without these methods.
    """

    def __init__(self, resource_class: Callable[..., Any], name: str | None, task_options: dict[str, Options]) -> None:
        for method in ("setup", "cleanup"):
            if not callable(getattr(resource_class, method, None)):
                raise TypeError(
                    f"@resource_manager is for classes with the methods setup(self) and cleanup(self, resource); "
                    f"{getattr(resource_class, '__name__', resource_class)!r} has no {method}()."
                )
        self.resource_class = resource_class
        self.name = name or getattr(resource_class, "__name__", "Resource")
        self.task_options = task_options

    def __call__(self, *args: Any, flow: Flow | None = None, **kwargs: Any) -> Resource:
        """Use one in the flow that is being built; the arguments are those of the class, and may be tasks."""
        found = flow or current.building.get()
        if found is None:
            raise ValueError(f"{self.name}(...) is a resource of a flow: use it in a `with Flow(...)` block.")
        return Resource(self, args, kwargs, found)


@overload
def resource_manager(resource_class: Callable[..., Any], /) -> ResourceManager: ...
@overload
def resource_manager(
    *,
    name: str | None = None,
    init_task_kwargs: Options | None = None,
    setup_task_kwargs: Options | None = None,
    cleanup_task_kwargs: Options | None = None,
) -> Callable[[Callable[..., Any]], ResourceManager]: ...
def resource_manager(
    resource_class: Callable[..., Any] | None = None,
    /,
    *,
    name: str | None = None,
    init_task_kwargs: Options | None = None,
    setup_task_kwargs: Options | None = None,
    cleanup_task_kwargs: Options | None = None,
) -> Any:
    """Make a class with `setup` and `cleanup` a resource of graphs: `with Cluster(size=4) as client:`.

    Tasks of the block run after `setup`; `cleanup` runs after all of them, also if some failed. It does not run if
    `setup` failed or was skipped. The three options are those of the three tasks that it makes.
    """
    options = {"init": init_task_kwargs or {}, "setup": setup_task_kwargs or {}, "cleanup": cleanup_task_kwargs or {}}
    if resource_class is None:
        return lambda decorated: ResourceManager(decorated, name, options)
    return ResourceManager(resource_class, name, options)


def _set_up(manager: Any) -> Any:
    return manager.setup()


def _clean_up(manager: Any, resource: Any) -> Any:
    return manager.cleanup(resource)


def _was_set_up(upstream_states: Mapping[Any, State]) -> bool:
    """The trigger of cleaning up: whatever became of the tasks, if there is something to clean up."""
    set_up = [*upstream_states.values()][:2]  # by the order of its arguments: what was made, and what it set up
    if any(state.is_skipped() for state in set_up):
        raise SKIP("There is nothing to clean up: the setup was skipped.")
    if not all(state.is_completed() for state in set_up):
        raise TRIGGERFAIL("There is nothing to clean up: the setup failed.")
    return True


__all__ = ["Resource", "ResourceCleanupTask", "ResourceManager", "resource_manager"]
