"""The commands against a real control plane: what they print, and how they end."""

import json
from datetime import UTC, datetime

from tests.services.stack import Stack

FLOW = """
    from homeport import flow

    @flow(name="%s")
    def greet(name: str = "world", times: int = 1):
        print(name)
"""


def register(stack: Stack, flow: str, project: str, *more: str) -> None:
    stack.write_flow("pyproject.toml", "")
    stack.write_flow(f"{flow}.py", FLOW % flow)
    stack.cli("create", "project", project, "--skip-if-exists")
    stack.cli("register", "--project", project, "-p", f"{flow}.py", "-q", f"unserved-{stack.folder.name}", *more)


def test_a_key_is_made_used_and_revoked_and_then_refused(stack: Stack) -> None:
    key = stack.cli("auth", "create-key", "-n", "ci", "-e", "30d", "--role", "viewer", "--quiet").stdout.strip()
    made = next(k for k in stack.json("auth", "list-keys", "--limit", "1000") if k["id"] in key)
    reads = stack.cli("get", "projects", HOMEPORT_API_KEY=key)
    writes = stack.cli("create", "project", "Forbidden", expect=4, HOMEPORT_API_KEY=key)
    stack.cli("auth", "revoke-key", "--id", made["id"], "--yes")
    refused = stack.cli("get", "projects", expect=4, HOMEPORT_API_KEY=key)

    assert made["kind"] == "VIEWER"
    assert datetime.fromisoformat(made["expiresAt"]) > datetime.now(UTC)
    assert reads.returncode == 0
    assert "viewer" in writes.stderr.lower()
    assert "hint:" in refused.stderr
    assert key not in refused.stderr


def test_a_login_checks_the_key_keeps_it_privately_and_a_logout_forgets_it(stack: Stack) -> None:
    key = stack.control_plane.admin_key

    wrong = stack.cli("auth", "login", "--key", "-", stdin="hp_admin_nonsense\n", expect=4, HOMEPORT_API_KEY="")
    stack.cli("auth", "login", "--key", "-", "--api", stack.url, stdin=f"{key}\n", HOMEPORT_API_KEY="")
    status = stack.cli("auth", "status", HOMEPORT_API_KEY="", HOMEPORT_API_URL="")
    stack.cli("auth", "logout", HOMEPORT_API_KEY="", HOMEPORT_API_URL="")
    after = stack.cli("auth", "status", expect=4, HOMEPORT_API_KEY="", HOMEPORT_API_URL="")

    assert "nonsense" not in wrong.stderr
    assert "keys.json" in status.stdout
    assert "auth login" in after.stderr


def test_a_key_on_the_command_line_is_warned_about(stack: Stack) -> None:
    done = stack.cli("auth", "login", "--key", stack.control_plane.admin_key, HOMEPORT_API_KEY="")

    assert "--key -" in done.stderr


def test_a_project_made_twice_is_a_conflict_unless_it_may_exist(stack: Stack) -> None:
    stack.cli("create", "project", "Twice")

    again = stack.cli("create", "project", "Twice", expect=1)

    assert "--skip-if-exists" in again.stderr
    stack.cli("create", "project", "Twice", "--skip-if-exists")
    stack.cli("delete", "project", "Twice", expect=2)
    stack.cli("delete", "project", "Twice", "--yes")
    stack.cli("delete", "project", "Twice", "--yes", expect=3)


def test_several_flows_are_registered_skipped_and_failed_each_on_its_own(stack: Stack) -> None:
    stack.write_flow("pyproject.toml", "")
    for name in ("one", "two"):
        stack.write_flow(f"{name}.py", FLOW % name)
    stack.write_flow("broken.py", "import nothing_like_this\n")
    stack.cli("create", "project", "Several", "--skip-if-exists")

    first = stack.cli("register", "--project", "Several", "-p", ".", expect=1)
    stack.write_flow("broken.py", "")
    second = stack.cli("register", "--project", "Several", "-p", "*.py", "-n", "one")

    assert "2 registered, 0 skipped, 1 failed" in first.stdout
    assert "nothing_like_this" in first.stderr
    assert "broken.py" in first.stderr
    assert "└── Version: 2" in second.stdout
    names = {
        flow["name"]: flow["latestVersion"]["number"] for flow in stack.json("get", "flows", "--project", "Several")
    }
    assert names == {"one": 2, "two": 1}


