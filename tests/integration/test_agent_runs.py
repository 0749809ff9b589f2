"""What the agent does around user code, with the real control plane, real agents and real processes."""

import json
import signal
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

import pytest

from tests.services.control_plane import free_port
from tests.services.small_disk import small_disk
from tests.services.stack import Stack
from tests.services.waiting import eventually

PREAMBLE = """
    import os, subprocess, sys, time
    from pathlib import Path
    from homeport import flow, get_run_logger

    def tell(what):
        with open(os.environ["WITNESS"], "a") as witness:
            witness.write(f"{what}\\n")
"""


def registered(stack: Stack, body: str, *, name: str = "probe") -> str:
    """Register one flow with this body; the queue that it alone uses."""
    source = PREAMBLE + f"\n    @flow(name={name!r})\n    def probe():\n"
    indented = "\n".join("        " + line for line in body.strip("\n").splitlines())
    stack.write_flow("pyproject.toml", "")
    stack.write_flow("probe.py", source + indented + "\n")
    queue = stack.folder.name
    stack.cli("create", "project", "Probes", "--skip-if-exists")
    stack.cli("register", "--project", "Probes", "-p", "probe.py", "-q", queue)
    return queue


def run(stack: Stack, name: str = "probe") -> str:
    return str(stack.json("run", "-n", name, "--project", "Probes")["id"])


def seen(stack: Stack, run_id: str) -> dict[str, Any]:
    found: dict[str, Any] = stack.json("flow-run", "inspect", run_id)
    return found


def ended(stack: Stack, run_id: str, within: float = 30) -> dict[str, Any]:
    return eventually(
        lambda: (found := seen(stack, run_id))["finishedAt"] and found, what="the run ends", within=within, every=0.2
    )


def attempts_folder(stack: Stack, agent: str) -> Path:
    return stack.home / "agents" / agent / "attempts"


def test_user_code_runs_in_a_private_folder_without_the_agents_key(stack: Stack) -> None:
    queue = registered(
        stack,
        """
tell(os.getcwd())
tell(oct(os.stat(".").st_mode & 0o777))
tell(Path(os.environ["HOMEPORT_CODE_DIR"], "probe.py").exists())
tell(os.environ["COLOUR"])
tell("hp_" in " ".join(os.environ.values()) + Path("/proc/self/cmdline").read_text() + sys.stdin.read())
Path("left-over").touch()
""",
    )
    stack.start_agent("a1", "-q", queue, "-e", "COLOUR=blue")

    ended(stack, run(stack))

    folder, *rest = stack.witnessed()
    assert rest == ["0o700", "True", "blue", "False"]
    assert Path(folder).is_relative_to(attempts_folder(stack, "a1"))
    eventually(lambda: not list(attempts_folder(stack, "a1").iterdir()), what="the working folder is removed")


def test_what_a_finished_run_left_running_is_ended(stack: Stack) -> None:
    queue = registered(
        stack,
        """
subprocess.Popen(["sleep", "300"], start_new_session=True)
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        time.sleep(300)
    os._exit(0)
""",
    )
    stack.start_agent("a1", "-q", queue)

    assert ended(stack, run(stack))["state"]["type"] == "COMPLETED"

    eventually(lambda: not stack.run_processes(), what="no process is left", within=10)


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ("os._exit(0)", "exited with code 0"),
        ("os._exit(41)", "exited with code 41"),
        ("import ctypes; ctypes.string_at(0)", "signal 11"),
        ("os.kill(os.getpid(), 9)", "signal 9 (SIGKILL; out of memory?)"),
    ],
)
def test_a_process_that_dies_without_a_word_is_crashed_with_how_it_died(stack: Stack, body: str, words: str) -> None:
    queue = registered(stack, body)
    stack.start_agent("a1", "-q", queue)

    state = ended(stack, run(stack))["state"]

    assert state["type"] == "CRASHED"
    assert words in state["message"]
    assert "a1" in state["message"]


def test_a_line_written_just_before_a_crash_is_not_lost(stack: Stack) -> None:
    queue = registered(stack, "get_run_logger().info('the last line')\ntime.sleep(0.1)\nos.kill(os.getpid(), 9)")
    stack.start_agent("a1", "-q", queue)

    run_id = run(stack)
    ended(stack, run_id)

    assert "the last line" in stack.cli("flow-run", "logs", run_id).stdout


def test_a_run_that_ignores_being_cancelled_is_killed_after_the_grace(stack: Stack) -> None:
    queue = registered(
        stack,
        """
import signal
signal.signal(signal.SIGTERM, signal.SIG_IGN)
subprocess.Popen(["sleep", "300"], start_new_session=True)
tell("began")
while True:
    try:
        time.sleep(300)
    except BaseException:
        tell("refused")
""",
    )
    stack.start_agent("a1", "-q", queue)
    run_id = run(stack)
    eventually(stack.witnessed, what="the run begins")

    stack.cli("flow-run", "cancel", run_id)

    assert ended(stack, run_id)["state"]["type"] == "CANCELLED"
    eventually(lambda: not stack.run_processes(), what="no process is left", within=20)


