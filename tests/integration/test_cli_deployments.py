"""`homeport deployment` against a real control plane: what a person types, what they read, and what stands then."""

import asyncio
import json
import shutil
import subprocess
import sys
import threading
from collections.abc import Coroutine
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import asyncpg
import pytest

from homeport.cli.failures import guarded
from homeport.cli.main import cli
from tests.services.fault_proxy import FaultProxy
from tests.services.stack import Stack
from tests.services.waiting import eventually

FLOWS = """
    from homeport import flow

    @flow
    def hello_world(name: str = "world", n: int = 3):
        \"\"\"Says hello.\"\"\"
        print(name)

    @flow(name="other flow")
    def other(when: str):
        pass
"""
SAMPLES = Path(__file__).parents[1] / "data/prefect_deployments"


@pytest.fixture
def desk(stack: Stack) -> Stack:
    """A user with two flows, and a project of their own in which nothing is yet."""
    stack.write_flow("demo.py", FLOWS)
    stack.cli("create", "project", project(stack))
    return stack


def project(desk: Stack) -> str:
    return f"P {desk.folder.name}"


def deployment(desk: Stack, *arguments: str, expect: int | None = 0, **more: Any) -> subprocess.CompletedProcess[str]:
    return desk.cli("deployment", *arguments, expect=expect, HOMEPORT_PROJECT=project(desk), **more)


def listed(desk: Stack) -> dict[str, Any]:
    found = desk.json("deployment", "ls", "--project", project(desk), "--limit", "500")
    return {f"{one['flow']['name']}/{one['name']}": one for one in found}


def write(desk: Stack, name: str, text: str) -> None:
    path = desk.code / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def test_a_deployment_is_built_applied_run_paused_scheduled_and_deleted(desk: Stack) -> None:
    name = f"{project(desk)}/hello-world/nightly"
    built = deployment(desk, "build", "demo.py:hello_world", "-n", "nightly", "-q", f"q-{desk.folder.name}",
                       "-t", "etl",
                       "--param", "n=5", "--cron", "0 3 * * *", "--timezone", "Europe/Berlin", "-v", "1.2")  # fmt: skip
    applied = deployment(desk, "apply", "hello_world-deployment.yaml")
    again = deployment(desk, "apply", "hello_world-deployment.yaml")

    assert "Found flow 'hello-world'" in built.stderr
    assert built.stdout.splitlines() == [str(desk.code / "hello_world-deployment.yaml")]
    assert applied.stdout.splitlines()[-4:-2][0] == "hello-world/nightly... Done"
    assert "1 applied, 0 skipped" in applied.stdout
    assert "hello-world/nightly... Skipped (unchanged)" in again.stdout
    [one] = listed(desk).values()
    assert (one["tags"], one["version"], one["parameters"]) == (["etl"], "1.2", {"n": 5})
    assert one["description"] == "Says hello."
    assert one["schedule"]["clocks"][0]["timezone"] == "Europe/Berlin"

    run = deployment(desk, "run", name, "--param", "name=Ada", "--json").stdout
    assert json.loads(run)["parameters"] == {"n": 5, "name": "Ada"}
    shown = deployment(desk, "inspect", name).stdout
    assert "demo.py:hello_world" in shown

    hourly = {"type": "interval", "timezone": "UTC", "seconds": 3600.0, "anchor": "2026-01-01T00:00:00+00:00"}
    for command, key, value in (
        (("pause",), "paused", True),
        (("resume",), "paused", False),
        (("pause-schedule",), "scheduleActive", False),
        (("resume-schedule",), "scheduleActive", True),
        (("set-schedule", "--interval", "3600", "--anchor-date", "2026-01-01T00:00:00+00:00"), "schedule",
         {"clocks": [hourly]}),
        (("clear-schedule",), "schedule", None),
    ):  # fmt: skip
        deployment(desk, command[0], name, *command[1:])
        assert listed(desk)["hello-world/nightly"][key] == value, command

    deployment(desk, "delete", name, expect=2)
    deleted = deployment(desk, "delete", name, "--yes")
    assert "Cancelled 1 waiting runs." in deleted.stderr
    assert listed(desk) == {}
    assert desk.json("flow-run", "inspect", json.loads(run)["id"])["state"]["name"] == "Cancelled"
    deployment(desk, "inspect", name, expect=3)


