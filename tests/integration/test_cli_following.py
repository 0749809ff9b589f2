"""Following a run with `--watch` and `logs -f`: nothing missing, nothing twice, and the outcome as the exit code."""

import asyncio
import functools
import json
import re
import signal
import subprocess
import time
from pathlib import Path

import pytest

from tests.services import ctrl_c
from tests.services.fault_proxy import FaultProxy
from tests.services.stack import PROGRAM, Stack
from tests.services.waiting import eventually

GATED = """
    import os, time
    from pathlib import Path
    from homeport import flow, get_run_logger

    @flow(name="counting")
    def counting(lines: int = 30, gate: str = "", fail: bool = False):
        for number in range(lines // 2):
            get_run_logger().info("line %d", number)
        while gate and not Path(gate).exists():
            time.sleep(0.02)
        for number in range(lines // 2, lines):
            get_run_logger().info("line %d", number)
        if fail:
            raise ValueError("the reason")
"""


class NoSockets(FaultProxy):
    """A proxy that lets requests through and hangs up on WebSockets, as some corporate ones do."""

    async def _tunnel(
        self,
        client_in: asyncio.StreamReader,
        client_out: asyncio.StreamWriter,
        server_in: asyncio.StreamReader,
        server_out: asyncio.StreamWriter,
    ) -> None:
        return None


@pytest.fixture
def counting(stack: Stack) -> Stack:
    stack.write_flow("pyproject.toml", "")
    stack.write_flow("counting.py", GATED)
    stack.cli("create", "project", "Counting", "--skip-if-exists")
    stack.cli("register", "--project", "Counting", "-p", "counting.py", "-q", stack.folder.name, "--force")
    return stack


def start(stack: Stack, *arguments: str, url: str | None = None) -> subprocess.Popen[str]:
    """The program in the background, its output in pipes."""
    return subprocess.Popen(
        [PROGRAM, *arguments],
        env=stack.environment(HOMEPORT_API_URL=url or stack.url),
        cwd=stack.code,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=ctrl_c.heard_here,
    )


def gated_run(stack: Stack, name: str) -> tuple[str, Path]:
    """A run that stands at its gate with half of its lines logged; its id and the gate."""
    gate = stack.folder / f"gate-{name}"
    run = stack.json("run", "-n", "counting", "--project", "Counting", "--run-name", name, "--param", f"gate={gate}")
    stored = ["flow-run", "logs", run["id"], "--grep", "line"]
    eventually(lambda: stack.cli(*stored).stdout.count("line") >= 15, what="half of the lines are there", every=0.2)
    return run["id"], gate


def _grew(proxy: FaultProxy, before: int) -> bool:
    return len(proxy.recorded) > before


def numbers(output: str) -> list[int]:
    """The numbers of the lines that the flow logged; a traceback's `line 15, in ...` is none of them."""
    return [int(number) for number in re.findall(r"line (\d+)$", output, re.MULTILINE)]


def test_watching_shows_every_state_and_line_in_order_and_ends_with_timings(counting: Stack) -> None:
    counting.start_agent("a1", "-q", counting.folder.name)

    done = counting.cli("run", "-n", "counting", "--project", "Counting", "--watch")

    assert numbers(done.stdout) == list(range(30))
    states = [line.split("  state     ")[1].split()[0] for line in done.stdout.splitlines() if "  state     " in line]
    assert states[0] == "Scheduled"
    assert states[-1] == "Completed"
    assert "created" in done.stdout
    assert "finished" in done.stdout


@pytest.mark.parametrize("sockets", [True, False], ids=["by socket", "by asking"])
def test_of_a_run_that_has_ended_states_stand_between_the_lines_as_they_came(counting: Stack, sockets: bool) -> None:
    counting.start_agent("a1", "-q", counting.folder.name)
    run_id, gate = gated_run(counting, f"ended-{sockets}-{counting.folder.name}")
    gate.touch()
    counting.cli("flow-run", "watch", run_id)

    with NoSockets(counting.url) as proxy:
        url = counting.url if sockets else proxy.url
        done = counting.cli("flow-run", "watch", run_id, HOMEPORT_API_URL=url)

    told = [line.split("  ")[0] for line in done.stdout.splitlines() if re.match(r"\d{4}-\d\d-\d\dT", line)]
    assert told[:-1] == sorted(told[:-1])  # the last is the state that ended it, which stands behind every line
    assert "  state     " in done.stdout.splitlines()[0]
    assert numbers(done.stdout) == list(range(30))
    assert done.stdout.count("  state     Running") == 1
    assert done.stdout.count("  state     Completed") == 1


