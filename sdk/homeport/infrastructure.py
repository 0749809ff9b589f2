"""Infrastructure under the names that 2.x gives it: run configs that are blocks by `load` and `save`.

from homeport.infrastructure import DockerContainer

DockerContainer(image="team/flows:1").save("gpu")
flow.run_config = DockerContainer.load("gpu")
"""

from __future__ import annotations

from typing import Any, ClassVar, Self

from homeport.blocks.lazily import Lazily
from homeport.run_configs import DockerRun, ECSRun, KubernetesRun, LocalRun, RunConfig

__all__ = ["DockerContainer", "ECSTask", "KubernetesJob", "Process"]


class Infrastructure(Lazily, RunConfig):
    """The base: made of a block type's fields, or of the block that has them."""

    type_slug: ClassVar[str]

    def __init__(self, **fields: Any) -> None:
        """Raises InvalidBlock for fields that the type does not have."""
        self._take(fields)

    @classmethod
    def load(cls, name: str) -> Self:
        """The infrastructure that the block of this name describes; it is asked for when it is first needed."""
        from homeport.blocks.kept import split

        loaded = cls.__new__(cls)
        loaded.block = "/".join(split(name, type_=cls.type_slug))
        return loaded

    def save(self, name: str, overwrite: bool = False) -> str:
        """Keep it as the block of this name; "type/name". Raises ConflictError for a name that another one has."""
        from homeport.blocks.kept import create_block, split

        self.block = create_block("/".join(split(name, type_=self.type_slug)), self.fields, overwrite=overwrite).slug
        return self.block

    def _take(self, fields: dict[str, Any]) -> None:
        from homeport.blocks.kept import checked
        from homeport.blocks.types import block_type

        parsed: Any = checked(block_type(self.type_slug), fields)
        made = parsed.run_config()
        self.fields, self.env, self.labels, self.settings = dict(fields), made.env, made.labels, made.settings

    def __getattr__(self, name: str) -> Any:
        """What a loaded one consists of, as the block says."""
        if self.block is None or name not in ("fields", "env", "labels", "settings"):
            raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")
        self._fetch()
        return getattr(self, name)

    def _fetch(self) -> None:
        from homeport.blocks.kept import load_block

        assert self.block is not None
        self._take(load_block(self.block).fields)

    def __repr__(self) -> str:
        if self.block is not None:
            return f"{type(self).__name__}.load({self.block.partition('/')[2]!r})"
        return f"{type(self).__name__}({', '.join(f'{name}={value!r}' for name, value in self.fields.items())})"


class Process(Infrastructure, LocalRun):
    """A process on the agent's machine: env, labels, working_dir."""

    type_slug = "process"


class DockerContainer(Infrastructure, DockerRun):
    """A Docker container: image, env, volumes, network_mode, mem_limit, ..."""

    type_slug = "docker-container"


class KubernetesJob(Infrastructure, KubernetesRun):
    """A job on Kubernetes: image, env, job, service_account_name, ..."""

    type_slug = "kubernetes-job"


class ECSTask(Infrastructure, ECSRun):
    """A task on Amazon ECS: image, env, task_definition, cluster, ..."""

    type_slug = "ecs-task"
