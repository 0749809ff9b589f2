"""Applying deployments: everything is checked, here and by the control plane's dry run; then code is stored; then all
of them are registered in one transaction.

So a mistake in one of many leaves nothing half-done, and neither does a connection that is lost: applying again goes on
from there, because stored code is found by its digest. Only more than a request can carry (500 deployments, or
megabytes of task graphs) are registered in several transactions, after all of them were tried; `Application.registered`
has those that stand when a later one fails.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from homeport.deployments.preparing import Prepared
from homeport.deployments.problems import InvalidDeployment, Problem

if TYPE_CHECKING:
    from homeport.client import Client
    from homeport.code import Stored

AT_ONCE = 500
BYTES_AT_ONCE = 6 * 1024 * 1024
"""So many are registered in one transaction: what the control plane takes in one request, with room to spare."""
REGISTER_SECONDS = 120.0
_INDEX = re.compile(r"inputs\[(\d+)\]\.?(.*)", re.DOTALL)
_SCHEDULE = re.compile(r"schedule\.clocks\[(\d+)\]\.?(\w*)")
# A field of the control plane's input -> the key of the file.
_KEYS = {
    "deployment": "name",
    "deploymentDescription": "description",
    "deploymentVersion": "version",
    "runConfig": "infrastructure",
    "contentDigest": "entrypoint",
    "parameterSchema": "entrypoint",
    "graph": "entrypoint",
}

Tell = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Applied:
    """What the control plane made of a deployment; `changed` is False when it had exactly this already.

    Of a dry run only that is known: whether it would change anything.
    """

    prepared: Prepared
    changed: bool
    flow_id: str | None = None
    deployment_id: str | None = None
    version: int | None = None
    stored: Stored | None = None


class Application:
    """The way of prepared deployments to the storages and the control plane; `home` is this user's home folder."""

    def __init__(self, client: Client, home: Path, *, force: bool = False) -> None:
        self._client = client
        self._home = home
        self._force = force
        self.registered: list[Applied] = []
        self._stored: dict[tuple[str, str], Stored] = {}

    def check(self, prepared: Sequence[Prepared]) -> list[Applied]:
        """What applying them would do; raises InvalidDeployment for what the control plane refuses, and ClientError."""
        from homeport.code import Stored
        from homeport.registration import told_reference

        planned = [
            Stored(_told(told_reference(one.reference, one.reference), one), one.tree.digest) for one in prepared
        ]
        return self._registered(prepared, planned, dry_run=True)

    def store(self, prepared: Prepared) -> Stored:
        """Keep its code where it is to be kept, once for all that share it; raises CodeError.

        Where the kind of storage can, the import of the flow is tried there.
        """
        from homeport.code import open_storage
        from homeport.code.verification import verify_once
        from homeport.registration import told_reference

        key = (str(prepared.source.root), repr(prepared.reference))
        opened = open_storage(prepared.reference)
        if key not in self._stored:
            stored = opened.put(prepared.tree)
            told = _told(told_reference(stored.reference, prepared.reference), prepared)
            self._stored[key] = replace(stored, reference=told)
        verify_once(opened, self._stored[key], prepared.source.entrypoint, self._home)
        return self._stored[key]

    def register(self, prepared: Sequence[Prepared]) -> list[Applied]:
        """Store the code of those whose code is not stored yet, and register all; raises as `check` and `store`."""
        return self._registered(prepared, [self.store(one) for one in prepared], dry_run=False)

    def _registered(self, prepared: Sequence[Prepared], stored: Sequence[Stored], *, dry_run: bool) -> list[Applied]:
        from homeport.client import expect
        from homeport.client.errors import InvalidInputError, NotFoundError

        done: list[Applied] = []
        inputs = [self._input(one, at) for one, at in zip(prepared, stored, strict=True)]
        for batch in _batches(inputs):
            part, kept = prepared[batch], stored[batch]
            variables = {"inputs": inputs[batch], "dryRun": dry_run}
            answer = self._client.execute("registerFlows", variables, timeout=REGISTER_SECONDS, retry_for=2.0)
            try:
                made = expect(answer["registerFlows"], "FlowsChecked" if dry_run else "FlowsRegistered")
            except InvalidInputError as error:
                raise _refused(part, error.fields, error.hint) from error
            except NotFoundError as error:
                raise _not_found(part, error.details, error.message, error.hint) from error
            if dry_run:
                done += [Applied(*one) for one in zip(part, made["changed"], strict=True)]
            else:
                done += [_applied(*one) for one in zip(part, kept, made["registered"], strict=True)]
                self.registered = done
        return done

    def _input(self, one: Prepared, stored: Stored) -> dict[str, Any]:
        from homeport.registration import schedule_of, version_input

        said = one.described.specification
        on_lost = said.on_lost or str(one.flow.on_lost)
        return {
            "project": one.project,
            "deployment": said.name,
            "deploymentDescription": said.description or "",
            "deploymentVersion": said.version,
            "tags": said.tags,
            "parameters": said.model_dump(mode="json")["parameters"],
            "labels": list(one.labels),
            "queue": one.queue,
            "runConfig": one.run_config,
            "onLost": on_lost.upper(),
            "schedule": one.described.clocks if one.described.says_schedule else schedule_of(one.flow),
            "scheduleActive": said.schedule_active,
            "force": self._force,
            **version_input(one.flow, one.source, stored),
        }