def test_a_mistake_in_the_third_file_leaves_nothing_half_done(desk: Stack) -> None:
    for number in range(4):
        write(desk, f"deployments/d{number}.yaml", f"name: d{number}\nentrypoint: demo.py:hello_world\nroot: ..\n")
    write(desk, "deployments/d2.yaml", "name: d2\nroot: ..\nentrypoint: demo.py:gone\nqueu: x\n")
    write(desk, "deployments/d3.yaml", "name: d3\nroot: ..\nentrypoint: demo.py:hello_world\nparameters: {nme: x}\n")

    failed = deployment(desk, "apply", "deployments/", expect=2)

    assert "deployments/d2.yaml:4:1: there is no key 'queu'" in failed.stderr
    assert "deployments/d3.yaml:4:14: the flow 'hello-world' takes no parameter 'nme'" in failed.stderr
    assert "Did you mean 'name'?" in failed.stderr
    assert "2 problems. Nothing was sent." in failed.stderr
    assert listed(desk) == {}
    assert not (desk.home / "storage").exists()


def test_what_only_the_control_plane_refuses_is_told_with_the_files_line_before_code_is_stored(desk: Stack) -> None:
    write(desk, "d.yaml", "name: a\nentrypoint: demo.py:hello_world\n---\nname: b\nentrypoint: demo.py:hello_world\n"
          "parameters:\n  n: many\n---\nname: c\nentrypoint: demo.py:other\nschedule:\n  cron: '@daily'\n")  # fmt: skip

    failed = deployment(desk, "apply", "d.yaml", expect=2)

    assert "d.yaml:7:6: parameters.n: " in failed.stderr
    assert "d.yaml:12:3: schedule" in failed.stderr or "d.yaml:12:9: schedule" in failed.stderr
    assert listed(desk) == {}
    assert not (desk.home / "storage").exists()


@pytest.mark.parametrize(
    ("said", "told", "hint"),
    [
        ("storage: smb/nowhere", "There is no block smb/nowhere", "homeport block ls"),
        ("storage: process/nowhere", "is no storage", "homeport block ls"),
        ("storage: samba/x", "There is no block samba/x", "homeport block ls"),
        ("infrastructure: docker-container/nowhere", "There is no block docker-container/nowhere", "homeport block ls"),
        ("project: Nowhere", "No project 'Nowhere'", "homeport create project"),
        ("flow: hello", "the flow of demo.py:hello_world is called 'hello-world'", "flow: hello-world"),
        (
            "overrides: {wrking_dir: /x}",
            "d.yaml:3:13: the infrastructure process has no field 'wrking_dir'",
            "working_dir",
        ),
        ("overrides: {working_dir: [x]}", "d.yaml:3:13: these overrides do not fit: working_dir: ", ""),
        ("overrides: {type: docker}", "there is no infrastructure 'docker'", "docker-container"),
        ("root: nowhere", "there is no file", ""),
    ],
)
def test_what_a_file_names_and_is_not_there_is_told_with_its_line(desk: Stack, said: str, told: str, hint: str) -> None:
    write(desk, "d.yaml", f"name: a\nentrypoint: demo.py:hello_world\n{said}\n")

    failed = deployment(desk, "apply", "d.yaml", expect=2)

    assert told.lower() in failed.stderr.lower()
    assert hint in failed.stderr
    assert "d.yaml:" in failed.stderr
    assert listed(desk) == {}