def test_a_failed_run_ends_the_watch_with_exit_code_one_and_its_reason(counting: Stack) -> None:
    counting.start_agent("a1", "-q", counting.folder.name)

    done = counting.cli("run", "-n", "counting", "--project", "Counting", "--param", "fail=true", "--watch", expect=1)

    assert "ValueError: the reason" in done.stdout
    assert "homeport flow-run logs" in done.stderr


def test_following_survives_cut_connections_without_gap_and_without_duplicate(counting: Stack) -> None:
    counting.start_agent("a1", "-q", counting.folder.name)
    run_id, gate = gated_run(counting, f"cut-{counting.folder.name}")

    with FaultProxy(counting.url) as proxy:
        follower = start(counting, "logs", "-f", run_id, "--grep", "line", "--json", "message", url=proxy.url)
        assert follower.stdout is not None
        seen = [follower.stdout.readline() for _ in range(15)]
        for _ in range(3):
            before = len(proxy.recorded)
            proxy.cut_all()
            eventually(functools.partial(_grew, proxy, before), what="it came back")
        gate.touch()
        rest, trouble = follower.communicate(timeout=30)

    shown = [json.loads(line)["message"] for line in [*seen, *rest.splitlines()]]
    assert shown == [f"line {number}" for number in range(30)]
    assert follower.returncode == 0, trouble


def test_following_works_where_websockets_do_not(counting: Stack) -> None:
    counting.start_agent("a1", "-q", counting.folder.name)

    with NoSockets(counting.url) as proxy:
        done = counting.cli("run", "-n", "counting", "--project", "Counting", "--watch", HOMEPORT_API_URL=proxy.url)

    assert numbers(done.stdout) == list(range(30))
    assert "Completed" in done.stdout


def test_a_run_that_no_agent_can_take_is_diagnosed_within_seconds(counting: Stack) -> None:
    began = time.monotonic()
    watch = start(counting, "run", "-n", "counting", "--project", "Counting", "--watch")
    assert watch.stderr is not None

    said = ""
    while "homeport agent" not in said:
        said += watch.stderr.readline()
    waited = time.monotonic() - began
    watch.send_signal(signal.SIGINT)
    _, rest = watch.communicate(timeout=20)

    assert counting.folder.name in said
    assert waited < 20
    assert watch.returncode == 130
    assert "homeport flow-run cancel" in rest


def test_a_watch_that_takes_too_long_ends_with_exit_code_six_and_the_run_goes_on(counting: Stack) -> None:
    asked = ["run", "-n", "counting", "--project", "Counting", "--run-name", f"slow-{counting.folder.name}"]

    counting.cli(*asked, "--watch", "--timeout", "0.5", expect=6)

    assert counting.json("flow-run", "inspect", asked[-1])["state"]["type"] == "SCHEDULED"


def test_a_part_of_a_log_can_be_asked_for(counting: Stack) -> None:
    counting.start_agent("a1", "-q", counting.folder.name)
    run = f"parts-{counting.folder.name}"
    counting.cli(
        "run", "-n", "counting", "--project", "Counting", "--run-name", run, "--param", "fail=true", "--watch", expect=1
    )

    def shown(*options: str) -> list[int]:
        return numbers(counting.cli("flow-run", "logs", run, *options).stdout)

    assert shown("--head", "3") == [0, 1, 2]
    assert shown("--grep", "line 2") == [2, *range(20, 30)]
    assert shown("--level", "error") == []
    assert "the reason" in counting.cli("flow-run", "logs", run, "--level", "error").stdout
    assert shown("--since", "1h") == list(range(30))
    assert shown("--attempt", "2") == []
    assert counting.cli("flow-run", "logs", run, "--tail", "0").stdout == ""