def test_an_unchanged_flow_is_skipped_unless_forced(stack: Stack) -> None:
    register(stack, "same", "Skipping")

    again = stack.cli("register", "--project", "Skipping", "-p", "same.py", "-q", f"unserved-{stack.folder.name}")
    forced = stack.cli("register", "--project", "Skipping", "-p", "same.py", "--force")

    assert "Skipped (unchanged)" in again.stdout
    assert "└── Version: 2" in forced.stdout


def test_a_script_that_agents_would_have_read_where_it_lies_is_refused_and_the_flows_own_is_taken(stack: Stack) -> None:
    flow = """
        from homeport import Flow, task
        from homeport.storage import S3, Local

        @task
        def hello():
            print("hello")

        with Flow("here", storage=Local(path=__file__, stored_as_script=True)) as here:
            hello()
        with Flow("there", storage=Local(path="/opt/flows/there.py", stored_as_script=True)) as there:
            hello()
        with Flow("above", storage=S3("flows", local_script_path="scripts/other.py", stored_as_script=True)) as above:
            hello()
    """
    stack.write_flow("scripts/flows.py", flow)
    stack.cli("create", "project", "Scripts")

    done = stack.cli("register", "--project", "Scripts", "-p", "scripts/flows.py", expect=1)

    assert "1 registered, 0 skipped, 2 failed" in done.stdout
    assert "S3(local_script_path='scripts/other.py')" in done.stdout + done.stderr
    assert "Local(path='/opt/flows/there.py')" in done.stdout + done.stderr
    assert "Leave `path` out; or" in done.stdout + done.stderr


def test_registering_into_a_project_that_does_not_exist_says_how_to_make_it(stack: Stack) -> None:
    stack.write_flow("lonely.py", FLOW % "lonely")

    done = stack.cli("register", "--project", "Nowhere", "-p", "lonely.py", expect=3)

    assert "homeport create project" in done.stderr


def test_a_run_is_found_by_id_prefix_name_and_page_address(stack: Stack) -> None:
    register(stack, "found", "Finding")
    run = stack.json("run", "found", "--project", "Finding", "--run-name", "needle")

    for ref in (run["id"], "needle", f"{stack.url}/runs/{run['id']}?tab=logs#L3"):
        assert stack.json("flow-run", "inspect", ref)["id"] == run["id"]
    assert stack.cli("flow-run", "inspect", "no-such-run", expect=3).stdout == ""


def test_a_name_that_means_several_runs_lists_them_instead_of_choosing(stack: Stack) -> None:
    register(stack, "double", "Doubling")
    runs = [stack.json("run", "double", "--project", "Doubling", "--run-name", "twin") for _ in range(2)]

    done = stack.cli("flow-run", "inspect", "twin", expect=3)

    assert all(run["id"] in done.stderr for run in runs)


def test_the_same_idempotency_key_means_the_same_run_and_another_body_a_conflict(stack: Stack) -> None:
    register(stack, "once", "Idempotence")
    asked = ["run", "once", "--project", "Idempotence", "--idempotency-key", f"k-{stack.folder.name}"]

    first, second = stack.json(*asked), stack.json(*asked)
    other = stack.cli(*asked, "--param", "name=other", expect=1)

    assert first["id"] == second["id"]
    assert "idempotency" in other.stderr.lower()


def test_parameters_come_from_a_file_and_are_overridden_one_by_one(stack: Stack) -> None:
    register(stack, "params", "Parameters")
    (stack.code / "params.json").write_text('{"name": "file", "times": 2}')

    run = stack.json("run", "params", "--project", "Parameters", "--param-file", "params.json", "--param", "times=5")

    assert stack.json("flow-run", "inspect", run["id"])["parameters"] == {"name": "file", "times": 5}