def test_several_are_applied_with_changes_told_as_json_and_a_dry_run_changes_nothing(desk: Stack) -> None:
    write(desk, "deployments/all.yaml", "deployments:\n  - {name: a, entrypoint: 'demo.py:hello_world', root: ..}\n"
          "  - {name: b, entrypoint: 'demo.py:other', root: .., parameters: {when: now}}\n")  # fmt: skip
    write(desk, "deployments/compose.yml", "services: {}\n")

    tried = deployment(desk, "apply", "deployments", "--dry-run")
    before = listed(desk)
    made = json.loads(deployment(desk, "apply", "deployments", "--override", "env.LEVEL=debug", "--json").stdout)

    assert "hello-world/a... Would change" in tried.stdout
    assert "compose.yml: there is no deployment in it; left out." in tried.stderr
    assert before == {}
    assert [(one["flow"], one["name"], one["changed"]) for one in made] == [
        ("hello-world", "a", True), ("other flow", "b", True),
    ]  # fmt: skip
    inspected = desk.json("deployment", "inspect", made[0]["id"])
    assert inspected["runConfig"]["env"] == {"LEVEL": "debug"}


def test_a_new_schedule_in_the_file_makes_no_new_version_of_the_flow(desk: Stack) -> None:
    deployment(desk, "build", "demo.py:hello_world", "-n", "a", "-a")
    first = listed(desk)["hello-world/a"]

    deployment(desk, "build", "demo.py:hello_world", "-n", "a", "--cron", "@daily", "-a")

    second = listed(desk)["hello-world/a"]
    assert second["schedule"]["clocks"][0]["cron"] == "0 0 * * *"
    assert second["flowVersion"]["number"] == first["flowVersion"]["number"] == 1


def test_a_pause_by_hand_outlives_an_apply_that_does_not_speak_of_it(desk: Stack) -> None:
    deployment(desk, "build", "demo.py:hello_world", "-n", "a", "--cron", "@daily", "-a")
    deployment(desk, "pause-schedule", f"{project(desk)}/hello-world/a")

    deployment(desk, "build", "demo.py:hello_world", "-n", "a", "--cron", "@hourly", "-a")
    left = listed(desk)["hello-world/a"]["scheduleActive"]
    (desk.code / "hello_world-deployment.yaml").open("a").write("schedule_active: true\n")
    deployment(desk, "apply", "hello_world-deployment.yaml")

    assert (left, listed(desk)["hello-world/a"]["scheduleActive"]) == (False, True)


def test_a_file_in_a_folder_of_its_own_finds_the_code_by_its_root(desk: Stack) -> None:
    desk.write_flow("pyproject.toml", "")
    desk.write_flow("flows/etl.py", FLOWS)
    (desk.code / "deployments").mkdir()

    deployment(desk, "build", "flows/etl.py:hello_world", "-n", "a", "-o", "deployments/etl.yaml", "--skip-upload")
    deployment(desk, "apply", "deployments/etl.yaml")

    text = (desk.code / "deployments/etl.yaml").read_text()
    assert "root: ..\n" in text
    assert "entrypoint: flows/etl.py:hello_world\n" in text
    assert desk.json("deployment", "inspect", listed(desk)["hello-world/a"]["id"])["flowVersion"]["entrypoint"] == (
        "flows/etl.py:hello_world"
    )


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["demo.py", "-n", "a"], "Its flows: demo.py:hello_world, demo.py:other"),
        (["demo.py:hello-world", "-n", "a"], "the variable is hello_world: demo.py:hello_world"),
        (["dmo.py:hello_world", "-n", "a"], "Did you mean demo.py?"),
        (["demo.py:hello_world"], "--name"),
        (["demo.py:hello_world", "-n", "a", "--cron", "61 * * * *"], "Bad minute"),
        (["demo.py:hello_world", "-n", "a", "--cron", "@daily", "--interval", "60"], "--cron and --interval both"),
        (["demo.py:hello_world", "-n", "a", "--timezone", "UTC"], "--timezone says nothing by itself"),
        (["demo.py:hello_world", "-n", "a", "--cron", "@daily", "--timezone", "Mars"], "There is no time zone 'Mars'"),
        (["demo.py:hello_world", "-n", "a", "--param", "nme=x"], "takes no parameter 'nme'"),
        (["demo.py:hello_world", "-n", "a", "--params", "[1]"], "--params is no JSON object"),
        (["demo.py:hello_world", "-n", "a", "--override", "env"], "is not KEY=VALUE"),
        (["demo.py:hello_world", "-n", "a", "--override", "env.DB_PASSWORD=hunter2"], "seems to be a secret"),
        (["demo.py:hello_world", "-n", "a", "-i", "process", "-ib", "process/x"], "both say what runs it"),
        (["demo.py:hello_world", "-n", "a", "-sb", "smb/nowhere"], "There is no block smb/nowhere"),
        (["demo.py:hello_world", "-n", "a", "-o", "nowhere/d.yaml"], "nowhere"),
    ],
)
def test_a_build_that_cannot_be_writes_nothing_and_says_why(desk: Stack, arguments: list[str], told: str) -> None:
    failed = deployment(desk, "build", *arguments, expect=None)

    assert failed.returncode in (1, 2)
    assert told in failed.stderr
    assert "hunter2" not in failed.stderr
    assert list(desk.code.glob("**/*.yaml")) == []


