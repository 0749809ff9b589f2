"""Reading deployments: nothing in a file makes an object or grows without end, and each mistake has its line."""

import time
from pathlib import Path
from typing import Any

import pytest

from homeport.deployments import reading
from homeport.deployments.problems import InvalidDeployment
from homeport.deployments.specification import KEYS
from homeport.deployments.yaml_documents import Document, parse_documents, read_documents

GOOD = """\
name: nightly
entrypoint: demo.py:hello
"""
LAUGHS = "\n".join(
    ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    + [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 9)]
)


def refused(text: str) -> str:
    with pytest.raises(InvalidDeployment) as told:
        parse_documents(text, "d.yaml")
    return str(told.value)


def read(tmp_path: Path, text: str) -> reading.Found:
    file = tmp_path / "d.yaml"
    file.write_text(text)
    return reading.read_files([(file, True)])


def problems(tmp_path: Path, text: str) -> list[str]:
    return [str(problem).removeprefix(f"{tmp_path}/") for problem in read(tmp_path, text).problems]


def said(tmp_path: Path, text: str) -> dict[str, Any]:
    found = read(tmp_path, text)
    assert found.problems == []
    return found.deployments[0].specification.model_dump(exclude_unset=True)


@pytest.mark.parametrize(
    "tag", ["!!python/object:os.system", "!!python/object/apply:os.system", "!!binary", "!mine", "!!set", "!!omap"]
)
def test_a_tag_is_refused_with_its_line(tag: str) -> None:
    assert refused(f"name: x\nparameters:\n  a: {tag} [ls]\n").startswith("d.yaml:3:6: the tag ")


def test_a_key_that_is_there_twice_is_refused_with_both_lines() -> None:
    text = refused("name: x\nparameters:\n  a: 1\n  b: 2\n  a: 3\n")

    assert text == "d.yaml:5:3: the key 'a' is here twice; it was in line 3"


@pytest.mark.parametrize("text", [LAUGHS, "a: &a [*a]", "a: &a {b: {c: *a}}"], ids=["laughs", "itself", "below itself"])
def test_aliases_that_grow_without_end_are_refused_soon(text: str) -> None:
    started = time.process_time()

    message = refused(text)

    assert "aliases" in message or "contains itself" in message
    assert time.process_time() - started < 2


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("[" * 50_000, "nested more than"),
        ("a: " * 10_000, "not YAML"),
        ("- a\n" * 100_000, "more than"),
        ("a: \x00", "control character"),
        ("a: [1, 2", "d.yaml:1:9: this is not YAML"),
        ("a: b: c", "d.yaml:1:5: this is not YAML: mapping values are not allowed here"),
        ("? [a]\n: b", "a key is text"),
        ("1: b", "a key is text, and this one is '1'\n    Put it in quotes."),
        ("a: .inf", "no number that JSON knows"),
        ("a: 123456789012345678901234567890", "no number that JSON knows"),
        ("<<: 5", "after << stands a mapping"),
    ],
)
def test_what_is_no_plain_yaml_is_refused_with_its_place_and_soon(text: str, why: str) -> None:
    started = time.process_time()

    assert why in refused(text)
    assert time.process_time() - started < 5


def test_a_file_that_is_too_large_or_no_text_is_refused_unparsed(tmp_path: Path) -> None:
    (large := tmp_path / "large.yaml").write_text("a: b # " + "x" * 600_000)
    (latin := tmp_path / "latin.yaml").write_bytes(b"name: ok\ndescription: caf\xe9\n")

    with pytest.raises(InvalidDeployment, match="larger than 512 KiB"):
        read_documents(large)
    with pytest.raises(InvalidDeployment, match=r"latin.yaml:2:1: this is not UTF-8"):
        read_documents(latin)


def test_values_are_those_of_json_and_dates_stay_what_is_written() -> None:
    [document] = parse_documents("d: 2022-09-01\ny: yes\nn: 0o17\nf: 1.5\nnone: ~\nt: 'x'\n", "d.yaml")

    assert document.value == {"d": "2022-09-01", "y": "yes", "n": 15, "f": 1.5, "none": None, "t": "x"}


def test_merge_keys_and_anchors_are_written_out_and_point_to_their_own_lines() -> None:
    [document] = parse_documents("x-base: &base\n  queue: q\n  name: b\none:\n  <<: *base\n  name: mine\n", "d.yaml")

    assert document.value["one"] == {"queue": "q", "name": "mine"}
    assert document.at(("one", "name")) == "d.yaml:6:9"


def test_the_place_of_what_is_not_written_is_that_of_what_holds_it() -> None:
    document = Document("d.yaml", {}, {(): (1, 1), ("a",): (2, 3)}, {("a",): (2, 1)})

    assert document.at(("a", "b", "c")) == "d.yaml:2:3"
    assert document.at(("a",), key=True) == "d.yaml:2:1"


