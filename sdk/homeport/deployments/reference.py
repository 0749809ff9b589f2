"""The reference page of a deployment's YAML, written from its schema: `python -m homeport.deployments.reference`."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from homeport.deployments.building import ORDER, SCHEMA_PATH
from homeport.deployments.specification import json_schema

EXAMPLE = """\
# yaml-language-server: $schema=http://127.0.0.1:4700/deployment.schema.json
name: nightly
flow: hello-world
entrypoint: flows/hello.py:hello_world
project: Reports
description: Says hello, every night.
version: "2026-11"
tags: [reports, night]
queue: night
labels: [gpu]
storage: smb/flows
path: reports
root: ..
parameters:
  name: Ada
schedule:
  cron: 0 3 * * 1-5
  timezone: Europe/Berlin
schedule_active: true
infrastructure:
  type: process
  env:
    LEVEL: info
overrides:
  env:
    LEVEL: debug
on_lost: retry
"""
SEVERAL = """\
x-shared: &shared
  entrypoint: flows/hello.py:hello_world
  queue: night

deployments:
  - <<: *shared
    name: berlin
    parameters: {name: Berlin}
    schedule: {cron: 0 3 * * *, timezone: Europe/Berlin}
  - <<: *shared
    name: often
    schedule:
      - interval: 3600
      - rrule: FREQ=WEEKLY;BYDAY=MO;BYHOUR=9
        parameters: {name: Monday}
"""
EXAMPLES = {
    "cron": """\
schedule:
  cron: 0 3 * * 1-5
  timezone: Europe/Berlin
  day_or: true
  parameters: {name: night}
""",
    "interval": """\
schedule:
  interval: 3600
  anchor_date: "2026-01-01T00:30:00+01:00"
  timezone: Europe/Berlin
  parameters: {name: often}
""",
    "rrule": """\
schedule:
  rrule: FREQ=MONTHLY;BYDAY=-1FR;BYHOUR=18;BYMINUTE=0
  timezone: Europe/Berlin
  parameters: {name: month}
""",
    "process": """\
infrastructure:
  type: process
  env: {LEVEL: info}
  working_dir: /srv/reports
  labels: [gpu]
""",
    "docker-container": """\
infrastructure:
  type: docker-container
  image: registry.example.com/team/flows:7
  env: {LEVEL: info}
  volumes: [/srv/data:/data:ro]
  network_mode: host
  mem_limit: 2g
  auto_remove: true
""",
    "kubernetes-job": """\
infrastructure:
  type: kubernetes-job
  image: registry.example.com/team/flows:7
  env: {LEVEL: info}
  service_account_name: flows
  cpu_request: 500m
  memory_limit: 2Gi
  job:
    apiVersion: batch/v1
    kind: Job
    metadata: {namespace: flows}
""",
    "ecs-task": """\
infrastructure:
  type: ecs-task
  image: 123456789012.dkr.ecr.eu-central-1.amazonaws.com/flows:7
  env: {LEVEL: info}
  cluster: flows
  cpu: 1024
  memory: 2048
  launch_type: FARGATE
""",
}
_WORDS = {
    "schedule": "a clock, or a list of clocks, or null",
    "infrastructure": "mapping, or TYPE/NAME",
    "schedule_active": "boolean",
}


def page() -> str:
    """docs/reference/deployment-yaml.md as it has to be for the schema of this version."""
    definitions = json_schema()["$defs"]
    parts = [_INTRODUCTION.format(example=EXAMPLE, several=SEVERAL, path=SCHEMA_PATH)]
    parts += ["## Keys\n", *_table(definitions["Specification"], ORDER), ""]
    parts.append(_CLOCKS)
    for heading, name in (("cron", "CronClock"), ("interval", "IntervalClock"), ("rrule", "RRuleClock")):
        own = definitions[name]
        first = [heading, *(key for key in own["properties"] if key != heading)]
        parts += [f"### {heading}\n", f"```yaml\n{EXAMPLES[heading]}```\n", *_table(own, first), ""]
    parts.append(_INFRASTRUCTURE)
    for name in ("Process", "DockerContainer", "KubernetesJob", "ECSTask"):
        own = definitions[name]
        kind = own["properties"]["type"]["const"]
        first = ["type", *(key for key in own["properties"] if key != "type")]
        parts += [f"### {kind}\n", f"```yaml\n{EXAMPLES[kind]}```\n", *_table(own, first), ""]
    return "\n".join(parts).rstrip() + "\n"


def _table(of: dict[str, Any], order: Any) -> Iterator[str]:
    required = of.get("required", ())
    assert set(order) == set(of["properties"]), "every key has its row"
    yield "| key | type | default | |\n|---|---|---|---|"
    for key in order:
        part = of["properties"][key]
        default = "needed" if key in required else _default(part)
        about = " ".join(str(part.get("description", "")).split()).replace("|", "\\|")
        yield f"| `{key}` | {_WORDS.get(key) or _type(part)} | {default} | {about} |"


def _default(part: dict[str, Any]) -> str:
    default = part.get("default")
    return "" if default in (None, "", [], {}) else f"`{json.dumps(default).strip(chr(34))}`"


def _type(part: dict[str, Any]) -> str:
    if "const" in part:
        return f"`{part['const']}`"
    if "enum" in part:
        return " \\| ".join(f"`{choice}`" for choice in part["enum"])
    choices = [choice for choice in part.get("anyOf", part.get("oneOf", ())) if choice.get("type") != "null"]
    if choices:
        return " or ".join(dict.fromkeys(_type(choice) for choice in choices))
    if part.get("type") == "array":
        return f"list of {_type(part.get('items', {}))}"
    if part.get("type") == "object":
        return "mapping"
    return (
        "date and time" if part.get("format") == "date-time" else str(part.get("type", "any")).replace("string", "text")
    )


_INTRODUCTION = """# The YAML of a deployment

What [`homeport deployment build`](../guides/deployments.md) writes and `apply` reads. `name` and `entrypoint` are
needed, all else may be left out. Unknown keys, keys that are there twice, tags (`!!python/...`) and what looks like a
secret are refused with their line. Booleans are `true` and `false`; files are at most 512 KiB.

```yaml
{example}```

The first line is for editors: with it the language server of YAML (in VS Code: the extension *YAML*; also in Neovim,
Emacs, IntelliJ) proposes keys and marks mistakes. Every control plane serves the JSON Schema under `{path}`;
`homeport deployment schema > deployment.schema.json` prints it, for `$schema=./deployment.schema.json` where no
control plane is in reach.

A file may hold several: as documents with `---` between them, or under `deployments:`, beside which only keys that
begin with `x-` may stand, for parts that are shared by anchors:

```yaml
{several}```
"""
_CLOCKS = """## Schedules

`schedule` is one clock, or a list of them; which kind it is, says the key that it has. `null` means never, and takes
away a schedule that the flow itself has; without the key, the flow's own counts. Filters, adjustments, dates and
bounds can only be said [in the flow's code](../guides/schedules.md).
"""
_INFRASTRUCTURE = """## Infrastructure

`infrastructure` is TYPE/NAME of a [block](blocks.md) that says what runs it, or a mapping with its `type`; the fields
are those of the block of that type. `overrides` are laid on top, mapping by mapping, also on top of a block: so one
block serves many deployments. On the command line they are `--override env.LEVEL=debug`. A null in `env` takes a
variable away.
"""


if __name__ == "__main__":
    import sys

    sys.stdout.write(page())
