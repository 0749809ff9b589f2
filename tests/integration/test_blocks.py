"""Blocks from end to end: code in the storage of a block, run by an agent, and moved without registering again."""

from __future__ import annotations

import json
import shutil
from typing import Any

from tests.services.stack import Stack

FLOW = """
    from homeport import flow

    @flow(name="by-block")
    def by_block():
        print("ran")
"""


def python(stack: Stack, source: str) -> Any:
    """What a script of the user's prints as JSON."""
    import subprocess
    import sys
    import textwrap

    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(source)],
        env=stack.environment(), cwd=stack.code, capture_output=True, text=True, timeout=60,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_a_flow_in_the_storage_of_a_block_follows_the_block_wherever_it_moves(stack: Stack) -> None:
    first, second, queue = stack.folder / "first", stack.folder / "second", f"q-{stack.folder.name}"
    name = stack.folder.name.replace("_", "-")
    stack.write_flow("pyproject.toml", "")
    stack.write_flow("by_block.py", FLOW)
    stack.cli("create", "project", name)
    kept = python(
        stack,
        f"""
        import json
        from homeport.storage import LocalFileSystem
        print(json.dumps(LocalFileSystem({str(first)!r}).save({name!r})))
        """,
    )
    told = stack.cli("register", "--project", name, "-p", "by_block.py", "-q", queue, "--storage-block", kept)
    stored = sum(1 for path in first.rglob("*") if path.is_file())
    again = stack.cli("register", "--project", name, "-p", "by_block.py", "-q", queue, HOMEPORT_STORAGE_BLOCK=kept)
    agent = stack.start_agent(f"agent-{name}", "-q", queue)

    ran = stack.cli("run", "--project", name, "-n", "by-block", "--watch")
    agent.stop()
    first.rename(second)
    shutil.rmtree(stack.home / "code")  # what the agent has fetched
    agent = stack.start_agent(f"agent-{name}", "-q", queue)
    python(
        stack,
        f"""
        from homeport.blocks import update_block
        print(update_block({kept!r}, fields={{"path": {str(second)!r}}}, secrets={{}}).revision)
        """,
    )
    moved = stack.cli("run", "--project", name, "-n", "by-block", "--watch")
    agent.stop()

    assert kept == f"folder/{name}"
    assert f"Building {kept} storage" in told.stdout
    assert "Skipped (unchanged)" in again.stdout
    assert "ran" in ran.stdout + ran.stderr
    assert "ran" in moved.stdout + moved.stderr
    assert (stored > 0, first.exists()) == (True, False)


def test_registering_by_a_block_that_is_not_there_says_how_to_make_it(stack: Stack) -> None:
    name = stack.folder.name.replace("_", "-")
    stack.write_flow("pyproject.toml", "")
    stack.write_flow("by_block.py", FLOW)
    stack.cli("create", "project", name)

    refused = stack.cli("register", "--project", name, "-p", "by_block.py", "-sb", f"folder/{name}", expect=3)

    assert f"homeport block create folder/{name}" in refused.stderr
