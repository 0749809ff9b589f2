"""Flows on an agent whose results are of ten gigabytes: a message, the state that fits, and no state lost."""

from typing import Any

import pytest

from tests.services.stack import Stack
from tests.services.waiting import eventually

FLOWS = """
    import mmap, tempfile
    from pickle import PickleBuffer
    from homeport import Flow, flow, task
    from homeport.task_runners import ProcessTaskRunner

    class Huge:
        # Ten gigabytes, pickled, of a file with nothing in it.
        def __init__(self):
            self.file = tempfile.TemporaryFile()
            self.file.truncate(10 << 30)
            self.bytes = mmap.mmap(self.file.fileno(), 0, access=mmap.ACCESS_READ)

        def __reduce_ex__(self, protocol):
            return bytes, (PickleBuffer(self.bytes),)

    @task
    def extract():
        return Huge()

    @task
    def load(found):
        return 1

    @flow(name="returned")
    def returned():
        load.submit(1)
        return Huge()

    @flow(name="kept", persist_result=True)
    def kept():
        load.submit(1)
        return Huge()

    @flow(name="sent", task_runner=ProcessTaskRunner(max_workers=1))
    def sent():
        load.submit(extract.submit())
        load.submit(1)

    with Flow("graph", executor=ProcessTaskRunner(max_workers=1)) as graph:
        load(extract())
        load(1)
"""


def ended(stack: Stack, id: str) -> dict[str, Any]:
    return eventually(
        lambda: (seen := stack.json("flow-run", "inspect", id))["state"]["type"] in ("COMPLETED", "FAILED", "CRASHED")
        and seen,
        what="the run ends", within=60, every=0.3,
    )  # fmt: skip


@pytest.fixture
def ran(stack: Stack) -> dict[str, dict[str, Any]]:
    stack.write_flow("pyproject.toml", "")
    stack.write_flow("huge.py", FLOWS)
    stack.cli("create", "project", "Huge", "--skip-if-exists")
    stack.cli("register", "--project", "Huge", "-p", "huge.py", "-q", stack.folder.name)
    stack.start_agent(f"agent-{stack.folder.name}", "-q", stack.folder.name)
    ids = {
        name: stack.json("run", "-n", name, "--project", "Huge")["id"] for name in ("returned", "kept", "sent", "graph")
    }
    return {name: ended(stack, id) for name, id in ids.items()}


def test_a_result_of_ten_gigabytes_is_a_message_where_it_would_have_to_go_somewhere(ran: dict[str, Any]) -> None:
    assert ran["returned"]["state"]["type"] == "COMPLETED"
    assert ran["returned"]["taskRunCounts"] == {"COMPLETED": 1}

    assert ran["kept"]["state"]["type"] == "FAILED"
    assert "flow 'kept': its result, serialized as 'pickle', has at least 10,737,4" in ran["kept"]["state"]["message"]
    assert "raise HOMEPORT_RESULT_MAX_BYTES" in ran["kept"]["state"]["message"]
    assert ran["kept"]["taskRunCounts"] == {"COMPLETED": 1}

    for name in ("sent", "graph"):
        assert ran[name]["state"]["type"] == "FAILED"
        assert "Task 'extract' returned a result that is too large to be sent back" in ran[name]["state"]["message"]
        assert ran[name]["taskRunCounts"] == {"FAILED": 2, "COMPLETED": 1}