def test_a_flood_of_output_without_a_line_end_does_not_fill_the_disk(stack: Stack) -> None:
    queue = registered(
        stack,
        """
for _ in range(64):
    os.write(1, b"x" * 1024 * 1024)
    os.write(2, bytes(range(256)) * 4096)
tell("flooded")
while not Path(os.environ["WITNESS"] + ".gate").exists():
    time.sleep(0.05)
""",
    )
    stack.start_agent("a1", "-q", queue)
    run_id = run(stack)
    eventually(stack.witnessed, what="the output is written")

    def written() -> int:
        return sum(file.stat().st_size for file in attempts_folder(stack, "a1").glob("*/*.log"))

    eventually(lambda: written() < 16 * 1024 * 1024, what="the output is cut", within=10)
    Path(f"{stack.witness}.gate").touch()
    assert ended(stack, run_id)["state"]["type"] == "COMPLETED"


def test_large_parameters_and_names_of_any_alphabet_arrive_whole(stack: Stack) -> None:
    stack.write_flow("pyproject.toml", "")
    stack.write_flow(
        "größe.py",
        """
        import os
        from homeport import flow

        @flow(name="Grüße 世界")
        def measure(text: str, größe: int):
            with open(os.environ["WITNESS"], "a") as witness:
                witness.write(f"{len(text)} {größe}\\n")
        """,
    )
    stack.cli("create", "project", "Probes", "--skip-if-exists")
    stack.cli("register", "--project", "Probes", "-p", "größe.py", "-q", stack.folder.name)
    stack.start_agent("a1", "-q", stack.folder.name)
    (stack.folder / "parameters.json").write_text(json.dumps({"text": "é" * 200_000, "größe": 7}))

    run_id = str(
        stack.json(
            "run", "-n", "Grüße 世界", "--project", "Probes", "--param-file", str(stack.folder / "parameters.json")
        )["id"]
    )

    assert ended(stack, run_id)["state"]["type"] == "COMPLETED"
    assert stack.witnessed() == ["200000 7"]


def test_code_that_was_changed_in_the_storage_is_refused_with_storage_digest_and_agent(stack: Stack) -> None:
    queue = registered(stack, "tell('ran')")
    for blob in (stack.home / "storage/blobs").rglob("*"):
        if blob.is_file() and b"def probe" in blob.read_bytes():
            blob.write_bytes(blob.read_bytes().replace(b"ran", b"bad"))
    stack.start_agent("suspicious", "-q", queue)

    state = ended(stack, run(stack))["state"]

    assert state["type"] == "CRASHED"
    for part in ("probe.py", str(stack.home / "storage"), "sha256:", "suspicious"):
        assert part in state["message"]
    assert stack.witnessed() == []


def test_a_cache_that_cannot_be_written_to_crashes_the_run_with_agent_folder_and_mend(stack: Stack) -> None:
    queue = registered(stack, "tell('ran')")
    with small_disk(stack.folder / "other", megabytes=1) as other:
        (other / "code").write_text("a file where the cache would be\n")
        agent = stack.start_agent("blocked", "-q", queue, HOMEPORT_HOME=str(other))
        state = ended(stack, run(stack))["state"]
        agent.stop()

    assert state["type"] == "CRASHED"
    for part in ("blocked", "sha256:", str(stack.folder / "other/code"), "File exists", "HOMEPORT_HOME"):
        assert part in state["message"]
    assert "Traceback" not in agent.log.read_text()


def test_a_home_folder_that_cannot_be_written_to_is_told_when_the_agent_starts(stack: Stack) -> None:
    (stack.folder / "elsewhere").mkdir()
    (stack.folder / "elsewhere/agents").write_text("a file where a folder would be\n")

    refused = stack.cli("agent", "start", HOMEPORT_HOME=str(stack.folder / "elsewhere"), expect=1)
    unnamed = stack.cli("agent", "start", "-q", "", expect=2)

    assert "cannot write to its home folder" in refused.stderr
    assert "HOMEPORT_HOME=" in refused.stderr
    assert "name must not be empty" in unnamed.stderr


def test_a_module_that_the_agent_does_not_have_is_named_with_file_and_agent(stack: Stack) -> None:
    queue = registered(stack, "tell('ran')")
    source = stack.code / "probe.py"
    source.write_text(
        "import os\nif 'HOMEPORT_ATTEMPT_ID' in os.environ:\n    import nowhere_to_be_found\n" + source.read_text()
    )
    stack.cli("register", "--project", "Probes", "-p", "probe.py", "-q", queue)
    stack.start_agent("bare", "-q", queue)

    state = ended(stack, run(stack))["state"]

    assert state["type"] == "CRASHED"
    for part in ("nowhere_to_be_found", "probe.py, line 3", "bare", "sha256:"):
        assert part in state["message"]


