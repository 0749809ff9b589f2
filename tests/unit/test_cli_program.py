"""The program as a process: how fast it starts, what it prints where, and how it ends."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.services.control_plane import free_port

PROGRAM = str(Path(sys.executable).with_name("homeport"))


def homeport(home: Path, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("HOMEPORT_")}
    kept |= {"HOMEPORT_HOME": str(home), "PYTHON_KEYRING_BACKEND": "keyring.backends.fail.Keyring"}
    return subprocess.run(
        [PROGRAM, *arguments], env=kept | environment, cwd=home, capture_output=True, text=True, timeout=30
    )


def test_help_imports_no_command_and_no_network(tmp_path: Path) -> None:
    code = (
        "import sys\n"
        "from homeport.cli.main import main\n"
        "try: main(['--help'])\n"
        "except SystemExit: pass\n"
        "print([m for m in sys.modules if m.startswith(('httpx', 'rich', 'homeport.engine', 'homeport.cli.run'))])"
    )

    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=tmp_path, timeout=30)

    assert done.stdout.splitlines()[-1] == "[]"


@pytest.mark.parametrize("command", [["get", "projects"], ["flow-run", "ls"], ["doctor"]])
def test_a_list_never_imports_the_engine(tmp_path: Path, command: list[str]) -> None:
    code = (
        "import sys\n"
        "from homeport.cli.main import main\n"
        f"try: main({command!r})\n"
        "except SystemExit: pass\n"
        "print([m for m in sys.modules if m.startswith(('homeport.engine', 'pydantic', 'rich'))])"
    )
    environment = {**os.environ, "HOMEPORT_HOME": str(tmp_path), "HOMEPORT_API_URL": f"http://127.0.0.1:{free_port()}"}

    done = subprocess.run(
        [sys.executable, "-c", code],
        env=environment | {"HOMEPORT_API_KEY": "hp_x"},
        capture_output=True,
        text=True,
        cwd=tmp_path,
        timeout=30,
    )

    assert done.stdout.splitlines()[-1] == "[]"


def test_an_unknown_command_is_answered_with_the_nearest(tmp_path: Path) -> None:
    done = homeport(tmp_path, "flowrun", "ls")

    assert done.returncode == 2
    assert "homeport flow-run" in done.stderr
    assert done.stdout == ""


def test_an_unreachable_control_plane_is_one_message_with_address_source_and_hint(tmp_path: Path) -> None:
    url = f"http://127.0.0.1:{free_port()}"

    done = homeport(tmp_path, "get", "projects", HOMEPORT_API_URL=url, HOMEPORT_API_KEY="hp_x")

    assert done.returncode == 5
    assert url in done.stderr
    assert "HOMEPORT_API_URL" in done.stderr
    assert "hint: " in done.stderr
    assert len(done.stderr.splitlines()) == 3


def test_without_a_key_a_command_says_how_to_log_in(tmp_path: Path) -> None:
    done = homeport(tmp_path, "get", "projects")

    assert done.returncode == 4
    assert "homeport auth login" in done.stderr


def test_a_password_in_the_address_is_never_printed(tmp_path: Path) -> None:
    for command in (["config", "view"], ["get", "projects"], ["doctor"], ["auth", "status"]):
        done = homeport(tmp_path, *command, HOMEPORT_API_URL="http://user:topsecret@h:1", HOMEPORT_API_KEY="hp_x")

        assert "topsecret" not in done.stdout + done.stderr


def test_a_key_is_never_shown_by_the_settings(tmp_path: Path) -> None:
    done = homeport(tmp_path, "config", "view", HOMEPORT_API_KEY="hp_admin_0123456789ab_topsecret")

    assert "hp_admin_0123456789ab_..." in done.stdout
    assert "topsecret" not in done.stdout


def test_json_takes_fields_and_refuses_those_that_do_not_exist(tmp_path: Path) -> None:
    chosen = homeport(tmp_path, "config", "view", "--json", "name,source")
    wrong = homeport(tmp_path, "config", "view", "--json=nane")

    assert json.loads(chosen.stdout)[0] == {"name": "home", "source": "the variable HOMEPORT_HOME"}
    assert wrong.returncode == 2
    assert "name" in wrong.stderr


def test_a_pipe_gets_tab_separated_lines_without_colour(tmp_path: Path) -> None:
    done = homeport(tmp_path, "config", "view")

    assert done.stdout.splitlines()[0] == "name\tvalue\tfrom"
    assert "\x1b" not in done.stdout


def test_a_reader_that_goes_away_is_no_error(tmp_path: Path) -> None:
    command = f"{PROGRAM} completion bash | head -n 1"

    done = subprocess.run(["/bin/sh", "-c", command], capture_output=True, text=True, cwd=tmp_path, timeout=30)

    assert done.stderr == ""


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_scripts_are_printed_and_complete_commands(tmp_path: Path, shell: str) -> None:
    script = homeport(tmp_path, "completion", shell)
    answer = homeport(tmp_path, _HOMEPORT_COMPLETE="bash_complete", COMP_WORDS="homeport ser", COMP_CWORD="1")

    assert "_HOMEPORT_COMPLETE" in script.stdout
    assert answer.stdout.strip() == "plain,server"


def test_settings_are_written_into_the_profile_in_use(tmp_path: Path) -> None:
    homeport(tmp_path, "profile", "create", "work", "--api", "http://work:1", "--use")
    homeport(tmp_path, "config", "set", "queue=night")

    done = homeport(tmp_path, "config", "view", "--json")

    values = {setting["name"]: setting["value"] for setting in json.loads(done.stdout)}
    assert (values["profile"], values["api_url"], values["queue"]) == ("work", "http://work:1", "night")


def test_the_reference_page_is_what_the_commands_say() -> None:
    from homeport.cli.reference import page

    committed = Path(__file__).parents[2] / "docs" / "reference" / "cli.md"

    assert committed.read_text(encoding="utf-8") == page(), "make it anew: python -m homeport.cli.reference"
