"""The YAML that a build writes: a person's file from then on; and it is what the published schema says."""

import json
import stat
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest

import homeport_control_plane
from homeport import flow
from homeport.deployments import applying, building, reading, reference, yaml_files
from homeport.deployments.applying import _batches
from homeport.deployments.preparing import load
from homeport.deployments.problems import InvalidDeployment
from homeport.deployments.specification import json_schema
from homeport.deployments.yaml_documents import parse_documents

PUBLISHED = Path(homeport_control_plane.__file__).with_name("deployment.schema.json")
URL = "http://127.0.0.1:4700/deployment.schema.json"
SCHEDULE = {"cron": "0 3 * * *", "timezone": "Europe/Berlin"}


@flow
def hello_world(name: str = "world", n: int = 3) -> None:
    """Says hello.

    To somebody."""


def build(file: Path, name: str = "demo", **given: Any) -> reading.Described:
    said = building.keys_of(hello_world, name, "demo.py:hello_world", given)
    planned = building.planned(file, hello_world, said, schema_url=URL)
    planned.write()
    return planned.made


def validator() -> jsonschema_rs.Draft202012Validator:
    return jsonschema_rs.Draft202012Validator(json.loads(PUBLISHED.read_text()), validate_formats=True)


def test_a_new_file_can_be_read_by_a_person_and_says_what_was_given(tmp_path: Path) -> None:
    build(
        file := tmp_path / "hello_world-deployment.yaml",
        queue="demo",
        storage="smb/test",
        schedule=SCHEDULE,
        tags=["etl"],
        overrides={"env": {"LEVEL": "debug"}},
    )

    assert file.read_text() == (
        f"# yaml-language-server: $schema={URL}\n"
        "# The deployment demo of the flow hello-world. Edit it and keep it in git: built again, it keeps your edits,\n"
        "# and changes what the options say. Register it: homeport deployment apply hello_world-deployment.yaml\n"
        "name: demo\n"
        "flow: hello-world\n"
        "entrypoint: demo.py:hello_world\n"
        "description: |-\n"
        "  Says hello.\n"
        "\n"
        "  To somebody.\n"
        "tags: [etl]\n"
        "# The work queue whose agents take its runs.\n"
        "queue: demo\n"
        "# The block that keeps its code: homeport block inspect smb/test\n"
        "storage: smb/test\n"
        '# What runs get unless they say otherwise. The flow takes: name (string) = "world", n (integer) = 3\n'
        "parameters: {}\n"
        "# When runs are due.\n"
        "schedule:\n"
        "  cron: 0 3 * * *\n"
        "  timezone: Europe/Berlin\n"
        "# What runs it, and with which variables; no secrets: set those where the agent runs.\n"
        "infrastructure:\n"
        "  type: process\n"
        "  env: {}\n"
        "overrides:\n"
        "  env:\n"
        "    LEVEL: debug\n"
    )


def test_building_again_keeps_a_persons_comments_order_and_edits(tmp_path: Path) -> None:
    file = tmp_path / "d.yaml"
    mine = """\
# ours, since 2021
name: demo   # do not rename
queue: old   # the big machines
entrypoint: demo.py:hello_world

parameters:
  # who is greeted
  name: Ada   # Lovelace
  n: 5
schedule:
  # when the shop is closed
  cron: '0 2 * * *'   # before the backup
  timezone: Europe/Berlin
tags:
  - 'a'   # first
infrastructure: {type: process, env: {LEVEL: info}}
# the end
"""
    file.write_text(mine)

    build(
        file,
        queue="new",
        parameters={"n": 6},
        schedule={"cron": "0 3 * * *"},
        infrastructure={"type": "process", "env": {}},
    )

    assert file.read_text() == (
        mine.replace("queue: old   #", "queue: new   #")
        .replace("  n: 5\n", "  n: 6\n")
        .replace("0 2 * * *", "0 3 * * *")
        .replace("  timezone: Europe/Berlin\n", "")
    )


def test_building_again_with_the_same_options_changes_not_a_byte(tmp_path: Path) -> None:
    given: dict[str, Any] = {"queue": "q", "schedule": SCHEDULE, "overrides": {"env": {"A": "b"}}, "tags": ["x"]}
    build(file := tmp_path / "d.yaml", **given)
    before = file.read_bytes()

    build(file, **given)

    assert file.read_bytes() == before


