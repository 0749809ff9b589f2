"""Infrastructure as blocks: the fields of 2.4's blocks that mean something here, and the run config they make."""

from __future__ import annotations

from typing import Any, ClassVar

from pydantic import Field

from homeport.blocks.fields import BlockFields
from homeport.run_configs import DockerRun, ECSRun, KubernetesRun, LocalRun, RunConfig

_ENV: Any = Field(default_factory=dict, description="Environment variables of the run. No place for secrets.")
_LABELS: Any = Field(default_factory=list, description="Labels that an agent must have to take the run.")


class InfrastructureFields(BlockFields):
    """The base: what a run is started on."""

    env: dict[str, str] = _ENV
    labels: list[str] = _LABELS

    def run_config(self) -> RunConfig:
        """The run config of a flow or deployment that runs on it."""
        raise NotImplementedError


class ProcessFields(InfrastructureFields):
    """A process on the agent's machine."""

    title: ClassVar[str] = "Process"

    working_dir: str | None = Field(
        None, description="Absolute path on the agent's machine; a private folder unless given.", pattern="^/"
    )

    def run_config(self) -> LocalRun:
        """A LocalRun."""
        return LocalRun(env=self.env, labels=self.labels, working_dir=self.working_dir)


class DockerContainerFields(InfrastructureFields):
    """A Docker container."""

    title: ClassVar[str] = "Docker container"

    image: str | None = Field(None, description="The image; that of the flow's storage unless given.")
    volumes: list[str] | None = Field(None, description="Volumes, each local:path or local:path:ro.")
    network_mode: str | None = Field(None, description="host, bridge, none, or a network's name.")
    mem_limit: str | int | None = Field(None, description="Most memory, such as 2g.")
    memswap_limit: str | int | None = Field(None, description="Most memory and swap, such as 4g; -1 for no limit.")
    privileged: bool | None = Field(None, description="With all rights on the host.")
    auto_remove: bool | None = Field(None, description="Remove the container when it has ended.")
    ports: list[int] | None = Field(None, description="Ports that the container opens.")

    def run_config(self) -> DockerRun:
        """A DockerRun, whose host config has the limits, volumes and network."""
        names = ("network_mode", "mem_limit", "memswap_limit", "privileged", "auto_remove")
        host = {name: value for name in names if (value := getattr(self, name)) is not None}
        if self.volumes is not None:
            host["binds"] = list(self.volumes)
        return DockerRun(image=self.image, env=self.env, labels=self.labels, ports=self.ports, host_config=host or None)


class KubernetesJobFields(InfrastructureFields):
    """A job on Kubernetes."""

    title: ClassVar[str] = "Kubernetes job"

    image: str | None = Field(None, description="The image; that of the flow's storage unless given.")
    job: dict[str, Any] | None = Field(None, description="The job's manifest, into which the run is put.")
    service_account_name: str | None = Field(None, description="The service account of the pod.")
    image_pull_policy: str | None = Field(None, description="IfNotPresent, Always or Never.")
    image_pull_secrets: list[str] | None = Field(None, description="Names of Kubernetes secrets, to pull the image.")
    cpu_request: float | str | None = Field(None, description="CPU that is reserved, such as 500m.")
    cpu_limit: float | str | None = Field(None, description="Most CPU.")
    memory_request: str | None = Field(None, description="Memory that is reserved, such as 1Gi.")
    memory_limit: str | None = Field(None, description="Most memory.")

    def run_config(self) -> KubernetesRun:
        """A KubernetesRun."""
        return KubernetesRun(
            job_template=self.job,
            image=self.image,
            env=self.env,
            labels=self.labels,
            service_account_name=self.service_account_name,
            image_pull_policy=self.image_pull_policy,
            image_pull_secrets=self.image_pull_secrets,
            cpu_request=self.cpu_request,
            cpu_limit=self.cpu_limit,
            memory_request=self.memory_request,
            memory_limit=self.memory_limit,
        )


class ECSTaskFields(InfrastructureFields):
    """A task on Amazon ECS."""

    title: ClassVar[str] = "ECS task"

    image: str | None = Field(None, description="The image; that of the flow's storage unless given.")
    task_definition: dict[str, Any] | None = Field(None, description="The task definition, into which the run is put.")
    task_definition_arn: str | None = Field(None, description="A registered task definition.")
    cpu: int | str | None = Field(None, description="CPU units, such as 1024.")
    memory: int | str | None = Field(None, description="Memory in MiB.")
    task_role_arn: str | None = Field(None, description="The role of the task.")
    execution_role_arn: str | None = Field(None, description="The role that pulls the image and writes logs.")
    cluster: str | None = Field(None, description="The cluster, by name or ARN.")
    launch_type: str | None = Field(None, description="FARGATE, EC2 or EXTERNAL.")
    task_start_kwargs: dict[str, Any] | None = Field(None, description="More arguments of run_task.")

    def run_config(self) -> ECSRun:
        """An ECSRun, whose run_task_kwargs have cluster and launch type."""
        start = dict(self.task_start_kwargs or {})
        start |= {"cluster": self.cluster} if self.cluster is not None else {}
        start |= {"launchType": self.launch_type} if self.launch_type is not None else {}
        return ECSRun(
            image=self.image,
            env=self.env,
            labels=self.labels,
            task_definition=self.task_definition,
            task_definition_arn=self.task_definition_arn,
            cpu=self.cpu,
            memory=self.memory,
            task_role_arn=self.task_role_arn,
            execution_role_arn=self.execution_role_arn,
            run_task_kwargs=start or None,
        )