def test_modules_of_the_agents_machine_are_imported_from_the_paths_that_it_was_given(stack: Stack) -> None:
    queue = registered(stack, "import of_this_machine\ntell(of_this_machine.word)")
    for name in ("first", "second"):
        (stack.folder / name).mkdir()
        (stack.folder / name / "of_this_machine.py").write_text(f"word = {name!r}\n")
    paths = ["-p", str(stack.folder / "first"), "--import-path", str(stack.folder / "second")]
    agent = stack.start_agent(
        "a1", "-q", queue, *paths, "-f", "--no-hostname-label", "--api", stack.url, url="http://127.0.0.1:1", wait=False
    )

    assert ended(stack, run(stack))["state"]["type"] == "COMPLETED"
    assert stack.witnessed() == ["first"]
    assert agent.stop() == 0
    refused = stack.cli("agent", "start", "-p", str(stack.folder / "third"), expect=2)
    assert "third" in refused.stderr


def test_show_flow_logs_copies_lines_and_prints_of_the_runs(stack: Stack) -> None:
    queue = registered(stack, "get_run_logger().info('a logged line')\nprint('a printed line')")
    agent = stack.start_agent("a1", "-q", queue, "--show-flow-logs")

    run_id = run(stack)
    ended(stack, run_id)

    eventually(lambda: b"a printed line" in agent.log.read_bytes(), what="the print is shown", within=20)
    eventually(lambda: b" - a logged line" in agent.log.read_bytes(), what="the line is shown", within=20)
    assert "a logged line" in stack.cli("flow-run", "logs", run_id).stdout


def test_a_second_signal_ends_the_runs_and_reports_them(stack: Stack) -> None:
    queue = registered(stack, "tell('began')\ntry:\n    time.sleep(300)\nfinally:\n    tell('cleaned up')")
    agent = stack.start_agent("a1", "-q", queue)
    run_id = run(stack)
    eventually(stack.witnessed, what="the run begins")

    agent.process.send_signal(signal.SIGTERM)
    eventually(lambda: b"draining" in agent.log.read_bytes(), what="the agent drains")
    agent.process.send_signal(signal.SIGTERM)

    assert agent.process.wait(20) == 0
    assert seen(stack, run_id)["state"]["type"] in {"CANCELLED", "CRASHED"}
    assert stack.witnessed() == ["began", "cleaned up"]
    assert not stack.run_processes()


def test_the_name_of_a_running_agent_is_refused_to_another(stack: Stack) -> None:
    stack.start_agent("taken", "-q", stack.folder.name)

    second = stack.cli("agent", "start", "--name", "taken", "-q", stack.folder.name, expect=2)

    assert "pid" in second.stderr
    assert "--name" in second.stderr


def test_an_agent_ends_by_itself_after_the_polls_it_was_given(stack: Stack) -> None:
    queue = registered(stack, "tell('ran')")
    run_id = run(stack)

    stack.cli("agent", "local", "start", "--name", "brief", "-q", queue, "--max-polls", "1")

    assert seen(stack, run_id)["state"]["type"] == "COMPLETED"


def test_the_health_address_answers_while_the_control_plane_does(stack: Stack) -> None:
    address = f"127.0.0.1:{free_port()}"
    stack.start_agent("healthy", "-q", stack.folder.name, "--agent-address", address)

    with urllib.request.urlopen(f"http://{address}/healthz", timeout=5) as answer:
        told = json.load(answer)
    with pytest.raises(urllib.error.HTTPError, match="404"):
        urllib.request.urlopen(f"http://{address}/other", timeout=5)

    assert told["name"] == "healthy"
    assert told["status"] == "ok"


def test_an_agent_whose_key_is_revoked_ends_in_words(stack: Stack) -> None:
    made = stack.json("auth", "create-key", "-n", "mortal", "--role", "agent")
    agent = stack.start_agent("mortal", "-q", stack.folder.name, "--key", made["key"], wait=False)
    eventually(lambda: "mortal" in stack.cli("agent", "ls", "--json").stdout, what="the agent registers", every=0.2)

    stack.cli("auth", "revoke-key", "--id", made["id"], "--yes")

    assert agent.process.wait(15) == 4
    assert "Traceback" not in agent.log.read_text()


def test_an_agent_without_a_key_says_how_to_get_one(stack: Stack) -> None:
    done = stack.cli("agent", "start", "-q", "q", expect=4, HOMEPORT_API_KEY="")

    assert "create-key --role agent" in done.stderr


def test_an_agent_waits_for_a_control_plane_that_is_not_there_yet(stack: Stack) -> None:
    agent = stack.start_agent("patient", "-q", "q", url=f"http://127.0.0.1:{free_port()}", wait=False)

    eventually(lambda: b"no answer from the control plane" in agent.log.read_bytes(), what="the outage is told")

    assert agent.process.poll() is None
    assert agent.stop() == 0
    assert "Traceback" not in agent.log.read_text()


def test_a_drained_agent_leaves_no_poll_behind_that_could_take_a_run(stack: Stack) -> None:
    queue = registered(stack, "tell('ran')")
    gone = stack.start_agent("gone", "-q", queue)
    stack.start_agent("stays", "-q", queue, "--limit", "1")

    assert gone.stop() == 0
    runs = [run(stack) for _ in range(3)]

    for run_id in runs:
        assert ended(stack, run_id, within=15)["agent"]["name"] == "stays"
