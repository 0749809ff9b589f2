"""A flow whose code is kept as an image: registered where Docker is, run by an agent that has no Docker."""

import sys
from pathlib import Path

from tests.services.docker_world import READY, DockerWorld
from tests.services.pages import ROOT, follow
from tests.services.registry import PASSWORD, USER
from tests.services.stack import Stack

FLOW = """
    import os
    from homeport import flow
    from homeport.storage import Docker
    from lib.words import greeting

    @flow(storage=Docker(
        registry_url="{registry}", image_name="etl", base_image="{base}", local_image=True, base_url="{engine}",
        username="{user}", password="env:REGISTRY_PASSWORD",
    ))
    def etl(name: str = "world"):
        with open(os.environ["WITNESS"], "a") as witness:
            witness.write(greeting(name) + "\\n")
"""


def test_an_agent_without_docker_and_without_the_source_runs_the_code_of_an_image(
    stack: Stack, docker_world: DockerWorld
) -> None:
    write(stack, docker_world)
    register = ["register", "--project", "Docker", "-p", "flow.py", "-q", stack.folder.name]
    stack.cli("create", "project", "Docker", "--skip-if-exists")

    first = stack.cli(*register)
    before = set(docker_world.registry.blobs())
    unchanged = stack.cli(*register)
    words("good day ", stack)
    changed = stack.cli(*register)

    assert "1 registered, 0 skipped" in first.stdout
    assert "Skipped (unchanged)" in unchanged.stdout
    assert "Building Docker storage..." in unchanged.stdout
    assert "1 registered, 0 skipped" in changed.stdout
    assert len(set(docker_world.registry.blobs()) - before) == 3  # the layer of code, a config, a manifest
    for path in sorted(stack.code.rglob("*.py")):
        path.unlink()
    stack.start_agent("a1", "-q", stack.folder.name)
    done = stack.cli("run", "-n", "etl", "--project", "Docker", "--param", "name=moon", "--watch")
    assert "Completed" in done.stdout + done.stderr
    assert stack.witnessed() == ["good day moon"]


def test_a_flow_that_its_image_cannot_import_is_not_registered(stack: Stack, docker_world: DockerWorld) -> None:
    write(stack, docker_world)
    beside = stack.folder / "only-here"
    beside.mkdir()
    (beside / "only_on_this_machine.py").touch()
    (stack.code / "lib/words.py").write_text("import only_on_this_machine\ndef greeting(name): return name\n")
    stack.cli("create", "project", "Docker", "--skip-if-exists")
    register = ["register", "--project", "Docker", "-p", "flow.py", "-q", stack.folder.name]

    for _ in range(2):  # what was refused is not taken for verified the next time
        refused = stack.cli(*register, expect=1, PYTHONPATH=str(beside))

        assert "No module named 'only_on_this_machine'" in refused.stderr
        assert "lib/words.py, line 1" in refused.stderr
        assert "python_dependencies" in refused.stderr
        assert "0 registered, 0 skipped, 1 failed" in refused.stdout


def test_the_guide_does_what_it_says(stack: Stack, docker_world: DockerWorld, tmp_path: Path) -> None:
    """With this machine's registry for the reader's, and its image for the one of Docker Hub."""
    docker_world.push_base("base/python:3.11")
    text = (ROOT / "docs/guides/storage-docker.md").read_text()

    follow(
        text.replace("registry.example.com", docker_world.registry.host),
        folder=tmp_path,
        environment=stack.environment(
            PATH=f"{Path(sys.executable).parent}:/usr/bin:/bin",
            DOCKER_HOST=docker_world.engine.url,
        ),
    )

    assert {tag.partition("-")[0] == "env" for tag in docker_world.registry.tags("code")} == {True, False}


def write(stack: Stack, world: DockerWorld) -> None:
    stack.write_flow("pyproject.toml", "")
    stack.write_flow(
        "flow.py",
        FLOW.format(registry=world.registry.host, base=READY, engine=world.engine.url, user=USER),
    )
    words("hello ", stack)
    assert PASSWORD not in (stack.code / "flow.py").read_text()


def words(greeting: str, stack: Stack) -> Path:
    return stack.write_flow("lib/words.py", f"def greeting(name):\n    return '{greeting}' + name\n")
