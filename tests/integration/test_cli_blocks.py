"""The block commands against a real control plane: what they print, what they refuse, and how they end."""

from __future__ import annotations

import json

import pytest

from tests.services.api import Api
from tests.services.stack import Stack

HIDDEN = "hunter2-the-password"


@pytest.fixture
def name(stack: Stack) -> str:
    """A name that no other test has made a block of."""
    return stack.folder.name.replace("_", "-")


def test_a_block_is_made_listed_shown_changed_and_deleted(stack: Stack, name: str) -> None:
    block = f"docker-container/{name}"

    made = stack.cli(
        "block", "create", block, "--field", "image=team/flows:1", "--field", "privileged=true",
        "--field", 'env={"A": "1"}', "--field", "mem_limit=2g", "-f", "ports=[80, 443]",
    )  # fmt: skip
    shown = stack.json("block", "inspect", block)
    listed = stack.cli("block", "ls", "--type", "docker-container").stdout
    stack.cli("block", "update", block, "--field", "image=team/flows:2", "--unset", "mem_limit", "--unset", "ports")
    changed = stack.json("block", "inspect", block)
    stack.cli("block", "delete", block)
    gone = stack.cli("block", "inspect", block, expect=3)

    assert f"Created block {block}" in made.stderr
    assert shown["fields"] == {
        "image": "team/flows:1", "privileged": True, "env": {"A": "1"}, "mem_limit": "2g", "ports": [80, 443],
    }  # fmt: skip
    assert (shown["type"], shown["name"], shown["deployments"]) == ("docker-container", name, [])
    assert block in listed
    assert (changed["revision"], changed["fields"]) == (
        2,
        {"image": "team/flows:2", "privileged": True, "env": {"A": "1"}},
    )
    assert "homeport block create" in gone.stderr


def test_a_block_is_made_of_a_file_with_options_above_it_and_of_stdin(stack: Stack, name: str) -> None:
    (stack.code / "process.yaml").write_text("# of the night\nworking_dir: /srv\nenv:\n  LEVEL: debug\n")

    of_file = stack.json(
        "block", "create", f"process/{name}", "--from-file", "process.yaml", "--field", "working_dir=/work"
    )
    of_stdin = stack.cli(
        "block", "create", f"process/{name}", "--from-file", "-", "--overwrite", "--json", stdin='{"labels": ["gpu"]}'
    )

    assert of_file["fields"] == {"working_dir": "/work", "env": {"LEVEL": "debug"}}
    assert json.loads(of_stdin.stdout)["fields"] == {"labels": ["gpu"]}


@pytest.mark.parametrize(
    "arguments",
    [
        ["--secret", f"value={HIDDEN}"],
        ["--field", f"value={HIDDEN}"],
        ["--secret", f"value={HIDDEN}:with:colons"],
        ["--secret", HIDDEN],
        ["--from-file", "secret.yaml"],
    ],
)
def test_a_literal_secret_is_refused_with_the_command_that_keeps_it_and_is_not_shown(
    stack: Stack, name: str, arguments: list[str]
) -> None:
    (stack.code / "secret.yaml").write_text(f"value: {HIDDEN}\n")

    refused = stack.cli("block", "create", f"secret/{name}", *arguments, expect=2)

    assert HIDDEN not in refused.stdout + refused.stderr
    if arguments != ["--secret", HIDDEN]:
        assert f"keyring set homeport secret-{name}-value" in refused.stderr
        assert f"--secret value=keyring:secret-{name}-value" in refused.stderr
        assert "history" in refused.stderr
        assert ".env" in refused.stderr


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["create", "proces/x"], 3, "process"),
        (["create", "process"], 2, "TYPE/NAME"),
        (["create", "process/x", "--field", "working_dri=/x"], 2, "Did you mean working_dir?"),
        (["create", "process/x", "--field", "zzz=/x"], 2, "Fields: env, labels, working_dir"),
        (["create", "process/x", "--field", "working_dir=relative"], 2, "working_dir"),
        (["create", "docker-container/x", "--field", "ports=[eighty]"], 2, "ports"),
        (["create", "process/x", "--secret", "env=env:X"], 2, "no secret"),
        (["create", "folder/x"], 2, "path"),
        (["create", "process/x", "--from-file", "absent.yaml"], 2, "absent.yaml"),
        (["update", "process/absent", "--field", "working_dir=/x"], 3, "process/absent"),
        (["update", "process/absent"], 2, "Nothing to change"),
        (["delete", "process/absent"], 3, "process/absent"),
        (["check", "process/absent"], 3, "process/absent"),
        (["type", "inspect", "dokcer-container"], 3, "docker-container"),
    ],
)
def test_what_cannot_be_meant_is_refused_with_what_there_is(
    stack: Stack, arguments: list[str], code: int, said: str
) -> None:
    refused = stack.cli("block", *arguments, expect=code)

    assert said in refused.stderr
    assert refused.stdout == ""