def test_the_yaml_of_prefect_is_applied_as_it_is_and_converted_when_asked(desk: Stack) -> None:
    shutil.copy(SAMPLES / "plain.yaml", desk.code / "plain-deployment.yaml")

    applied = deployment(desk, "apply", "plain-deployment.yaml")
    converted = deployment(desk, "convert", "plain-deployment.yaml", "-o", "our-deployment.yaml")
    again = deployment(desk, "apply", "our-deployment.yaml")

    assert "hello-world/demo_smb... Done" in applied.stdout
    assert "rather than from /home/ada/flows" in applied.stderr
    assert "our-deployment.yaml" in converted.stderr
    assert "flow_name" not in (desk.code / "our-deployment.yaml").read_text()
    assert "Skipped (unchanged)" in again.stdout


def test_what_cannot_be_converted_is_told_and_nothing_is_written(desk: Stack) -> None:
    shutil.copy(SAMPLES / "share-process.yaml", desk.code / "d.yaml")

    failed = deployment(desk, "convert", "d.yaml", "--in-place", expect=2)

    assert "d.yaml:25:18: the value of infrastructure.env.DB_PASSWORD is called" in failed.stderr
    assert "hunter2" not in failed.stderr
    assert (desk.code / "d.yaml").read_bytes() == (SAMPLES / "share-process.yaml").read_bytes()


def test_names_that_lead_nowhere_suggest_those_that_are_near(desk: Stack) -> None:
    deployment(desk, "build", "demo.py:hello_world", "-n", "nightly", "-a")

    near = deployment(desk, "run", "hello_world/nightly", expect=3)
    flow_only = deployment(desk, "run", "hello-world", expect=2)
    nothing = deployment(desk, "run", expect=2)
    by_id = deployment(desk, "run", "--id", listed(desk)["hello-world/nightly"]["id"], "-q")

    assert "Did you mean hello-world/nightly" in near.stderr
    assert "hello-world/nightly" in flow_only.stderr
    assert "Give FLOW/NAME" in nothing.stderr
    assert len(by_id.stdout.strip()) == 36


