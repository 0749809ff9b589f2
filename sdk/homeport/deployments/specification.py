"""What a deployment's YAML may say: the keys, their types, and the JSON Schema that editors check it by."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Discriminator, Field, Tag, WithJsonSchema

from homeport.blocks.infrastructure import (
    DockerContainerFields,
    ECSTaskFields,
    KubernetesJobFields,
    ProcessFields,
)

BLOCK = r"^[A-Za-z0-9][A-Za-z0-9_-]*/[A-Za-z0-9][A-Za-z0-9._-]*$"
STORAGE = r"^[A-Za-z0-9][A-Za-z0-9_-]*/[A-Za-z0-9][A-Za-z0-9._-]*(/.+)?$"

Name = Annotated[str, Field(min_length=1, max_length=200, pattern=r"^\S(.*\S)?$")]
Label = Annotated[str, Field(min_length=1, max_length=200)]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, hide_input_in_errors=True)


def _moment(value: Any) -> Any:
    return datetime.fromisoformat(value) if isinstance(value, str) else value


Moment = Annotated[datetime, BeforeValidator(_moment), WithJsonSchema({"type": "string", "format": "date-time"})]


class _Clock(_Strict):
    timezone: str = Field("UTC", description="The zone whose wall clock counts: Europe/Berlin.")
    parameters: dict[str, Any] = Field({}, description="Parameters of the runs of this schedule alone.")


class CronClock(_Clock):
    """Times of a cron expression."""

    cron: str = Field(description="Five fields (minute, hour, day, month, weekday), or @daily and the like.")
    day_or: bool = Field(True, description="Whether day and weekday, where both are given, need only one to match.")


class IntervalClock(_Clock):
    """Every so many seconds."""

    interval: float = Field(gt=0, description="Seconds.")
    anchor_date: Moment | None = Field(None, description="What the intervals are counted from.")


class RRuleClock(_Clock):
    """The dates of an RRULE."""

    rrule: str = Field(description="An RRULE of RFC 5545: FREQ=DAILY;BYHOUR=9.")


def _which_clock(value: Any) -> str | None:
    given = value if isinstance(value, dict) else getattr(value, "__dict__", {})
    return next((kind for kind in ("cron", "interval", "rrule") if kind in given), None)


Clock = Annotated[
    Annotated[CronClock, Tag("cron")] | Annotated[IntervalClock, Tag("interval")] | Annotated[RRuleClock, Tag("rrule")],
    Discriminator(_which_clock),
]


def _list_or_one(value: Any) -> str:
    return "several" if isinstance(value, list) else "one"


Schedules = Annotated[
    Annotated[Clock, Tag("one")] | Annotated[list[Clock], Tag("several")], Discriminator(_list_or_one)
]


class Process(ProcessFields):
    """A process on the agent's machine: infrastructure of type process."""

    model_config = ConfigDict(strict=True)
    type: Literal["process"] = Field(description="Which infrastructure it is.")


class DockerContainer(DockerContainerFields):
    """A Docker container."""

    model_config = ConfigDict(strict=True)
    type: Literal["docker-container"] = Field(description="Which infrastructure it is.")


class KubernetesJob(KubernetesJobFields):
    """A Kubernetes job."""

    model_config = ConfigDict(strict=True)
    type: Literal["kubernetes-job"] = Field(description="Which infrastructure it is.")


class ECSTask(ECSTaskFields):
    """A task of Amazon ECS."""

    model_config = ConfigDict(strict=True)
    type: Literal["ecs-task"] = Field(description="Which infrastructure it is.")


Described = Annotated[Process | DockerContainer | KubernetesJob | ECSTask, Field(discriminator="type")]


def _block_or_described(value: Any) -> str:
    return "block" if isinstance(value, str) else "described"


