"""Run configs: on what infrastructure, and with which labels, a flow wants to run. Descriptions only."""

from __future__ import annotations

from collections.abc import Iterable
from os import PathLike, fspath
from pathlib import PurePosixPath
from typing import Any


class RunConfig:
    """The base of run configs: labels, environment variables, and what the kind adds.

    Raises ValueError for what cannot be the name of a variable.
    """

    kind = "universal"

    def __init__(self, *, env: dict[str, str] | None = None, labels: Iterable[str] | None = None) -> None:
        self.env = dict(env or {})
        self.labels = frozenset([labels] if isinstance(labels, str) else labels or ())
        self.settings: dict[str, Any] = {}
        for name in self.env:
            if not isinstance(name, str) or not name or "=" in name or "\0" in name:
                raise ValueError(f"{type(self).__name__}: {name!r} in `env` cannot be the name of a variable.")

    def _set(self, **settings: Any) -> None:
        """Keep the settings of the kind that were given."""
        self.settings = {name: value for name, value in settings.items() if value is not None}

    def to_dict(self) -> dict[str, Any]:
        """As a JSON object: `kind`, `env`, `labels`, and the settings of the kind that were given."""
        return {"kind": self.kind, "env": self.env, "labels": sorted(self.labels), **self.settings}

    def __repr__(self) -> str:
        return f"{type(self).__name__}({', '.join(f'{name}={value!r}' for name, value in self.to_dict().items())})"


class UniversalRun(RunConfig):
    """Any agent will do."""

    def __init__(self, *, env: dict[str, str] | None = None, labels: Iterable[str] | None = None) -> None:
        super().__init__(env=env, labels=labels)


class LocalRun(RunConfig):
    """A process on the agent's machine: in `working_dir`, an absolute path there, else in a private folder.

    Raises ValueError for a path that is not absolute.
    """

    kind = "local"

    def __init__(
        self,
        *,
        env: dict[str, str] | None = None,
        working_dir: str | PathLike[str] | None = None,
        labels: Iterable[str] | None = None,
    ) -> None:
        super().__init__(env=env, labels=labels)
        folder = None if working_dir is None else fspath(working_dir)
        if folder is not None and not PurePosixPath(folder).is_absolute():
            raise ValueError(
                f"LocalRun: working_dir is a folder on the agent's machine, and {folder!r} does not say where there. "
                f"Give an absolute path."
            )
        self._set(working_dir=folder)


class DockerRun(RunConfig):
    """A Docker container. A local agent refuses it."""

    kind = "docker"

    def __init__(
        self,
        *,
        image: str | None = None,
        env: dict[str, str] | None = None,
        labels: Iterable[str] | None = None,
        ports: list[int] | None = None,
        host_config: dict[str, Any] | None = None,
    ) -> None:
        super().__init__(env=env, labels=labels)
        self._set(image=image, ports=ports, host_config=host_config)


class KubernetesRun(RunConfig):
    """A Kubernetes job. A local agent refuses it."""

    kind = "kubernetes"

    def __init__(
        self,
        *,
        job_template_path: str | None = None,
        job_template: dict[str, Any] | None = None,
        image: str | None = None,
        env: dict[str, str] | None = None,
        cpu_limit: float | str | None = None,
        cpu_request: float | str | None = None,
        memory_limit: str | None = None,
        memory_request: str | None = None,
        service_account_name: str | None = None,
        image_pull_secrets: list[str] | None = None,
        image_pull_policy: str | None = None,
        labels: Iterable[str] | None = None,
    ) -> None:
        super().__init__(env=env, labels=labels)
        self._set(
            job_template_path=job_template_path,
            job_template=job_template,
            image=image,
            cpu_limit=cpu_limit,
            cpu_request=cpu_request,
            memory_limit=memory_limit,
            memory_request=memory_request,
            service_account_name=service_account_name,
            image_pull_secrets=image_pull_secrets,
            image_pull_policy=image_pull_policy,
        )


class ECSRun(RunConfig):
    """A task of Amazon ECS. A local agent refuses it."""

    kind = "ecs"

    def __init__(
        self,
        *,
        task_definition: dict[str, Any] | None = None,
        task_definition_path: str | None = None,
        task_definition_arn: str | None = None,
        image: str | None = None,
        env: dict[str, str] | None = None,
        cpu: int | str | None = None,
        memory: int | str | None = None,
        task_role_arn: str | None = None,
        execution_role_arn: str | None = None,
        run_task_kwargs: dict[str, Any] | None = None,
        labels: Iterable[str] | None = None,
    ) -> None:
        super().__init__(env=env, labels=labels)
        self._set(
            task_definition=task_definition,
            task_definition_path=task_definition_path,
            task_definition_arn=task_definition_arn,
            image=image,
            cpu=cpu,
            memory=memory,
            task_role_arn=task_role_arn,
            execution_role_arn=execution_role_arn,
            run_task_kwargs=run_task_kwargs,
        )
