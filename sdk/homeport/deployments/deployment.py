"""`Deployment`, as 2.4 has it in Python: built from a flow or loaded from YAML, changed, written, stored, applied."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from homeport.deployments import building, reading
from homeport.deployments.problems import InvalidDeployment, Problem
from homeport.engine import current

if TYPE_CHECKING:
    from homeport.client import Client
    from homeport.config import Settings
    from homeport.deployments.preparing import Prepared
    from homeport.deployments.reading import Described
    from homeport.flows import Flow
    from homeport.run_configs import RunConfig
    from homeport.schedules import Schedule
    from homeport.storage import Storage

_MOVED = {
    "work_queue_name": "queue",
    "infra_overrides": "overrides",
    "is_schedule_active": "schedule_active",
    "flow_name": "flow",
}
_TYPES = {"local": "process", "docker": "docker-container", "kubernetes": "kubernetes-job", "ecs": "ecs-task"}


class Deployment:
    """One deployment: its keys are those of its YAML, as attributes. 2.4's names (work_queue_name, ...) work, too."""

    def __init__(self, name: str, entrypoint: str, **said: Any) -> None:
        """The deployment of the flow at `entrypoint`; raises InvalidDeployment for what cannot be."""
        file = said.pop("file", None)
        self._file = Path(file) if file is not None else Path.cwd() / "deployment.yaml"
        self._said = {"name": name, "entrypoint": entrypoint, **_keys(said)}
        self.described()

    @classmethod
    def build_from_flow(
        cls,
        flow: Flow,
        name: str,
        output: str | Path | None = None,
        skip_upload: bool = False,
        apply: bool = False,
        **said: Any,
    ) -> Deployment:
        """The deployment of a flow that a file defines, named `name`.

        `said` are its keys: work_queue_name, parameters, tags, version, schedule, storage ("smb/test" or a loaded
        storage), infrastructure (a run config, or "docker-container/prod"), infra_overrides, path, ... With `output`
        it is written there, and with `apply` it is applied. The code is stored unless `skip_upload`, where a storage is
        said. Raises InvalidDeployment, RegistrationError, CodeError, ClientError.
        """
        from homeport.registration import defining_source

        root = said.get("root")
        source = defining_source(flow, Path(root) if root is not None else None)
        keys = _keys(said)
        if flow.description:
            keys.setdefault("description", flow.description.strip())
        file = Path(output).absolute() if output is not None else source.root / "deployment.yaml"
        keys["flow"] = flow.name
        if file.parent != source.root or root is not None:
            keys["root"] = str(source.root)
        made = cls(name, source.entrypoint, **keys, file=file)
        if output is not None:
            made.to_yaml(output)
        if apply:
            made.apply()
        elif keys.get("storage") is not None and not skip_upload:
            made.upload_to_storage()
        return made

    @classmethod
    def load_from_yaml(cls, path: str | Path) -> Deployment:
        """The deployment of a YAML file, ours or Prefect's; raises InvalidDeployment, also for a file with several."""
        found = reading.read_file(Path(path))
        if len(found) != 1:
            mend = "Apply it with the command: homeport deployment apply"
            raise InvalidDeployment([Problem(str(path), f"there are {len(found)} deployments in this file", mend)])
        return cls(**found[0].specification.model_dump(mode="json", exclude_unset=True), file=path)

    def __getattr__(self, name: str) -> Any:
        key = _MOVED.get(name, name)
        said = self.__dict__.get("_said", {})
        if key in said:
            return said[key]
        from homeport.deployments.specification import Specification

        if key in Specification.model_fields:
            return Specification.model_fields[key].get_default(call_default_factory=True)
        raise AttributeError(f"a deployment has no {name!r}")

    def update(self, **said: Any) -> None:
        """Set keys; raises InvalidDeployment, and then nothing is changed."""
        before = self._said
        self._said = {**before, **_keys(said)}
        try:
            self.described()
        except InvalidDeployment:
            self._said = before
            raise

    def described(self) -> Described:
        """It as a file would describe it; raises InvalidDeployment."""
        return building.checked(self._said, self._file, options=f"deployment {self._said['name']}")

    def to_yaml(self, path: str | Path) -> None:
        """Write it to a file; one that is there keeps its comments and what else it says. Raises InvalidDeployment."""
        from homeport.config import load_settings
        from homeport.deployments.preparing import load

        if self._held_back("to_yaml()"):
            return
        one = self.described()
        flow = load(one.specification.entrypoint, one.base, "entrypoint")
        url = load_settings().api_url.rstrip("/") + building.SCHEMA_PATH
        said = one.specification.model_dump(mode="json", exclude_unset=True)
        building.planned(Path(path), flow, said, schema_url=url).write()

    def upload_to_storage(self) -> str:
        """Store its code; the digest that names it there. Raises CodeError, InvalidDeployment, ClientError."""
        from homeport.deployments.applying import Application

        if self._held_back("upload_to_storage()"):
            return ""
        with _client() as (client, settings):
            return Application(client, settings.home).store(self._prepared(client, settings)).digest

    def apply(self, upload: bool = True) -> str:
        """Store its code and register it; its id. Raises InvalidDeployment, CodeError, ClientError.

        `upload` is taken for the sake of 2.4: what is stored already does not travel again anyway.
        """
        from homeport.deployments.applying import Application

        if self._held_back("apply()"):
            return ""
        with _client() as (client, settings):
            prepared, application = self._prepared(client, settings), Application(client, settings.home)
            application.check([prepared])
            return str(application.register([prepared])[0].deployment_id)

    def _held_back(self, what: str) -> bool:
        """Whether a file is only looked through for its flows: an agent that loads it must not apply it again."""
        if not current.collecting.get() or current.flow_run.get() is not None:
            return False
        warnings.warn(
            f"{what} of deployment {self._said['name']!r} was ignored while flows are collected. "
            "Put it under `if __name__ == '__main__':`.",
            stacklevel=3,
        )
        return True

    def _prepared(self, client: Client, settings: Settings) -> Prepared:
        from homeport.deployments.preparing import Preparation

        def ask(operation: str, given: Mapping[str, Any]) -> dict[str, Any]:
            return client.execute(operation, given, retry_for=1.0)

        return Preparation(settings, ask).prepare([self.described()])[0]

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Deployment) and self._said == other._said

    __hash__ = None  # type: ignore[assignment] # its keys may be changed

    def __repr__(self) -> str:
        return f"Deployment({', '.join(f'{key}={value!r}' for key, value in self._said.items())})"