def test_a_taken_name_is_a_conflict_and_a_near_name_is_suggested(stack: Stack, name: str) -> None:
    stack.cli("block", "create", f"string/{name}", "--field", "value=one")

    same = stack.cli("block", "create", f"string/{name}", "--field", "value=one")
    other = stack.cli("block", "create", f"string/{name}", "--field", "value=two", expect=1)
    near = stack.cli("block", "inspect", f"string/{name}x", expect=3)

    assert same.returncode == 0
    assert "--overwrite" in other.stderr
    assert f"Did you mean string/{name}?" in near.stderr


def test_a_check_tells_each_step_with_its_time_and_a_mend(stack: Stack, name: str) -> None:
    (stack.folder / "a-file").write_text("")
    stack.cli("block", "create", f"folder/{name}", "--field", f"path={stack.folder / 'kept'}")
    stack.cli("block", "create", f"folder/{name}-bad", "--field", f"path={stack.folder / 'a-file' / 'below'}")

    good = stack.json("block", "check", f"folder/{name}")
    table = stack.cli("block", "check", f"local-file-system/{name}").stdout
    bad = stack.cli("block", "check", f"folder/{name}-bad", expect=1)
    bad_json = json.loads(stack.cli("block", "check", f"folder/{name}-bad", "--json", expect=1).stdout)

    assert (good["ok"], good["mend"]) == (True, "")
    tried = {step["name"]: step for step in good["steps"]}
    assert {"reachable", "authenticated", "write", "read"} <= set(tried)
    assert tried["write"]["milliseconds"] > 0
    assert "write\tok\t" in table
    assert "a-file" in bad.stdout
    assert "hint:" in bad.stderr
    assert (bad_json["ok"], bad_json["mend"] != "") == (False, True)


def test_a_check_resolves_references_on_this_machine_and_shows_no_value(stack: Stack, name: str) -> None:
    variable = f"SECRET_{name.upper().replace('-', '_')}"
    stack.cli("block", "create", f"secret/{name}", "--secret", f"value=env:{variable}")

    there = stack.cli("block", "check", f"secret/{name}", **{variable: HIDDEN})
    absent = stack.cli("block", "check", f"secret/{name}", expect=1)
    stack.cli("block", "update", f"secret/{name}", "--secret", f"value=file:{stack.folder}/s")
    (stack.folder / "s").write_text(HIDDEN)
    (stack.folder / "s").chmod(0o600)
    rotated = stack.cli("block", "check", f"secret/{name}")

    assert f"env:{variable} is there" in there.stdout
    assert f"export {variable}=..." in absent.stderr
    assert f"file:{stack.folder}/s is there" in rotated.stdout
    assert HIDDEN not in there.stdout + there.stderr + rotated.stdout


