"""`run --watch` on a real terminal: the task tree stands below the log while the run goes on."""

from pathlib import Path

from tests.chaos.gated_flow import register_gated
from tests.services.stack import Stack
from tests.services.terminal import Terminal


def test_the_task_tree_is_live_below_the_log(stack: Stack) -> None:
    register_gated(stack)
    stack.start_agent("watched")
    gate: Path = stack.folder / "gate"

    terminal = Terminal(
        stack, "run", "-n", "gated", "--project", "Chaos", "--watch", "--param", f"gate={gate}", "--param", "lines=8"
    )
    terminal.reads("step [4]  4 completed")
    assert "Running for" in terminal.written
    gate.touch()
    terminal.reads("step [8]  8 completed")
    terminal.reads("ended Completed")

    assert terminal.process.wait(20) == 0
    assert "\x1b[1A\x1b[2K" in terminal.written
