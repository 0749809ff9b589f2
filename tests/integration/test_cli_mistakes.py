"""The likeliest mistakes: each is told in words that name what was found and what to do, with a fitting exit code."""

import os
import signal
import subprocess
from pathlib import Path

import pytest

from tests.conftest import reachable
from tests.services import ctrl_c
from tests.services.control_plane import ControlPlane
from tests.services.stack import PROGRAM, Stack
from tests.services.waiting import eventually

FLOWS = """
    from homeport import flow

    @flow
    def hello_world(name: str = "world", n: int = 3):
        return name * n
"""
MISTAKES = [
    (["get", "flows", "--json", "nam"], 2, "no field 'nam'", "Did you mean name?"),
    (["run", "helo-world"], 3, "no flow 'helo-world'", "Did you mean hello-world?"),
    (["run", "hello-world", "--timeout", "3"], 2, "--timeout is how long to watch", "Add --watch"),
    (["run", "hello-world", "--at", "yesterday"], 2, "'--at' / '-s': 'yesterday'", "run --help"),
    (
        ["run", "hello-world", "--param", "m=1"],
        2,
        "'m' was unexpected",
        "it takes: name, n; `homeport describe flows hello-world` shows more",
    ),
    (["describe", "flows", "helo-world"], 3, "no flow 'helo-world'", "Did you mean hello-world?"),
    (["describe", "deployment", "hello-world/defualt"], 3, "hello-world/defualt", "hello-world/default"),
    (["register", "--project", "Mistaks", "-p", "hello.py"], 3, "No project 'Mistaks'", "Did you mean Mistakes?"),
    (["register", "--project", "Mistakes", "-p", "two.py"], 2, "two.py:a, two.py:b", "a name of its own"),
    (["register", "--project", "Mistakes", "-p", "hello.py", "--root", "/etc"], 2, "not in the root /etc", "--root"),
    (["register", "--project", "Mistakes", "-p", "hello.py", "-sb", "prod"], 2, "'prod' names no block", "TYPE/NAME"),
    (["register", "--project", "Mistakes", "-p", "exits.py"], 1, "exits.py, line 4: sys.exit(3)", "1 failed"),
    (["delete", "project", "mistakes", "-y"], 3, "No project 'mistakes'", "Did you mean Mistakes?"),
    (["get", "flows", "--project", "Mistaks"], 0, "There is no project 'Mistaks'", "Did you mean Mistakes?"),
    (["deployment", "ls", "--queue", "defualt"], 0, "There is no work queue 'defualt'", "Did you mean default?"),
    (["flow-run", "ls", "--flow", "helo-world"], 0, "There is no flow 'helo-world'", "Did you mean hello-world?"),
    (["flow-run", "ls", "--state", "Finshed"], 0, "No flow runs", "No type of state is called 'Finshed'"),
    (["work-queue", "inspect", "defualt"], 3, "no work queue 'defualt'", "Did you mean default?"),
    (["work-queue", "pause", "defualt"], 3, "No work queue 'defualt'", "Did you mean default?"),
    (["work-queue", "pasue", "x"], 2, "no command 'pasue'", "homeport work-queue pause"),
    (["get", "logs"], 2, "no command 'logs'", "Here it is: homeport logs RUN"),
    (["block", "delete", "folder/mistaken"], 3, "No block 'folder/mistaken'", "Did you mean folder/mistake?"),
    (["kv", "get", "mistaken"], 3, "no key 'mistaken'", "Did you mean mistake?"),
    (["auth", "create-key", "-n", "x", "-e", "soon"], 2, "--expires: 'soon'", "create-key --help"),
    (["config", "set", "api_url=nowhere"], 2, "'nowhere' is not the address", "Write it with its scheme"),
    (["block", "create", "folder/x"], 2, "path: is needed (Absolute path", "block type inspect folder"),
    (["block", "create", "folder/x", "--field", "path=here"], 2, "path: what was given does not fit", "^[/~]"),
    (
        ["deployment", "build", "hello.py:hello_world", "-n", "x", "-o", "nowhere/x.yaml"],
        2,
        "there is no folder",
        "mkdir -p",
    ),
    (
        ["deployment", "build", "hello.py:hello_world", "-n", "x", "--cron", "0 6 * * *", "--timezone", "Europe/Berln"],
        2,
        "no time zone 'Europe/Berln'",
        "Did you mean 'Europe/Berlin'?",
    ),
    (
        ["deployment", "build", "hello.py:hello_world", "-n", "x", "--rrule", "daily"],
        2,
        "NAME=VALUE with ; between them",
        "FREQ=DAILY;BYHOUR=9",
    ),
    (["deployment", "apply", "tabs.yaml"], 2, "tabs.yaml:2:1", "replace the tab"),
    (["deployment", "apply", "indented.yaml"], 2, "indented.yaml:2:", "begin in one column"),
    (["run", "-p", "two.py"], 2, "two.py has several flows", "same"),
]