def test_one_of_several_deployments_in_a_file_is_changed_and_the_others_stay(tmp_path: Path) -> None:
    file = tmp_path / "d.yaml"
    rest = "name: z  # last\nentrypoint: demo.py:hello_world\n"
    file.write_text(
        "deployments:\n  - name: a  # one\n    entrypoint: demo.py:hello_world\n"
        f"  - name: b\n    entrypoint: demo.py:hello_world\n---\n{rest}"
    )

    build(file, "b", queue="q")

    text = file.read_text()
    assert "name: a  # one" in text
    assert text.endswith(rest)
    assert [(d.specification.name, d.specification.queue) for d in reading.read_file(file)] == [
        ("a", None), ("b", "q"), ("z", None),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("there", "told"),
    [
        ("name: other\nentrypoint: a.py:b\n", "this file holds 'other', and not 'demo'"),
        ("services: {}\n", "this file holds None, and not 'demo'"),
        ("name: demo\nflow_name: hello-world\nentrypoint: demo.py:hello_world\n", "this file is in Prefect's form"),
        ("name: demo\nqueue: [", "d.yaml:2:9: this is not YAML"),
        ("name: demo\nentrypoint: demo.py:hello_world\nqueu: x\n", "d.yaml:3:1: there is no key 'queu'"),
    ],
)
def test_a_file_that_cannot_take_the_build_is_left_as_it_is(tmp_path: Path, there: str, told: str) -> None:
    file = tmp_path / "d.yaml"
    file.write_text(there)

    with pytest.raises(InvalidDeployment) as refused:
        build(file, tags=["t"])

    assert told in str(refused.value)
    assert file.read_text() == there


def test_a_file_that_changes_while_it_is_built_is_not_overwritten(tmp_path: Path) -> None:
    build(file := tmp_path / "d.yaml")
    said = building.keys_of(hello_world, "demo", "demo.py:hello_world", {"queue": "q"})
    planned = building.planned(file, hello_world, said, schema_url=URL)
    file.write_text(file.read_text() + "version: '2'\n")

    with pytest.raises(InvalidDeployment, match="changed while it was being built"):
        planned.write()

    assert "version: '2'" in file.read_text()
    assert [path.name for path in tmp_path.iterdir()] == ["d.yaml"]


def test_a_file_keeps_its_permissions(tmp_path: Path) -> None:
    build(file := tmp_path / "d.yaml")
    file.chmod(0o640)

    build(file, queue="q")

    assert stat.S_IMODE(file.stat().st_mode) == 0o640


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"overrides": {"env": {"DB_PASSWORD": "hunter2"}}}, "overrides.env.DB_PASSWORD"),
        ({"parameters": {"url": "postgresql://ada:hunter2@db/x"}}, "parameters.url"),
        ({"storage": "smb"}, "`storage` must be TYPE/NAME"),
        ({"queue": ""}, "`queue`"),
    ],
)
def test_options_that_cannot_be_are_refused_before_anything_is_written(given: dict[str, Any], told: str) -> None:
    said = building.keys_of(hello_world, "demo", "demo.py:hello_world", given)

    with pytest.raises(InvalidDeployment) as refused:
        building.checked(said, Path("d.yaml"))

    assert told in str(refused.value)
    assert "hunter2" not in str(refused.value)


def test_the_published_schema_is_the_one_of_the_code() -> None:
    assert json.loads(PUBLISHED.read_text()) == json_schema(), "run `make schema`"


def test_what_is_written_fits_the_published_schema(tmp_path: Path) -> None:
    build(
        file := tmp_path / "d.yaml",
        queue="q",
        storage="smb/test/sub",
        schedule=[SCHEDULE, {"interval": 60.0, "anchor_date": "2026-01-01T00:00:00Z"}, {"rrule": "FREQ=DAILY"}],
        schedule_active=False,
        infrastructure={"type": "kubernetes-job", "image": "x", "cpu_limit": 0.5},
        overrides={"env": {"A": "b"}},
        labels=["gpu"],
        version="1",
    )

    [document] = parse_documents(file.read_text(), "d.yaml")
    assert [error.message for error in validator().iter_errors(document.value)] == []
    assert [e.message for e in validator().iter_errors({"x-base": {}, "deployments": [document.value]})] == []