@pytest.mark.parametrize(
    ("more", "told"),
    [
        ("nam: x\n", "d.yaml:3:1: there is no key 'nam'\n    Did you mean 'name'?"),
        ("work_queue: x\n", "d.yaml:3:1: there is no key 'work_queue'\n    Did you mean 'queue'?"),
        ("version: 1.2\n", "d.yaml:3:10: `version` must be text, found the number 1.2\n    Put it in quotes: '1.2'"),
        ("version: true\n", "d.yaml:3:10: `version` must be text, found true\n    Put it in quotes: 'true'"),
        ("tags: etl\n", "d.yaml:3:7: `tags` must be a list, found the text 'etl'"),
        ("parameters: [a]\n", "d.yaml:3:13: `parameters` must be a mapping (name: value), found a list"),
        (
            "schedule: {cron: '61 * * * *'}\n",
            "d.yaml:3:18: The cron expression '61 * * * *' cannot be read: Bad minute.",
        ),
        ("schedule: {cron: '0 0 30 2 *'}\n", "cannot be read"),
        ("schedule: {timezone: UTC}\n", "d.yaml:3:11: `schedule` must have one of cron, interval, rrule"),
        ("schedule: {interval: 0.000001}\n", "d.yaml:3:22: An interval is between a second and ten years"),
        ("schedule: {interval: 1e99}\n", "An interval is between"),
        ("schedule: {cron: '@daily', timezone: Europe/Belin}\n", "d.yaml:3:38: There is no time zone 'Europe/Belin'"),
        ("schedule:\n  - cron: '@daily'\n  - rrule: FREQ=DAYLY\n", "d.yaml:5:12: The RRULE"),
        ("schedule: {cron: '@daily', day: 1}\n", "d.yaml:3:28: there is no key 'day' in schedule"),
        ("infrastructure: {type: procss}\n", "d.yaml:3:24: `infrastructure.type` must be one of process"),
        ("infrastructure: {type: process, env: {A: 1}}\n", "d.yaml:3:42: `infrastructure.env.A` must be text"),
        ("infrastructure: {type: process, wrking_dir: /x}\n", "Did you mean 'working_dir'?"),
        ("infrastructure: process\n", "must be TYPE/NAME of a block"),
        ("storage: smb\n", "d.yaml:3:10: `storage` must be TYPE/NAME of a block, found 'smb'"),
        ("on_lost: never\n", "`on_lost`"),
        ("parameters: {a: 'AKIAABCDEFGHIJKLMNOP'}\n", "the value of parameters.a looks like a secret"),
        ("overrides: {env: {DB_PASSWORD: x}}\n", "the value of overrides.env.DB_PASSWORD is called 'DB_PASSWORD'"),
        ("description: 'https://ada:pw@host/x'\n", "the value of description looks like a secret"),
    ],
)
def test_a_mistake_is_told_with_its_line_and_mend(tmp_path: Path, more: str, told: str) -> None:
    found = problems(tmp_path, GOOD + more)

    assert len(found) == 1
    assert told in found[0]


def test_every_mistake_of_every_document_is_told_at_once(tmp_path: Path) -> None:
    found = problems(tmp_path, "name: x\nversion: 1\n---\nentrypoint: demo\n---\n- 1\n")

    assert [line.split(" ")[0] for line in found] == [
        "d.yaml:1:1:", "d.yaml:2:10:", "d.yaml:4:1:", "d.yaml:4:13:", "d.yaml:6:1:",
    ]  # fmt: skip
    assert any("`entrypoint` is missing" in line for line in found)


def test_a_secret_is_never_repeated(tmp_path: Path) -> None:
    text = GOOD + "overrides: {env: {TOKEN: hunter2}, image: 'ghp_abcdefghijklmnopqrstuvwxyz0123456789'}\n"

    assert len(found := problems(tmp_path, text)) == 2
    assert "hunter2" not in "".join(found)
    assert "ghp_" not in "".join(found)


def test_references_to_secrets_and_innocent_names_are_not_taken_for_secrets(tmp_path: Path) -> None:
    text = GOOD + "overrides: {env: {DB_PASSWORD: 'env:DB', TOKEN_COUNT: '5', SECRET_NAME: db}}\nparameters: {key: x}\n"

    found = read(tmp_path, text)

    assert found.problems == []
    assert [note.message for note in found.deployments[0].notes] == [
        "overrides.env.DB_PASSWORD is passed as it stands, as a reference. The flow has what it names by "
        "homeport.secrets.resolve(os.environ['DB_PASSWORD']).get()"
    ]


def test_a_parameter_that_is_called_like_a_secret_is_warned_about(tmp_path: Path) -> None:
    found = read(tmp_path, GOOD + "parameters: {api_token: abc}\n")

    assert found.problems == []
    assert "parameters.api_token" in str(found.deployments[0].notes[0])