@pytest.fixture(scope="module")
def desk(tmp_path_factory):
    folder = reachable(tmp_path_factory.mktemp("mistakes"))
    server = ControlPlane(folder / "data")  # of its own: what is near depends on what is there
    server.start()
    desk = Stack(folder, server)
    desk.write_flow("pyproject.toml", "")
    desk.write_flow("hello.py", FLOWS)
    desk.write_flow("two.py", FLOWS + "\n    a = hello_world.with_options(name='same')\n    b = a.with_options()\n")
    desk.write_flow("exits.py", "import sys\nfrom homeport import flow\n\nsys.exit(3)\n")
    desk.write_flow("tabs.yaml", "name: x\n\tflow: y\n")
    desk.write_flow("indented.yaml", "name: x\n flow: y\n")
    desk.cli("create", "project", "Mistakes")
    desk.cli("register", "--project", "Mistakes", "-p", "hello.py")
    desk.cli("kv", "set", "mistake", "1")
    desk.cli("block", "create", "folder/mistake", "--field", f"path={folder}")
    yield desk
    desk.close()
    server.stop()


@pytest.mark.parametrize(
    ("typed", "code", "told", "mend"), MISTAKES, ids=[" ".join(typed)[:60] for typed, *_ in MISTAKES]
)
def test_a_mistake_is_told_with_what_mends_it(desk, typed, code, told, mend):
    done = desk.cli(*typed, expect=code)

    assert told in done.stderr + done.stdout
    assert mend in done.stderr + done.stdout
    assert "should not have happened" not in done.stderr


def test_nothing_is_stored_for_a_project_that_is_not_there(desk):
    before = sorted((desk.home / "storage").rglob("*"))
    desk.write_flow("other.py", FLOWS.replace("world", "moon"))

    desk.cli("register", "--project", "Nowhere", "-p", "other.py", expect=3)

    assert sorted((desk.home / "storage").rglob("*")) == before


def test_a_key_is_not_revoked_without_a_yes_and_ones_own_is_named_as_such(desk):
    made = desk.json("auth", "create-key", "-n", "own", "--role", "admin")

    refused = desk.cli("auth", "revoke-key", "--id", made["id"], expect=2, HOMEPORT_API_KEY=made["key"])
    other = desk.cli("auth", "revoke-key", "--id", made["id"], expect=2)
    still = desk.cli("auth", "status", HOMEPORT_API_KEY=made["key"])
    desk.cli("auth", "revoke-key", "--id", made["id"], "--yes")

    assert "which is the one that you use now" in refused.stderr
    assert "which is the one" not in other.stderr
    assert "own" in still.stdout


def test_a_refused_key_is_told_with_where_it_comes_from(desk):
    refused = desk.cli("get", "flows", expect=4, HOMEPORT_API_KEY="hp_wrong")
    version = desk.cli("version", HOMEPORT_API_KEY="hp_wrong")
    given = desk.cli("auth", "login", "--key", "-", expect=4, stdin="hp_other\n")

    assert "The key comes from the variable HOMEPORT_API_KEY" in refused.stderr
    assert "Change or unset HOMEPORT_API_KEY" in refused.stderr
    assert "its checksum does not fit" in version.stdout
    assert "The key comes from" not in given.stderr


def test_a_kind_of_key_that_may_not_says_who_makes_another(desk):
    key = desk.cli("auth", "create-key", "-n", "looks", "--role", "viewer", "--quiet").stdout.strip()

    refused = desk.cli("create", "project", "X", expect=4, HOMEPORT_API_KEY=key)

    assert "createProject is not allowed with a key of kind viewer" in refused.stderr
    assert "auth create-key -n NAME --role ROLE" in refused.stderr


def test_the_doctor_tells_a_missing_key_from_a_missing_control_plane(desk, tmp_path):
    without = desk.cli("doctor", expect=1, HOMEPORT_API_KEY="", HOMEPORT_HOME=str(tmp_path))
    nobody = desk.cli(
        "doctor", expect=1, HOMEPORT_API_KEY="", HOMEPORT_HOME=str(tmp_path), HOMEPORT_API_URL="http://127.0.0.1:1"
    )

    assert "control plane: answers, and asks for a key" in without.stdout
    assert "problem  control plane: No answer from http://127.0.0.1:1" in nobody.stdout


