"""A flow says where its code is; an agent that never saw the source file gets it from there, and runs it.

SMB from a real Samba, git over http from git's own server, and a module that is installed on the agent's machine.
"""

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.services.git_server import TOKEN, GitServer, git
from tests.services.samba import PASSWORD_VARIABLE, Samba
from tests.services.stack import Stack

FLOW = """
    import os
    from pathlib import Path

    from homeport import flow
    from homeport.storage import {kind}
    {words}

    @flow(name="{name}", storage={kind}({arguments}))
    def stored():
        with open(os.environ["WITNESS"], "a") as witness:
            witness.write(greeting() + "\\n")
"""
WORDS = "def greeting():\n    return 'from its storage'\n"


@pytest.fixture
def server(tmp_path: Path) -> Iterator[GitServer]:
    with GitServer(tmp_path / "repositories") as running:
        yield running


def test_a_flow_whose_code_lies_on_an_smb_share_runs_on_an_agent(stack: Stack, samba: Samba) -> None:
    share = f"share='data', path={stack.folder.name!r}, host='127.0.0.1', port={samba.port}, username={samba.user!r}"
    write(stack, kind="SMB", arguments=f"{share}, password='env:{PASSWORD_VARIABLE}'")

    version = registered_and_run(stack, "-p", "flow.py")

    assert version["storage"]["kind"] == "smb"
    assert version["storage"]["password"] == f"env:{PASSWORD_VARIABLE}"
    assert list((samba.share() / stack.folder.name).rglob("*"))


def test_a_flow_in_a_git_repository_runs_at_the_commit_that_was_registered(
    stack: Stack, server: GitServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GITHUB_ACCESS_TOKEN", TOKEN)
    write(stack, kind="Git", arguments="git_token_secret_name='GITHUB_ACCESS_TOKEN'")
    server.checkout("team/flows", stack.code)
    commit = git(stack.code, "rev-parse", "HEAD")
    stack.cli("create", "project", "Demo", "--skip-if-exists")
    (stack.code / "words.py").write_text("def greeting():\n    return 'not pushed'\n")
    refused = stack.cli("register", "--project", "Demo", "-p", "flow.py", expect=None)
    git(stack.code, "checkout", "--quiet", "words.py")

    version = registered_and_run(stack, "-p", "flow.py")

    assert refused.returncode != 0
    assert "words.py" in refused.stderr
    assert "git push" in refused.stderr
    assert version["storage"]["commit"] == commit
    assert version["storage"]["url"] == f"{server.url}/team/flows.git"
    assert TOKEN not in str(version)


def test_a_flow_in_an_installed_module_runs_where_it_is_installed_and_is_refused_where_it_is_another(
    stack: Stack, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    site, package = tmp_path / "site-packages", "installed_flows"
    monkeypatch.setenv("PYTHONPATH", str(site))
    write(stack, kind="Module", arguments=f"'{package}.daily'", words=f"from {package}.words import greeting")
    (site / package).mkdir(parents=True)
    (site / package / "__init__.py").touch()
    shutil.move(stack.code / "flow.py", site / package / "daily.py")
    shutil.move(stack.code / "words.py", site / package / "words.py")

    version = registered_and_run(stack, "-m", f"{package}.daily")
    (site / package / "words.py").write_text(WORDS.replace("its storage", "another version"))
    shutil.rmtree(stack.home / "code", ignore_errors=True)
    other = stack.cli("run", "-n", stack.folder.name, "--project", "Demo", "--watch", expect=None)

    assert version["storage"] == {"kind": "module", "module": f"{package}.daily"}
    assert version["entrypoint"] == f"{package}.daily:stored"
    assert "Crashed" in other.stdout + other.stderr
    assert stack.witnessed() == ["from its storage"]


def write(stack: Stack, *, kind: str, arguments: str, words: str = "from words import greeting") -> None:
    stack.write_flow("flow.py", FLOW.format(kind=kind, arguments=arguments, words=words, name=stack.folder.name))
    stack.write_flow("words.py", WORDS)


def registered_and_run(stack: Stack, *what: str) -> dict[str, Any]:
    """Register, take the source folder away, run on an agent; what the control plane knows of the version."""
    queue = stack.folder.name
    stack.cli("create", "project", "Demo", "--skip-if-exists")
    stack.cli("register", "--project", "Demo", *what, "-q", queue)
    for entry in list(stack.code.iterdir()):
        shutil.rmtree(entry) if entry.is_dir() else entry.unlink()
    stack.start_agent("a1", "-q", queue)

    done = stack.cli("run", "-n", queue, "--project", "Demo", "--watch", expect=None)

    assert "Completed" in done.stdout + done.stderr, done.stdout + done.stderr
    assert stack.witnessed() == ["from its storage"]
    version: dict[str, Any] = stack.json("describe", "flows", queue, "--project", "Demo")["latestVersion"]
    return version
