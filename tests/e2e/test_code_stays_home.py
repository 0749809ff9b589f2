"""The promise: canaries planted in code, results, environment and secrets never reach the control plane.

Looked for in a dump of every table, in the control plane's log, and in all recorded traffic. A canary in a place that
*is* metadata (a parameter) must be found by the same search, else the search could not fail.
"""

import asyncio
from collections.abc import Iterator

import asyncpg
import pytest

from tests.services.api import Api
from tests.services.fault_proxy import FaultProxy
from tests.services.samba import PASSWORD_VARIABLE, Samba
from tests.services.stack import Stack

IN_CODE, IN_RESULT, IN_ENVIRONMENT, IN_FILE = (
    "canary-code-7f3a91", "canary-result-c02b44", "canary-env-91d7e0", "canary-file-55ac18",
)  # fmt: skip
IN_PARAMETER = "canary-parameter-1b8f6c"


@pytest.fixture
def proxy(own_stack: Stack) -> Iterator[FaultProxy]:
    with FaultProxy(own_stack.control_plane.url) as running:
        own_stack.url = running.url
        yield running


def test_code_results_environment_and_files_never_reach_the_control_plane(own_stack: Stack, proxy: FaultProxy) -> None:
    own_stack.write_flow("pyproject.toml", "")
    own_stack.write_flow("data/secret.txt", IN_FILE)
    own_stack.write_flow(
        "quiet.py",
        f"""
        import os
        from homeport import flow, task
        from homeport.client import Secret

        KEPT = "{IN_CODE}"

        @task(log_prints=True)
        def work(value):
            assert os.environ["PLANTED"] == "{IN_ENVIRONMENT[:-1]}" + "0"
            print("told by mistake:", Secret("PLANTED").get())
            return "canary-result-" + "c02b44"

        @flow(flow_run_name="named after {{value}}")
        def quiet(value: str):
            return work(value)
        """,
    )
    own_stack.cli("create", "project", "Quiet")
    own_stack.cli("register", "--project", "Quiet", "-p", "quiet.py")
    own_stack.start_agent("a1", "-e", f"PLANTED={IN_ENVIRONMENT}")

    own_stack.cli("run", "-n", "quiet", "--project", "Quiet", "--param", f"value={IN_PARAMETER}", "--watch")

    seen = {
        "database": asyncio.run(dump(own_stack.control_plane.dsn())),
        "server log": own_stack.control_plane.log.read_bytes(),
        "traffic": bytes(proxy.recorded),
    }
    assert IN_PARAMETER.encode() in seen["database"]
    assert IN_PARAMETER.encode() in seen["traffic"]
    assert b"told by mistake: ***" in seen["database"]
    assert f"named after {IN_PARAMETER}".encode() in seen["database"]
    for canary in (IN_CODE, IN_RESULT, IN_ENVIRONMENT, IN_FILE):
        assert not [place for place, content in seen.items() if canary.encode() in content], canary


def test_keys_and_run_tokens_are_in_the_database_only_as_hashes(own_stack: Stack, proxy: FaultProxy) -> None:
    key = own_stack.control_plane.admin_key
    own_stack.cli("auth", "status")

    content = asyncio.run(dump(own_stack.control_plane.dsn()))

    secret = key.rsplit("_", 1)[1]
    assert key.encode() in bytes(proxy.recorded)
    assert secret[:64].encode() not in content
    assert secret.encode() not in own_stack.control_plane.log.read_bytes()


def test_the_password_of_a_storage_stays_where_it_is_resolved(
    own_stack: Stack, proxy: FaultProxy, samba: Samba
) -> None:
    """By a block whose password is a reference; a literal one is refused here, and there too when it is sent."""
    literal = "canary-literal-e0c5d2"
    own_stack.write_flow("pyproject.toml", "")
    own_stack.write_flow(
        "shared.py",
        """
        import os
        from homeport import flow

        @flow(result_storage="smb/canary")
        def kept():
            return 12

        @flow(log_prints=True)
        def shared():
            kept()
            print("told by mistake:", os.environ["TEST_SMB_PASSWORD"])
        """,
    )
    here = {PASSWORD_VARIABLE: samba.password}
    share = [f"--field={name}={samba.reference()[name]}" for name in ("host", "port", "share", "path", "username")]

    refused = own_stack.cli("block", "create", "smb/canary", *share, "--secret", f"password={samba.password}", expect=2)
    own_stack.cli("block", "create", "smb/canary", *share, "--secret", f"password=env:{PASSWORD_VARIABLE}")
    own_stack.cli("block", "check", "smb/canary", **here)
    sent = Api(own_stack.control_plane.url, own_stack.control_plane.admin_key).ask(
        'mutation($s: JSON) { updateBlock(input: {type: "smb", name: "canary", secrets: $s}) {'
        " __typename ... on Error { message hint } } }",
        s={"password": literal},
    )
    own_stack.cli("create", "project", "Shared")
    own_stack.cli("register", "--project", "Shared", "-p", "shared.py", "-n", "shared", "-sb", "smb/canary", **here)
    own_stack.start_agent("a1", "-e", f"{PASSWORD_VARIABLE}={samba.password}", **here)
    own_stack.cli("run", "-n", "shared", "--project", "Shared", "--watch")

    seen = {
        "database": asyncio.run(dump(own_stack.control_plane.dsn())),
        "server log": own_stack.control_plane.log.read_bytes(),
        "traffic": bytes(proxy.recorded),
    }
    assert sent.data["updateBlock"]["__typename"] == "InvalidInput"
    assert literal not in str(sent.body)
    assert samba.password not in refused.stdout + refused.stderr
    assert f"env:{PASSWORD_VARIABLE}".encode() in seen["database"]
    assert f"env:{PASSWORD_VARIABLE}".encode() in seen["traffic"]
    assert b"told by mistake: ***" in seen["database"]
    for canary in (literal, samba.password):
        assert not [place for place, content in seen.items() if canary.encode() in content], canary


async def dump(dsn: str) -> bytes:
    """Every row of every table, as text."""
    db = await asyncpg.connect(dsn)
    tables = await db.fetch(
        "select format('%I.%I', schemaname, tablename) as name from pg_tables"
        " where schemaname not in ('pg_catalog', 'information_schema')"
    )
    assert len(tables) > 10
    rows = [row["r"] for table in tables for row in await db.fetch(f"select t::text as r from {table['name']} t")]
    await db.close()
    return "\n".join(rows).encode()
