"""A flow that tells a witness file what it did, and waits at a gate that the test opens.

Between start and gate the test kills something; what the witness holds afterwards is the truth that no database can
colour.
"""

from pathlib import Path
from typing import Any

from tests.services.stack import Stack
from tests.services.waiting import eventually

SOURCE = """
    import os, time
    from pathlib import Path
    from homeport import flow, get_run_logger, task

    WITNESS = Path(os.environ["WITNESS"])

    def tell(what, name):
        with WITNESS.open("a") as witness:
            witness.write(f"{what} {name}\\n")

    @task
    def step(number):
        get_run_logger().info("line %d", number)
        return number

    @flow(name="gated"OPTIONS)
    def gated(name: str = "run", gate: str = "", lines: int = 20):
        tell("start", name)
        half = [step(number) for number in range(lines // 2)]
        tell("half", name)
        while gate and not Path(gate).exists():
            time.sleep(0.02)
        rest = [step(number) for number in range(lines // 2, lines)]
        tell("end", name)
        return sum(half + rest)
"""


def register_gated(stack: Stack, *, options: str = "") -> None:
    """Register the flow `gated` in project Chaos; `options` go into its decorator."""
    stack.write_flow("pyproject.toml", "")
    stack.write_flow("gated.py", SOURCE.replace("OPTIONS", f", {options}" if options else ""))
    stack.cli("create", "project", "Chaos", "--skip-if-exists")
    stack.cli("register", "--project", "Chaos", "-p", "gated.py")


class GatedRun:
    """One run of `gated` that stands at its gate until `open_gate()`."""

    def __init__(self, stack: Stack, name: str = "run") -> None:
        self.stack, self.name = stack, name
        self.gate: Path = stack.folder / f"gate-{name}"
        created = stack.json(
            "run", "-n", "gated", "--project", "Chaos", "--run-name", name,
            "--param", f"name={name}", "--param", f"gate={self.gate}",
        )  # fmt: skip
        self.id: str = created["id"]

    def reach_the_gate(self) -> None:
        eventually(lambda: f"half {self.name}" in self.stack.witnessed(), what="the run reaches its gate", within=60)

    def open_gate(self) -> None:
        self.gate.touch()

    def seen(self) -> dict[str, Any]:
        """The run as the control plane shows it; empty while it cannot be asked."""
        done = self.stack.cli("flow-run", "inspect", self.id, "--json", expect=None)
        if done.returncode != 0:
            return {}
        import json

        seen: dict[str, Any] = json.loads(done.stdout)
        return seen

    def ends(self, *types: str, within: float = 90) -> dict[str, Any]:
        """Wait for a final state, which must be one of `types`; the run."""
        final = {"COMPLETED", "FAILED", "CRASHED", "CANCELLED"}
        run = eventually(
            lambda: (seen := self.seen()) and seen["state"]["type"] in final and seen,
            what=f"run {self.name} ends", within=within, every=0.3,
        )  # fmt: skip
        assert run["state"]["type"] in types, run["state"]
        return run

    def lines(self) -> list[int]:
        """The numbers of the stored log lines `line N`, in order."""
        output = self.stack.cli("flow-run", "logs", self.id, "--json").stdout
        import json

        messages = [json.loads(line)["message"] for line in output.splitlines()]
        return [int(message.split()[1]) for message in messages if message.startswith("line ")]
