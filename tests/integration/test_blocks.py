"""Blocks from end to end: code in the storage of a block, run by an agent, and moved without registering again."""

from __future__ import annotations

import json
import platform
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
    first.rename(second)
    shutil.rmtree(stack.home / "code")  # what the agent has fetched
    python(
        stack,
        f"""
        from homeport.blocks import update_block
        print(update_block({kept!r}, fields={{"path": {str(second)!r}}}, secrets={{}}).revision)
        """,
    )
    moved = stack.cli("run", "--project", name, "-n", "by-block", "--watch")
    here = stack.cli("run", "--project", name, "-n", "by-block", "--execute")
    second.rename(stack.folder / "gone")
    lost = stack.cli("run", "--project", name, "-n", "by-block", "--execute", expect=1)
    agent.stop()

    assert kept == f"folder/{name}"
    assert f"Building {kept} storage" in told.stdout
    assert "Skipped (unchanged)" in again.stdout
    assert "ran" in ran.stdout + ran.stderr
    assert "ran" in moved.stdout + moved.stderr
    assert "ran" in here.stdout + here.stderr
    assert f"The run was cancelled before its start: the folder {second}" in lost.stderr
    assert (stored > 0, first.exists()) == (True, False)


def test_registering_by_a_block_that_is_not_there_says_how_to_make_it(stack: Stack) -> None:
    name = stack.folder.name.replace("_", "-")
    stack.write_flow("pyproject.toml", "")
    stack.write_flow("by_block.py", FLOW)
    stack.cli("create", "project", name)

    refused = stack.cli("register", "--project", name, "-p", "by_block.py", "-sb", f"folder/{name}", expect=3)

    assert f"homeport block create folder/{name}" in refused.stderr


USING = """
    from homeport import flow, task
    from homeport.blocks.system import JSON, Secret
    from homeport.filesystems import LocalFileSystem
    from homeport.infrastructure import Process

    @task(persist_result=True, result_storage="folder/%(name)s")
    def answer():
        return Secret.load("%(name)s").get()[:3] + str(JSON.load("%(name)s").value["n"])

    limits = JSON.load("%(name)s")  # at import nobody is asked

    @flow(name="using", result_storage=LocalFileSystem.load("%(name)s"))
    def using():
        return answer()

    @flow(name="waiting", log_prints=True)
    async def waiting():
        storage = await LocalFileSystem.load("%(name)s")
        print("kept in", storage.path, (await limits).value, (await Secret.load("%(name)s")).get()[:3])

    using.storage = LocalFileSystem.load("%(name)s")
    using.run_config = Process.load("%(name)s")
    waiting.storage = LocalFileSystem.load("%(name)s")
"""


def test_a_secret_that_the_agents_machine_lacks_ends_the_run_with_block_machine_and_mend(stack: Stack) -> None:
    name, queue = stack.folder.name.replace("_", "-"), f"q-{stack.folder.name}"
    stack.write_flow("pyproject.toml", "")
    stack.write_flow("lacking.py", f"""
        from homeport import flow
        from homeport.blocks.system import Secret

        @flow
        def lacking():
            return Secret.load({name!r}).get()
    """)  # fmt: skip
    stack.cli("create", "project", name)
    stack.cli("block", "create", f"secret/{name}", "--secret", "value=env:NOWHERE_SET")
    stack.cli("register", "--project", name, "-p", "lacking.py", "-q", queue)
    stack.start_agent("elsewhere", "-q", queue)

    run = stack.cli("run", "-n", "lacking", "--project", name, "--watch", expect=1)

    told = run.stdout + run.stderr
    assert f"The block secret/{name}, on {platform.node()}: The secret env:NOWHERE_SET is not there" in told
    assert "export NOWHERE_SET=" in told