Infrastructure = Annotated[
    Annotated[str, Field(pattern=BLOCK), Tag("block")] | Annotated[Described, Tag("described")],
    Discriminator(_block_or_described),
]
UNION_TAGS = frozenset(
    {"one", "several", "cron", "interval", "rrule", "block", "described"}
    | {"process", "docker-container", "kubernetes-job", "ecs-task"}
)
"""What pydantic puts into the way to an error though it stands nowhere in the file."""


class Specification(_Strict):
    """One deployment: a flow, where its code is kept, and how, when and with what it runs."""

    name: Name = Field(description="The deployment's name, one of its flow's.")
    entrypoint: str = Field(
        pattern=r"^[^:]+:[^:]+$",
        description="FILE:VARIABLE of the flow; the file from `root`, else from the folder of this file.",
    )
    flow: Name | None = Field(None, description="The flow's name, which is checked against the file.")
    project: Name | None = Field(None, description="The project; else that of the settings (`default`).")
    description: str | None = Field(None, description="For people: shown where the deployment is.")
    version: Annotated[str, Field(min_length=1, max_length=200)] | None = Field(
        None, description="A version of your own; what runs is known by the digest of the code anyway."
    )
    tags: list[Label] = Field([], description="For people to find it by; agents do not look at them.")
    queue: Name | None = Field(None, description="The work queue whose agents take its runs.")
    labels: list[Label] = Field([], description="Labels that an agent must have to take its runs.")
    parameters: dict[str, Any] = Field({}, description="Parameters of runs, unless they say otherwise.")
    schedule: Schedules | None = Field(
        None, description="When runs are due: one or several of cron, interval, rrule; null for never."
    )
    schedule_active: bool | None = Field(
        None, description="Whether the schedule makes runs; left as it is at the control plane where not said."
    )
    storage: Annotated[str, Field(pattern=STORAGE)] | None = Field(
        None, description="TYPE/NAME of the block that keeps the code (and a folder in it); else the flow's, or yours."
    )
    path: Annotated[str, Field(min_length=1)] | None = Field(None, description="A folder within the storage.")
    root: Annotated[str, Field(min_length=1)] | None = Field(
        None, description="The folder that travels, from here; else the nearest above the file with a pyproject.toml."
    )
    infrastructure: Infrastructure | None = Field(
        None, description="What runs it, or TYPE/NAME of a block that says so; else what the flow says."
    )
    overrides: dict[str, Any] = Field({}, description="What of the infrastructure is different here.")
    on_lost: Literal["crash", "retry", "hold"] | None = Field(
        None, description="What becomes of a run whose agent went silent; else what the flow says."
    )


class SeveralSpecifications(_Strict):
    """Several deployments in one file."""

    deployments: list[Specification] = Field(min_length=1)


INFRASTRUCTURE: dict[str, type[BaseModel]] = {
    "process": Process,
    "docker-container": DockerContainer,
    "kubernetes-job": KubernetesJob,
    "ecs-task": ECSTask,
}
MODELS: dict[str | None, type[BaseModel]] = {
    None: Specification,
    "cron": CronClock,
    "interval": IntervalClock,
    "rrule": RRuleClock,
    **dict(INFRASTRUCTURE.items()),
}
KEYS = tuple(Specification.model_fields)


def json_schema() -> dict[str, Any]:
    """The JSON Schema of a document: one deployment, or `deployments:` with several (and x-... for anchors)."""
    from pydantic.json_schema import models_json_schema

    _, found = models_json_schema(
        [(Specification, "validation"), (SeveralSpecifications, "validation")], ref_template="#/$defs/{model}"
    )
    definitions = found["$defs"]
    definitions["SeveralSpecifications"]["patternProperties"] = {"^x-": {}}
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Deployment of Homeport",
        "description": "One deployment, or several under `deployments`.",
        "if": {"required": ["deployments"]},
        "then": {"$ref": "#/$defs/SeveralSpecifications"},
        "else": {"$ref": "#/$defs/Specification"},
        "$defs": definitions,
    }