def test_types_are_listed_and_shown_with_their_secrets_and_an_example(stack: Stack) -> None:
    listed = stack.cli("block", "type", "ls").stdout
    shown = stack.cli("block", "type", "inspect", "secret")
    known = {node["slug"]: node for node in stack.json("block", "type", "ls")}

    assert "docker-container\tDocker container" in listed
    assert "value\tsecret\tyes" in shown.stdout
    assert "homeport block create secret/NAME --secret value=keyring:NAME" in shown.stderr
    assert known["folder"]["storage"]
    assert known["secret"]["secrets"] == ["value"]


def test_a_shell_completes_types(stack: Stack) -> None:
    done = stack.cli(_HOMEPORT_COMPLETE="bash_complete", COMP_WORDS="homeport block create docker-c", COMP_CWORD="3")

    assert done.stdout.strip() == "plain,docker-container/"


def test_a_shell_completes_names_of_blocks_and_says_nothing_where_nobody_answers(stack: Stack, name: str) -> None:
    stack.cli("block", "create", f"string/{name}", "--field", "value=x")
    words = {"_HOMEPORT_COMPLETE": "bash_complete", "COMP_CWORD": "3"}

    known = stack.cli(**words, COMP_WORDS=f"homeport block inspect string/{name[:12]}")
    stored = stack.cli(**words, COMP_WORDS=f"homeport register -sb string/{name[:12]}")
    away = stack.cli(**words, COMP_WORDS="homeport block inspect string/", HOMEPORT_API_URL="http://127.0.0.1:9")
    nobody = stack.cli(**words, COMP_WORDS="homeport block inspect string/", HOMEPORT_API_KEY="")

    assert f"plain,string/{name}" in known.stdout.splitlines()
    assert f"plain,string/{name}" in stored.stdout.splitlines()
    assert "".join((away.stdout, away.stderr, nobody.stdout, nobody.stderr)).strip() == ""


def test_a_viewer_may_look_and_a_key_of_an_agent_may_not(stack: Stack, name: str) -> None:
    viewer = stack.cli("auth", "create-key", "-n", "v", "--role", "viewer", "--quiet").stdout.strip()
    agent = stack.cli("auth", "create-key", "-n", "a", "--role", "agent", "--quiet").stdout.strip()

    stack.cli("block", "create", f"string/{name}", "--field", "value=x")
    seen = stack.cli("block", "inspect", f"string/{name}", HOMEPORT_API_KEY=viewer)
    stack.cli("block", "delete", f"string/{name}", expect=4, HOMEPORT_API_KEY=viewer)
    stack.cli("block", "inspect", f"string/{name}", expect=4, HOMEPORT_API_KEY=agent)

    assert "value" in seen.stdout


def test_the_doctor_notes_blocks_in_use_whose_secrets_are_not_on_this_machine(own_stack: Stack) -> None:
    own_stack.write_flow("pyproject.toml", "")
    own_stack.write_flow("f.py", "from homeport import flow\n\n@flow\ndef f():\n    pass\n")
    own_stack.cli("create", "project", "P")
    own_stack.cli("block", "create", "folder/used", "--field", f"path={own_stack.folder / 'kept'}")
    own_stack.cli("register", "--project", "P", "-p", "f.py", HOMEPORT_STORAGE_BLOCK="folder/used")
    other = "{ createBlock(input: {type: {slug: %s, title: %s, schema: {}, secretFields: [%s], version: %s},"
    api = Api(own_stack.url, own_stack.control_plane.admin_key)
    api.ask("mutation " + other % ('"far"', '"Far"', '"key"', '"1"') + ' name: "away"}) { __typename } }')
    api.deployment("Q", storage={"kind": "far", "block": "far/away"})

    seen = own_stack.cli("doctor", expect=None, HOMEPORT_STORAGE_BLOCK="folder/used").stdout
    absent = own_stack.cli("doctor", expect=1, HOMEPORT_STORAGE_BLOCK="folder/absent").stdout

    assert "ok       storage: the block folder/used" in seen
    assert "note     block far/away: 1 deployment could not be fetched" in seen
    assert "homeport block check far/away" in seen
    assert "problem  storage: There is no block folder/absent" in absent