def test_a_flow_named_without_its_project_is_found_where_only_one_has_it(stack: Stack) -> None:
    register(stack, "rare", "Left")
    alone = stack.json("run", "rare")
    stack.cli("create", "project", "Right", "--skip-if-exists")
    stack.cli("register", "--project", "Right", "-p", "rare.py", "-q", f"unserved-{stack.folder.name}")

    unclear = stack.cli("run", "rare", expect=3)

    assert alone["project"]["name"] == "Left"
    assert "Left" in unclear.stderr
    assert "--project" in unclear.stderr
    assert stack.json("run", "Right/rare")["project"]["name"] == "Right"


def test_lists_are_filtered_by_the_server_and_json_holds_the_fields_asked_for(stack: Stack) -> None:
    register(stack, "listed", "Listing")
    for name in ("a", "b"):
        stack.cli("run", "listed", "--project", "Listing", "--run-name", name)
    stack.cli("flow-run", "cancel", "a")

    cancelled = stack.cli("flow-run", "ls", "--project", "Listing", "--state", "cancelled", "--json", "name,state.type")
    table = stack.cli("flow-run", "ls", "--project", "Listing").stdout.splitlines()

    assert json.loads(cancelled.stdout) == [{"name": "a", "state.type": "CANCELLED"}]
    assert [line.split("\t")[1] for line in table] == ["name", "b", "a"]


def test_a_work_queue_is_made_limited_paused_and_shown(stack: Stack) -> None:
    queue = f"night-{stack.folder.name}"

    stack.cli("work-queue", "create", queue, "--limit", "2")
    stack.cli("work-queue", "set-concurrency-limit", queue, "5")
    stack.cli("work-queue", "pause", queue)

    seen = stack.json("work-queue", "inspect", queue)
    assert (seen["concurrencyLimit"], seen["paused"]) == (5, True)
    stack.cli("work-queue", "clear-concurrency-limit", queue)
    stack.cli("work-queue", "resume", queue)
    assert stack.json("work-queue", "inspect", queue)["concurrencyLimit"] is None
    stack.cli("work-queue", "inspect", "no-such-queue", expect=3)


def test_the_doctor_names_what_is_wrong_and_the_command_that_mends_it(stack: Stack) -> None:
    register(stack, "ill", "Doctoring")
    run = stack.json("run", "ill", "--project", "Doctoring")

    findings = json.loads(stack.cli("doctor", run["id"], "--json", expect=1).stdout)

    by_name = {finding["name"]: finding for finding in findings}
    assert by_name["control plane"]["ok"]
    assert by_name["storage"]["ok"]
    assert not by_name["run"]["ok"]
    assert any("homeport agent" in (finding["mend"] or "") for finding in findings)


def test_the_doctor_finds_nothing_wrong_with_an_agents_key_and_says_what_it_did_not_look_at(stack: Stack) -> None:
    key = stack.json("auth", "create-key", "-n", "served", "--role", "agent")["key"]

    done = stack.cli("doctor", HOMEPORT_API_KEY=key)
    about_a_run = stack.cli("doctor", "some-run", expect=1, HOMEPORT_API_KEY=key)

    assert "ok       control plane" in done.stdout
    assert "ok       agents: skipped: a key of kind agent may not list agents" in done.stdout
    assert "problem" not in done.stdout
    assert "problem  run: a key of kind agent may not look at runs" in about_a_run.stdout


def test_what_a_run_of_tomorrow_lacks_today_is_a_note_of_the_doctor_and_no_problem(stack: Stack) -> None:
    register(stack, "planned", "Planning")
    run = stack.json("run", "planned", "--project", "Planning", "--at", "1d")

    done = stack.cli("doctor", run["id"])

    assert "ok       run: scheduled for" in done.stdout
    assert "note     run: agents: no agent ever served work queue" in done.stdout
    assert "hint: homeport agent start -q" in done.stdout
    assert "problem" not in done.stdout


def test_the_doctor_says_when_nobody_answers(stack: Stack) -> None:
    done = stack.cli("doctor", expect=1, HOMEPORT_API_URL="http://127.0.0.1:9")

    assert "problem  control plane" in done.stdout
    assert "http://127.0.0.1:9" in done.stdout