@contextmanager
def _client() -> Iterator[tuple[Client, Settings]]:
    from homeport.client import Client
    from homeport.config import load_settings

    settings = load_settings()
    with Client(settings.api_url, settings.api_key, timeout=settings.timeout_seconds) as client:
        yield client, settings


def _keys(said: Mapping[str, Any]) -> dict[str, Any]:
    """The keys in our names and as JSON; what is None is not said."""
    keys = {_MOVED.get(name, name): value for name, value in said.items() if value is not None}
    for name, change in (("schedule", _schedule), ("storage", _storage), ("infrastructure", _infrastructure)):
        if name in keys:
            keys[name] = change(keys[name])
    for name in ("tags", "labels"):
        if name in keys:
            keys[name] = [str(one) for one in keys[name]]
    for name in ("path", "root"):
        if name in keys:
            keys[name] = str(keys[name])
    return keys


def _schedule(value: Schedule | Mapping[str, Any] | list[Any]) -> Any:
    from homeport.deployments.schedule_forms import from_clocks

    if isinstance(value, Mapping):
        return {key: part.isoformat() if isinstance(part, datetime) else part for key, part in value.items()}
    return value if isinstance(value, list) else from_clocks(value.to_dict())


def _storage(value: Storage | str) -> str:
    if isinstance(value, str):
        return value
    if value.block is None:
        kind = f"{value.kind}/NAME"
        mend = f'Save it first, and say its name: {type(value).__name__}(...).save("NAME"); storage="{kind}"'
        raise InvalidDeployment([Problem("storage", "a deployment names a storage by its block", mend)])
    return value.block


def _infrastructure(value: RunConfig | Mapping[str, Any] | str) -> Any:
    if isinstance(value, str | Mapping):
        return value
    said = {name: part for name, part in value.to_dict().items() if name != "kind" and part not in ({}, [])}
    if value.kind not in _TYPES:
        raise InvalidDeployment([Problem("infrastructure", f"{type(value).__name__} says nothing of what runs it")])
    renamed = {"job_template": "job", "run_task_kwargs": "task_start_kwargs"}
    return {"type": _TYPES[value.kind], **{renamed.get(name, name): part for name, part in said.items()}}
