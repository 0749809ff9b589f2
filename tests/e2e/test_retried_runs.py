"""A run that is retried goes on from what its earlier attempt kept; and what the control plane holds of results."""

import json
from pathlib import Path
from typing import Any

from homeport.results import read_result
from tests.services.stack import Stack
from tests.services.waiting import eventually

FLOW = """
    import os
    from homeport import flow, task

    def tell(what):
        with open(os.environ["WITNESS"], "a") as witness:
            witness.write(f"{what}\\n")

    class Row:
        def __init__(self, number):
            self.number = number

    @task(persist_result=True)
    def extract(number):
        tell(f"extract {number}")
        return Row(number)

    @task(persist_result=True, result_serializer="json")
    def total(rows):
        tell("total")
        return {"total": sum(row.number for row in rows), "canary": "canary-in-a-result"}

    @task
    def load(found):
        tell("load")
        if not os.path.exists(os.environ["WITNESS"] + ".mended"):
            raise ConnectionError("the warehouse is away")
        return found["total"]

    @flow(name="nightly", persist_result=True)
    def nightly():
        return load(total(extract.map([1, 2, 3])))
"""


def test_a_retried_run_calls_only_what_had_not_kept_its_result(stack: Stack) -> None:
    stack.write_flow("pyproject.toml", "")
    stack.write_flow("nightly.py", FLOW)
    queue = stack.folder.name
    stack.cli("create", "project", "Nights", "--skip-if-exists")
    stack.cli("register", "--project", "Nights", "-p", "nightly.py", "-q", queue)
    stack.start_agent("keeper", "-q", queue)
    run_id = stack.json("run", "-n", "nightly", "--project", "Nights")["id"]
    assert ended(stack, run_id)["state"]["type"] == "FAILED"

    Path(f"{stack.witness}.mended").touch()
    stack.cli("flow-run", "retry", run_id)
    found = eventually(
        lambda: (seen := inspected(stack, run_id))["state"]["type"] == "COMPLETED" and seen,
        what="the retried run completes", within=40, every=0.3,
    )  # fmt: skip

    witnessed = stack.witnessed()
    assert sorted(witnessed[:3]) == ["extract 1", "extract 2", "extract 3"]
    assert witnessed[3:] == ["total", "load", "load"]
    assert "canary-in-a-result" not in json.dumps(found)
    kept = [path for path in (stack.home / "results/runs" / run_id).iterdir() if path.is_file()]
    assert len(kept) == 6  # three rows, the total, what was loaded, and the flow's own result
    total = next(path for path in kept if path.name.startswith("total-0"))
    assert json.loads(total.read_bytes().partition(b"\n")[2])["total"] == 6


def test_the_control_plane_holds_references_by_which_results_are_read(stack: Stack) -> None:
    stack.write_flow("pyproject.toml", "")
    stack.write_flow("nightly.py", FLOW)
    stack.cli("create", "project", "Nights", "--skip-if-exists")
    stack.cli("register", "--project", "Nights", "-p", "nightly.py", "-q", stack.folder.name)
    Path(f"{stack.witness}.mended").touch()
    stack.start_agent("keeper", "-q", stack.folder.name)
    run_id = stack.json("run", "-n", "nightly", "--project", "Nights")["id"]
    assert ended(stack, run_id)["state"]["type"] == "COMPLETED"

    references = asked(stack, run_id)

    assert read_result(references["flow"]) == 6
    assert read_result(references["total-0"])["total"] == 6


def inspected(stack: Stack, run_id: str) -> dict[str, Any]:
    found: dict[str, Any] = stack.json("flow-run", "inspect", run_id)
    return found


def ended(stack: Stack, run_id: str) -> dict[str, Any]:
    return eventually(
        lambda: (found := inspected(stack, run_id))["finishedAt"] and found, what="the run ends", within=40, every=0.3
    )


def asked(stack: Stack, run_id: str) -> dict[str, Any]:
    import urllib.request

    parts = "state { result } taskRuns(first: 50) { nodes { name state { result } } }"
    query = f"query($id: ID!) {{ flowRun(id: $id) {{ {parts} }} }}"
    request = urllib.request.Request(
        f"{stack.url}/graphql",
        data=json.dumps({"query": query, "variables": {"id": run_id}}).encode(),
        headers={"Authorization": f"Bearer {stack.control_plane.admin_key}", "Content-Type": "application/json"},
    )
    with urllib.request.urlopen(request, timeout=20) as answer:
        run = json.load(answer)["data"]["flowRun"]
    return {"flow": run["state"]["result"], **{one["name"]: one["state"]["result"] for one in run["taskRuns"]["nodes"]}}