def test_a_reply_that_is_lost_after_all_were_registered_costs_nothing(desk: Stack) -> None:
    write(desk, "d.yaml", "name: a\nentrypoint: demo.py:hello_world\n---\nname: b\nentrypoint: demo.py:hello_world\n")

    with FaultProxy(desk.url) as proxy:
        proxy.drop_reply('"dryRun":false')
        once = deployment(desk, "apply", "d.yaml", HOMEPORT_API_URL=proxy.url)
        assert proxy.dropped == 1
        proxy.drop_reply('"dryRun":false', times=100)
        lost = deployment(desk, "apply", "d.yaml", "--force", HOMEPORT_API_URL=proxy.url, expect=5)
    again = deployment(desk, "apply", "d.yaml")

    assert "applied" in once.stdout
    assert "Apply again" in lost.stderr or "hint:" in lost.stderr
    assert "0 applied, 2 skipped" in again.stdout
    assert b"def hello_world" not in proxy.recorded


def many(desk: Stack, count: int, last_project: str) -> None:
    """A folder of so many deployments, of which the 110th is in another project."""
    for number in range(count):
        where = last_project if number == 109 else project(desk)
        text = f"name: d{number:03}\nentrypoint: demo.py:hello_world\nroot: ..\nproject: {where}\n"
        write(desk, f"deployments/d{number:03}.yaml", text)


def test_of_a_hundred_and_twenty_none_is_registered_when_one_is_refused_before_code_is_stored(desk: Stack) -> None:
    many(desk, 120, "Nowhere")

    failed = deployment(desk, "apply", "deployments/", expect=2)

    assert "deployments/d109.yaml:4:10: no project 'Nowhere'" in failed.stderr
    assert "Nothing was sent." in failed.stderr
    assert listed(desk) == {}
    assert not (desk.home / "storage").exists()


def test_of_a_hundred_and_twenty_none_is_registered_when_one_cannot_be_any_more_after_all_were_checked(
    desk: Stack,
) -> None:
    doomed = f"{project(desk)} doomed"
    desk.cli("create", "project", doomed)
    many(desk, 120, doomed)

    with FaultProxy(desk.url) as proxy:
        proxy.before('"dryRun":false', lambda: desk.cli("delete", "project", doomed, "--yes"))
        failed = deployment(desk, "apply", "deployments/", HOMEPORT_API_URL=proxy.url, expect=2)
    nothing = listed(desk)
    desk.cli("create", "project", doomed)
    done = deployment(desk, "apply", "deployments/")
    short = desk.cli("deployment", "ls", "--project", project(desk))

    assert "d109.yaml:4:10: no project" in failed.stderr
    assert "The code is stored; nothing was registered." in failed.stderr
    assert nothing == {}
    assert "(all there already)" in done.stdout
    assert "120 applied, 0 skipped" in done.stdout
    assert len(listed(desk)) == 119
    assert "Only the first 50 are shown: there are more (--limit NUMBER)." in short.stderr