def test_commands_that_are_proposed_can_be_pasted_whatever_the_name(desk):
    name = f"two words {desk.folder.name}"

    project = desk.cli("create", "project", name)
    queue = desk.cli("work-queue", "create", name)

    assert f"--project '{name}' -p flow.py" in project.stderr
    assert f"homeport agent start -q '{name}'" in queue.stderr


def test_a_log_without_lines_says_so_and_keeps_stdout_empty(desk):
    run = desk.json("run", "hello-world")["id"]

    shown = desk.cli("logs", run)

    assert shown.stdout == ""
    assert "No log lines." in shown.stderr


def test_names_that_the_encoding_of_the_output_does_not_have_are_shown_escaped(desk):
    name = f"snow ☃ {desk.folder.name}"
    desk.cli("create", "project", name)

    done = subprocess.run(
        [PROGRAM, "get", "projects"],
        env=desk.environment(LANG="C", PYTHONIOENCODING="latin-1"),
        cwd=desk.code,
        capture_output=True,
        check=True,
    )

    assert name.encode("ascii", "backslashreplace") in done.stdout


def test_a_terminal_that_cannot_move_its_cursor_gets_plain_lines(desk):
    import pty

    master, slave = pty.openpty()
    process = subprocess.Popen(
        [PROGRAM, "run", "hello-world", "--watch", "--timeout", "1"],
        env=desk.environment(TERM="dumb"), cwd=desk.code, stdin=slave, stdout=slave, stderr=slave,
    )  # fmt: skip
    os.close(slave)
    shown = b""
    try:
        while chunk := os.read(master, 65536):
            shown += chunk
    except OSError:  # how a terminal says that its last writer is gone
        pass
    os.close(master)

    assert process.wait(30) == 6
    assert b"Scheduled" in shown
    assert b"\x1b[2K" not in shown
    assert b"\x1b[?7l" not in shown


def test_the_last_lines_of_a_run_that_exits_are_those_of_the_file(desk, tmp_path: Path):
    refused = desk.cli("register", "--project", "Mistakes", "-m", "nothing_like_this", expect=1)

    assert "No module named 'nothing_like_this'" in refused.stderr
    assert "importlib" not in refused.stderr


def test_what_is_printed_of_a_flow_that_could_not_be_stored_has_no_loose_ends(desk):
    done = desk.cli("register", "--project", "Mistakes", "-p", "hello.py", "--storage", "/proc/nowhere", expect=1)

    assert done.stdout.splitlines() == [
        "Collecting flows...",
        "Processing 'hello.py':",
        "  Building Folder storage...",
        "0 registered, 0 skipped, 1 failed",
    ]
    assert "cannot make the folder /proc/nowhere: No such file or directory\n" in done.stderr


def test_registering_by_watching_outlives_mistakes_and_goes_on_when_they_are_mended(desk, tmp_path):
    good = 'from homeport import flow\n\n\n@flow(name="watched")\ndef watched():\n    return {}\n'
    twice = 'from homeport import flow\n\na = flow(name="two")(lambda: 1)\nb = flow(name="two")(lambda: 2)\n'
    (tmp_path / "watched.py").write_text(good.format(1))
    told = tmp_path / "told.txt"
    with told.open("w") as out:
        process = subprocess.Popen(
            [PROGRAM, "register", "--project", "Mistakes", "-p", "watched.py", "--root", ".", "--watch"],
            env=desk.environment(PYTHONUNBUFFERED="1"), cwd=tmp_path, stdout=out, stderr=out,
            preexec_fn=ctrl_c.heard_here,
        )  # fmt: skip
    try:
        for source, words in (
            (None, "Watching for changes"),
            (twice, "Several flows are named 'two'"),
            ("def (", "cannot be loaded: SyntaxError"),
            ("x = 1\n", "No flow was found"),
            (good.format(2), "Version: 2"),
        ):
            if source is not None:
                (tmp_path / "watched.py").write_text(source)
            eventually(lambda words=words: words in told.read_text(), what=words, within=30, every=0.2)
        process.send_signal(signal.SIGINT)
        assert process.wait(20) == 130
    finally:
        process.kill()
        process.wait(20)
    assert "Traceback" not in told.read_text()


def test_a_name_in_an_encoding_that_python_does_not_expect_is_told_with_the_setting_that_mends_it(desk):
    environment = desk.environment(LC_ALL="C", PYTHONUTF8="0", PYTHONCOERCECLOCALE="0")
    typed = [PROGRAM, "work-queue", "inspect", "größe"]

    refused = subprocess.run(typed, env=environment, cwd=desk.code, capture_output=True, check=False)

    assert refused.returncode == 1
    assert b"not valid Unicode" in refused.stderr
    assert b"LC_ALL=C.UTF-8" in refused.stderr