@pytest.mark.parametrize(
    "text",
    [
        "name: x\n",
        "name: x\nentrypoint: a.py\n",
        "name: x\nentrypoint: a.py:b\nqueu: y\n",
        "name: x\nentrypoint: a.py:b\nversion: 1\n",
        "name: x\nentrypoint: a.py:b\nschedule: {timezone: UTC}\n",
        "name: x\nentrypoint: a.py:b\ninfrastructure: {type: process, image: x}\n",
        "deployments: []\n",
        "queue: x\ndeployments: [{name: x, entrypoint: 'a.py:b'}]\n",
    ],
)
def test_the_schema_refuses_what_reading_refuses(tmp_path: Path, text: str) -> None:
    (tmp_path / "d.yaml").write_text(text)

    [document] = parse_documents(text, "d.yaml")
    assert not validator().is_valid(document.value)
    assert reading.read_files([(tmp_path / "d.yaml", True)]).problems


@pytest.mark.parametrize(
    ("entrypoint", "told"),
    [
        ("dmo.py:hello", "there is no file {folder}/dmo.py\n    Did you mean demo.py?"),
        ("demo.py:hello-world", "'hello-world' is the flow's name; the variable is hello: demo.py:hello"),
        ("demo.py:helo", "Did you mean demo.py:hello? Its flows: hello, other"),
        ("demo.py:NUMBER", "demo.py has no flow 'NUMBER'\n    Its flows: hello, other"),
        ("empty.py:hello", "It has no flow: a flow is a variable at the top of a file"),
        ("broken.py:hello", "broken.py cannot be loaded: ModuleNotFoundError: No module named 'nothing_like_this'"),
        ("broken.py:hello", "broken.py, line 1: import nothing_like_this"),
        ("exits.py:hello", "exits.py cannot be loaded"),
    ],
)
def test_an_entrypoint_that_leads_nowhere_says_what_there_is(tmp_path: Path, entrypoint: str, told: str) -> None:
    (tmp_path / "demo.py").write_text(
        "from homeport import flow\nNUMBER = 1\n"
        "@flow(name='hello-world')\ndef hello(): pass\n@flow\ndef other(): pass\n"
    )
    (tmp_path / "empty.py").write_text("")
    (tmp_path / "broken.py").write_text("import nothing_like_this\n")
    (tmp_path / "exits.py").write_text("import sys\nsys.exit(3)\n")

    with pytest.raises(InvalidDeployment) as refused:
        load(entrypoint, tmp_path, "here")

    assert told.format(folder=tmp_path) in str(refused.value)


def test_text_of_several_lines_and_odd_strings_come_back_as_they_were(tmp_path: Path) -> None:
    values = {"a": "two\nlines\n", "b": "trailing \nspace", "c": "yes", "d": "1.0", "e": "", "f": "ünï: # {", "g": None}

    build(file := tmp_path / "d.yaml", parameters=values)

    assert reading.read_file(file)[0].specification.parameters == values
    assert yaml_files.changed_text(file.read_text(), {}, name="demo", file="d.yaml") == file.read_text()


def test_as_many_are_registered_at_once_as_a_request_can_carry() -> None:
    small, large = {"name": "x"}, {"graph": "x" * (applying.BYTES_AT_ONCE // 2)}

    cuts = [list(_batches(inputs)) for inputs in ([small], [small] * 500, [small] * 501, [large, large, small])]

    assert cuts == [[slice(0, 1)], [slice(0, 500)], [slice(0, 500), slice(500, 501)], [slice(0, 1), slice(1, 3)]]


def test_the_reference_page_is_that_of_the_schema_and_its_examples_can_be_read(tmp_path: Path) -> None:
    committed = Path(__file__).parents[2] / "docs/reference/deployment-yaml.md"
    (tmp_path / "whole.yaml").write_text(reference.EXAMPLE)
    (tmp_path / "several.yaml").write_text(reference.SEVERAL)
    for kind, example in reference.EXAMPLES.items():
        (tmp_path / f"{kind}.yaml").write_text(f"name: {kind}\nentrypoint: hello.py:hello\n{example}")

    found = reading.read_files(reading.files_of([tmp_path]))

    assert committed.read_text(encoding="utf-8") == reference.page(), "make it anew: make schema"
    assert [problem.message for problem in found.problems] == []
    assert len(found.deployments) == 1 + 2 + len(reference.EXAMPLES)
    assert set(building.ORDER) == set(parse_documents(reference.EXAMPLE, "")[0].value), "the example has every key"