def test_more_than_one_request_can_carry_are_told_apart_when_a_later_one_fails(
    desk: Stack, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    doomed = f"{project(desk)} doomed"
    desk.cli("create", "project", doomed)
    write(desk, "d.yaml", "---\n".join(f"name: d{n}\nentrypoint: demo.py:hello_world\n" for n in range(4))
          + f"---\nname: d4\nentrypoint: demo.py:hello_world\nproject: {doomed}\n")  # fmt: skip
    monkeypatch.setattr("homeport.deployments.applying.AT_ONCE", 2)
    for name, value in desk.environment(HOMEPORT_PROJECT=project(desk)).items():
        monkeypatch.setenv(name, value)
    monkeypatch.chdir(desk.code)

    with FaultProxy(desk.url) as proxy:
        proxy.before('"dryRun":false', lambda: desk.cli("delete", "project", doomed, "--yes"))
        monkeypatch.setenv("HOMEPORT_API_URL", proxy.url)
        code = guarded(cli, ["deployment", "apply", "d.yaml"])

    told = capsys.readouterr().err
    assert code == 2
    assert "d.yaml:15:10: no project" in told
    assert "The code is stored; 4 of 5 deployments are registered, up to hello-world/d3." in told
    assert sorted(listed(desk)) == [f"hello-world/d{n}" for n in range(4)]


def test_a_server_that_is_killed_between_storing_and_registering_has_registered_nothing_and_apply_goes_on(
    own_stack: Stack,
) -> None:
    own_stack.write_flow("demo.py", FLOWS)
    own_stack.cli("create", "project", project(own_stack))
    many(own_stack, 115, project(own_stack))

    with FaultProxy(own_stack.url) as proxy:
        proxy.before('"dryRun":false', own_stack.control_plane.kill)
        killed = deployment(own_stack, "apply", "deployments/", HOMEPORT_API_URL=proxy.url, expect=5)
    kept = {path: path.stat().st_mtime_ns for path in (own_stack.home / "storage").rglob("*") if path.is_file()}
    own_stack.control_plane.start()
    nothing = listed(own_stack)
    again = deployment(own_stack, "apply", "deployments/")

    assert "hint: The code is stored. Apply again" in killed.stderr
    assert kept
    assert nothing == {}
    assert "(all there already)" in again.stdout
    assert "115 applied, 0 skipped" in again.stdout
    assert kept == {p: p.stat().st_mtime_ns for p in (own_stack.home / "storage").rglob("*") if p.is_file()}


def test_an_override_that_does_not_fit_is_refused_when_the_file_is_built(desk: Stack) -> None:
    wrong = deployment(desk, "build", "demo.py:hello_world", "-n", "a", "--override", "lbels=[gpu]", expect=2)

    assert "the infrastructure process has no field 'lbels'" in wrong.stderr
    assert "Did you mean 'labels'?" in wrong.stderr
    assert not (desk.code / "hello_world-deployment.yaml").exists()


def test_what_changes_a_deployment_answers_as_json_when_asked(desk: Stack) -> None:
    deployment(desk, "build", "demo.py:hello_world", "-n", "a", "-q", f"q-{desk.folder.name}", "-a")
    name = f"{project(desk)}/hello-world/a"

    answers = [
        desk.json("deployment", *command, name, *options)
        for command, options in (
            (["set-schedule"], ["--interval", "3600"]),
            (["pause-schedule"], []),
            (["resume-schedule"], []),
            (["pause"], []),
            (["resume"], []),
            (["clear-schedule"], []),
        )
    ]
    deployment(desk, "pause", name)
    paused = deployment(desk, "run", name)
    run = desk.json("deployment", "run", name, "-p", "name=you", "--params", '{"name": "nobody", "n": 7}')

    assert [(one["schedule"] is not None, one["scheduleActive"], one["paused"]) for one in answers] == [
        (True, True, False), (True, False, False), (True, True, False),
        (True, True, True), (True, True, False), (False, True, False),
    ]  # fmt: skip
    assert {one["name"] for one in answers} == {"a"}
    assert run["parameters"] == {"name": "you", "n": 7}
    assert "is paused: no agent gets the run before: homeport deployment resume" in paused.stderr


def test_a_server_that_is_killed_in_the_middle_of_registering_has_registered_nothing(own_stack: Stack) -> None:
    own_stack.write_flow("demo.py", FLOWS)
    for name in (project(own_stack), "Z, the last to be registered"):
        own_stack.cli("create", "project", name)
    many(own_stack, 112, "Z, the last to be registered")
    server, loop = own_stack.control_plane, asyncio.new_event_loop()
    threading.Thread(target=loop.run_forever, daemon=True).start()

    def ask(operation: Coroutine[Any, Any, Any]) -> Any:
        return asyncio.run_coroutine_threadsafe(operation, loop).result(20)

    holder, looker = (ask(asyncpg.connect(server.dsn())) for _ in range(2))

    def hold() -> None:
        """Whoever holds the last one's project makes the server wait when the others are registered, uncommitted."""
        ask(holder.execute("begin"))
        ask(holder.execute("select from project where name like 'Z, %' for update"))

    waiting = "select count(*) from pg_stat_activity where wait_event_type = 'Lock'"
    with FaultProxy(own_stack.url) as proxy, ThreadPoolExecutor(1) as pool:
        proxy.before('"dryRun":false', hold)
        applying = pool.submit(deployment, own_stack, "apply", "deployments/", expect=5, HOMEPORT_API_URL=proxy.url)
        eventually(lambda: ask(looker.fetchval(waiting)) > 0, what="the registration waits for the lock", within=60)
        server.kill()
        applying.result(60)
    loop.call_soon_threadsafe(loop.stop)
    server.start()
    nothing = listed(own_stack)
    again = deployment(own_stack, "apply", "deployments/")

    assert nothing == {}
    assert "(all there already)" in again.stdout
    assert "112 applied, 0 skipped" in again.stdout


def test_a_shell_completes_names_of_deployments_and_leaves_out_what_it_would_tear(desk: Stack) -> None:
    name, other = f"n-{desk.folder.name}", f"{project(desk)} other"
    write(desk, "d.yaml", f"name: {name}\nentrypoint: demo.py:hello_world\n---\nname: {name}\n"
          "entrypoint: demo.py:other\nparameters: {when: now}\n")  # fmt: skip
    deployment(desk, "apply", "d.yaml")
    words = {"_HOMEPORT_COMPLETE": "bash_complete", "COMP_CWORD": "3"}

    bare = deployment(desk, "run", name, expect=2)
    once = desk.cli(**words, COMP_WORDS="homeport deployment run hello-world/n-")
    desk.cli("create", "project", other)
    desk.cli("deployment", "apply", "d.yaml", "--project", other)
    twice = desk.cli(**words, COMP_WORDS="homeport deployment inspect ")

    assert f"plain,hello-world/{name}" in once.stdout.splitlines()
    assert f"/{name}?" in bare.stderr
    assert name not in twice.stdout, "two projects have it, whose names have a space"


def test_a_control_plane_that_is_away_is_told_and_nothing_was_stored(desk: Stack) -> None:
    write(desk, "d.yaml", "name: a\nentrypoint: demo.py:hello_world\n")

    away = deployment(desk, "apply", "d.yaml", HOMEPORT_API_URL="http://127.0.0.1:9", expect=5)

    assert "127.0.0.1:9" in away.stderr
    assert not (desk.home / "storage").exists()


def test_many_who_apply_the_same_at_once_make_one_version(desk: Stack) -> None:
    text = "".join(
        f"---\nname: d{n}\nentrypoint: demo.py:hello_world\nqueue: q{n}-{desk.folder.name}\n" for n in range(5)
    )
    write(desk, "one-deployments.yaml", text)
    write(desk, "two-deployments.yaml", "---\n".join(reversed(text.split("---\n")[1:])))

    with ThreadPoolExecutor(4) as pool:
        done = list(
            pool.map(
                lambda n: deployment(desk, "apply", ("one-deployments.yaml", "two-deployments.yaml")[n % 2]), range(4)
            )
        )

    assert [one.returncode for one in done] == [0] * 4
    found = listed(desk)
    assert len(found) == 5
    assert {one["flowVersion"]["number"] for one in found.values()} == {1}


def test_an_infrastructure_block_is_what_runs_it_with_overrides_on_top(desk: Stack) -> None:
    block = f"process/i-{desk.folder.name.lower()}"
    write(desk, "block.yaml", "env: {A: one, B: two}\nlabels: [gpu]\n")
    desk.cli("block", "create", block, "--from-file", "block.yaml")

    deployment(
        desk, "build", "demo.py:hello_world", "-n", "a", "-ib", block, "--override", "env.B=three", "-l", "ssd", "-a"
    )

    one = desk.json("deployment", "inspect", listed(desk)["hello-world/a"]["id"])
    assert one["runConfig"]["env"] == {"A": "one", "B": "three"}
    assert one["labels"] == ["gpu", "ssd"]
    assert f"infrastructure: {block}" in (desk.code / "hello_world-deployment.yaml").read_text()


def test_deployments_are_built_loaded_and_applied_from_python_as_in_2x(desk: Stack) -> None:
    desk.write_flow("script.py", """
        from datetime import timedelta
        from homeport.deployments import Deployment, InvalidDeployment
        from homeport.run_configs import LocalRun
        from homeport.schedules import CronSchedule, IntervalSchedule
        from demo import hello_world

        made = Deployment.build_from_flow(
            hello_world, "py", work_queue_name="q", parameters={"n": 4}, tags=["a"], output="py-deployment.yaml",
            schedule=CronSchedule("0 3 * * *", timezone="Europe/Berlin"), infra_overrides={"env": {"A": "b"}},
            apply=True,
        )
        loaded = Deployment.load_from_yaml("py-deployment.yaml")
        assert loaded.work_queue_name == "q" and loaded.parameters == {"n": 4}, loaded
        loaded.update(schedule=IntervalSchedule(interval=timedelta(hours=1)), infrastructure=LocalRun(env={"C": "d"}))
        print(loaded.apply())
        try:
            loaded.update(schedule={"cron": "61 * * * *"})
        except InvalidDeployment as error:
            print(error)
        print(loaded.schedule["interval"])
    """)  # fmt: skip

    done = subprocess.run(
        [sys.executable, "script.py"], cwd=desk.code, capture_output=True, text=True, timeout=60,
        env=desk.environment(HOMEPORT_PROJECT=project(desk)),
    )  # fmt: skip

    assert done.returncode == 0, done.stderr
    identity, told, interval = done.stdout.splitlines()[-3:]
    assert "Bad minute" in told
    assert interval == "3600.0"
    one = desk.json("deployment", "inspect", identity)
    assert one["schedule"]["clocks"][0]["seconds"] == 3600.0
    assert one["runConfig"]["env"] == {"A": "b", "C": "d"}


def test_a_file_that_defines_a_flow_and_applies_its_deployment_is_applied_once_and_runs(desk: Stack) -> None:
    desk.write_flow("both.py", """
        from homeport import flow
        from homeport.deployments import Deployment

        @flow(log_prints=True)
        def greeting(who: str = "you"):
            print(f"hello {who}")

        made = Deployment.build_from_flow(greeting, "both", parameters={"who": "world"})
        if __name__ == "__main__":
            made.apply()
            print(Deployment.build_from_flow(greeting, "another", output="another.yaml", apply=True).name)
        else:
            made.apply()
    """)  # fmt: skip

    done = subprocess.run(
        [sys.executable, "both.py"], cwd=desk.code, capture_output=True, text=True, timeout=60,
        env=desk.environment(HOMEPORT_PROJECT=project(desk)),
    )  # fmt: skip
    run = desk.cli("deployment", "run", f"{project(desk)}/greeting/both", "--execute")

    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines() == ["another"]
    assert "apply() of deployment 'both' was ignored while flows are collected" in done.stderr
    assert {"greeting/both", "greeting/another"} <= set(listed(desk))
    assert "hello world" in run.stdout + run.stderr


def test_the_schema_is_served_where_the_file_says(desk: Stack) -> None:
    import httpx

    deployment(desk, "build", "demo.py:hello_world", "-n", "a")
    line = (desk.code / "hello_world-deployment.yaml").read_text().splitlines()[0]

    answer = httpx.get(line.rpartition("=")[2])

    assert answer.status_code == 200
    assert answer.json() == json.loads(deployment(desk, "schema").stdout)


def test_a_run_of_a_deployment_is_watched_to_its_end(desk: Stack) -> None:
    queue = f"w-{desk.folder.name}"
    deployment(desk, "build", "demo.py:hello_world", "-n", "a", "-q", queue, "-a")
    desk.start_agent(f"a-{desk.folder.name}", "-q", queue)

    watched = deployment(desk, "run", f"{project(desk)}/hello-world/a", "--watch", within=90)

    assert watched.returncode == 0
    assert "Completed" in watched.stdout + watched.stderr