def test_a_run_reads_blocks_with_its_own_token_and_keeps_results_in_the_storage_of_one(stack: Stack) -> None:
    name, queue = stack.folder.name.replace("_", "-"), f"q-{stack.folder.name}"
    (stack.folder / "the-secret").write_text("abcdef\n")
    stack.write_flow("pyproject.toml", "")
    stack.write_flow("using.py", USING % {"name": name})
    stack.cli("create", "project", name)
    python(
        stack,
        f"""
        from homeport.blocks.system import JSON
        from homeport.filesystems import LocalFileSystem
        from homeport.infrastructure import Process
        LocalFileSystem(basepath={str(stack.folder / "kept")!r}).save({name!r})
        Process(env={{"GREETING": "hello"}}).save({name!r})
        JSON({{"n": 7}}).save({name!r})
        print(1)
        """,
    )
    stack.cli("block", "create", f"secret/{name}", "--secret", f"value=file:{stack.folder / 'the-secret'}")
    stack.cli("register", "--project", name, "-p", "using.py", "-q", queue)
    agent = stack.start_agent(f"agent-{name}", "-q", queue)

    stack.cli("run", "--project", name, "-n", "using", "--watch")
    waited = stack.cli("run", "--project", name, "-n", "waiting", "--watch").stdout
    agent.stop()
    run = next(run for run in stack.json("flow-run", "ls", "--project", name) if run["flow"]["name"] == "using")
    read = python(
        stack,
        f"""
        import json
        from homeport.backend import FlowRunView
        from homeport.results import read_result
        kept = FlowRunView.from_flow_run_id({run["id"]!r}).state.result_reference
        print(json.dumps([read_result(kept), kept["storage"]]))
        """,
    )

    assert read == ["abc7", {"kind": "folder", "block": f"folder/{name}"}]
    assert f"kept in {stack.folder / 'kept'} {{'n': 7}} abc" in waited
    assert list((stack.folder / "kept").rglob("*"))


def test_a_run_of_an_older_version_whose_block_was_deleted_says_so(stack: Stack) -> None:
    name, queue = stack.folder.name.replace("_", "-"), f"q-{stack.folder.name}"
    stack.write_flow("pyproject.toml", "")
    stack.cli("create", "project", name)
    for block in ("old", "new"):
        stack.write_flow(
            "by_block.py", f"{FLOW}    # {block}\n"
        )  # or an agent that has the new code has the old one, too
        stack.cli("block", "create", f"folder/{name}-{block}", "--field", f"path={stack.folder}/{block}")
        stack.cli("register", "--project", name, "-p", "by_block.py", "-q", queue, "-sb", f"folder/{name}-{block}")
        stack.cli("run", "--project", name, "-n", "by-block", "--run-name", f"{name}-{block}")
    stack.cli("block", "delete", f"folder/{name}-old")

    stack.start_agent(f"agent-{name}", "-q", queue)
    failed = stack.cli("flow-run", "watch", f"{name}-old", expect=1, within=90)
    done = stack.cli("flow-run", "watch", f"{name}-new", within=90)

    told = failed.stdout + failed.stderr
    assert f"the block folder/{name}-old, which alone said where the code lies, was deleted after this version" in told
    assert "create one of the newest version" in told
    assert done.returncode == 0


def test_a_block_that_is_not_there_is_named_where_it_is_needed_and_not_where_it_is_imported(stack: Stack) -> None:
    name = stack.folder.name.replace("_", "-")

    seen = python(
        stack,
        f"""
        import json
        from homeport.filesystems import LocalFileSystem, RemoteFileSystem
        from homeport.blocks.system import Secret, String
        said = []
        loaded = LocalFileSystem.load({name!r})
        for use in (lambda: loaded.path, lambda: String.load({name!r}).value, lambda: Secret.load({name!r}).get(),
                    lambda: Secret(value="hunter2"), lambda: RemoteFileSystem(basepath="s3://bucket/x")):
            try:
                use()
            except (ValueError, TypeError) as error:
                said.append(str(error))
        print(json.dumps(said))
        """,
    )

    assert f"no block folder/{name}" in seen[0]
    assert f"no block string/{name}" in seen[1]
    assert f"no block secret/{name}" in seen[2]
    assert "homeport block create secret/NAME" in seen[3]
    assert "hunter2" not in seen[3]
    assert "homeport.filesystems.S3" in seen[4]