def test_several_deployments_stand_in_documents_or_in_a_list_with_shared_parts(tmp_path: Path) -> None:
    file = tmp_path / "several.yaml"
    file.write_text(
        "x-shared: &shared\n  entrypoint: demo.py:hello\n  queue: q\n"
        "deployments:\n  - {<<: *shared, name: a}\n  - {<<: *shared, name: b, queue: r}\n"
        "---\nname: c\nentrypoint: demo.py:other\n"
    )

    found = reading.read_file(file)

    assert [(one.specification.name, one.specification.queue) for one in found] == [("a", "q"), ("b", "r"), ("c", None)]
    assert found[1].at("name") == f"{file}:6:25"


def test_what_stands_beside_the_list_is_refused_once(tmp_path: Path) -> None:
    found = problems(
        tmp_path, "queue: q\ndeployments:\n  - {name: a, entrypoint: 'd.py:x'}\n  - {name: b, entrypoint: 'd.py:x'}\n"
    )

    assert len(found) == 1
    assert found[0].startswith("d.yaml:1:1: the key 'queue' stands beside `deployments`")


def test_two_descriptions_of_one_deployment_are_refused_with_both_places(tmp_path: Path) -> None:
    found = problems(tmp_path, f"{GOOD}---\n{GOOD}")

    assert "d.yaml:4:7: the deployment 'nightly' of this flow is described twice; first at" in found[0]
    assert "d.yaml:1:7" in found[0]


def test_changes_of_the_command_line_stand_above_the_file_and_are_checked_alike(tmp_path: Path) -> None:
    file = tmp_path / "d.yaml"
    file.write_text(GOOD + "parameters: {a: 1, b: 2}\n")

    good = reading.read_files([(file, True)], changes={"parameters": {"b": 3}, "overrides": {"env": {"L": "x"}}})
    bad = reading.read_files([(file, True)], changes={"overrides": {"env": {"API_KEY": "x"}}})

    assert good.deployments[0].specification.parameters == {"a": 1, "b": 3}
    assert good.deployments[0].specification.overrides == {"env": {"L": "x"}}
    assert "overrides.env.API_KEY" in str(bad.problems[0])


def test_a_folder_is_read_whole_and_what_holds_no_deployment_is_named(tmp_path: Path) -> None:
    (tmp_path / "sub").mkdir()
    (tmp_path / ".hidden").mkdir()
    (tmp_path / "a.yaml").write_text(GOOD)
    (tmp_path / "sub/b.yml").write_text(GOOD.replace("nightly", "hourly"))
    (tmp_path / ".hidden/c.yaml").write_text("not: one")
    (tmp_path / "compose.yaml").write_text("services: {}")

    found = reading.read_files(reading.files_of([tmp_path]))

    assert [one.specification.name for one in found.deployments] == ["nightly", "hourly"]
    assert [file.name for file in found.others] == ["compose.yaml"]
    assert found.problems == []


def test_a_file_that_is_missing_empty_or_no_deployment_is_a_mistake_where_it_was_named(tmp_path: Path) -> None:
    (tmp_path / "empty.yaml").write_text("# nothing\n")
    (tmp_path / "other.yaml").write_text("services: {}")

    empty = reading.read_files([(tmp_path / "empty.yaml", True)])
    other = reading.read_files([(tmp_path / "other.yaml", True)])

    assert "there is no deployment in this file" in str(empty.problems[0])
    assert any("there is no key 'services'" in str(problem) for problem in other.problems)
    with pytest.raises(InvalidDeployment, match="there is no such file"):
        reading.files_of([tmp_path / "missing.yaml"])
    (tmp_path / "folder").mkdir()
    with pytest.raises(InvalidDeployment, match=r"no \.yaml file in this folder"):
        reading.files_of([tmp_path / "folder"])


def test_a_control_character_or_a_name_that_moves_the_cursor_is_refused(tmp_path: Path) -> None:
    assert "control character" in problems(tmp_path, 'name: "\x1b[2J"\nentrypoint: a.py:b\n')[0]
    assert "begin or end with a space" in problems(tmp_path, "name: ' x'\nentrypoint: a.py:b\n")[0]


def test_all_that_can_be_said_is_read(tmp_path: Path) -> None:
    text = GOOD + (
        "flow: hello\nproject: P\ndescription: |\n  Two\n  lines\nversion: '1'\ntags: [a]\nqueue: q\nlabels: [gpu]\n"
        "parameters: {a: [1, {b: null}]}\nschedule: {interval: 60, anchor_date: 2026-01-01T00:00:00Z}\n"
        "schedule_active: false\nstorage: smb/test/sub\npath: p\nroot: ..\n"
        "infrastructure: {type: docker-container, image: x, volumes: ['/a:/b'], env: {A: b}, labels: [l]}\n"
        "overrides: {image: y}\non_lost: retry\n"
    )

    assert set(said(tmp_path, text)) == set(KEYS)