def _batches(inputs: Sequence[Mapping[str, Any]]) -> Iterator[slice]:
    """All of them at once, if a request can carry them."""
    first, size = 0, 0
    for at, input_ in enumerate(inputs):
        bytes_ = len(json.dumps(input_).encode())
        if at - first == AT_ONCE or (size and size + bytes_ > BYTES_AT_ONCE):
            yield slice(first, at)
            first, size = at, 0
        size += bytes_
    yield slice(first, len(inputs))


def _told(reference: dict[str, Any], one: Prepared) -> dict[str, Any]:
    folder = one.reference.get("subfolder")
    return {**reference, "subfolder": folder} if folder and "block" in reference else reference


def _applied(one: Prepared, stored: Stored, made: Mapping[str, Any]) -> Applied:
    return Applied(
        one, made["changed"], made["flow"]["id"], made["deployment"]["id"], made["flowVersion"]["number"], stored
    )


def _refused(part: Sequence[Prepared], fields: Sequence[tuple[str, str]], hint: str | None) -> InvalidDeployment:
    problems = []
    for path, message in fields:
        match = _INDEX.fullmatch(path)
        if match is None or int(match[1]) >= len(part):
            problems.append(Problem("the control plane", f"{path}: {message}", hint or ""))
            continue
        one = part[int(match[1])]
        problems.append(Problem(_place(one, match[2]), f"{_shown(match[2])}{message}", hint or ""))
    return InvalidDeployment(problems)


def _place(one: Prepared, path: str) -> str:
    clock = _SCHEDULE.match(path)
    if clock is not None:
        several = isinstance(one.described.specification.schedule, list)
        return one.described.at("schedule", *((int(clock[1]),) if several else ()), clock[2])
    key, *rest = re.split(r"[.\[]", path.replace("]", ""))
    where = (_KEYS.get(key, key), *(int(step) if step.isdigit() else step for step in rest))
    return one.described.at(*where)


def _shown(path: str) -> str:
    key = re.split(r"[.\[]", path)[0]
    return f"{path.replace(key, _KEYS.get(key, key), 1)}: " if path else ""


def _not_found(
    part: Sequence[Prepared], details: Mapping[str, Any], message: str, hint: str | None
) -> InvalidDeployment:
    kind, ref = details.get("kind"), details.get("ref")
    places = [
        one.described.at("project" if kind == "project" else "storage")
        for one in part
        if (kind == "project" and one.project == ref) or (kind == "block" and one.reference.get("block") == ref)
    ]
    return InvalidDeployment([Problem(place, message, hint or "") for place in places or ["the control plane"]])
