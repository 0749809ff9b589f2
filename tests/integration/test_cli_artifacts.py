"""`homeport artifact download`: what a run shows, fetched from the user's own storage."""

import base64
import subprocess
import sys

from tests.services.stack import Stack

PIXEL = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
SCRIPT = f"""
    import base64
    from homeport import flow
    from homeport.artifacts import *

    @flow
    def shows():
        create_image_artifact(image=base64.b64decode("{PIXEL}"), key="a-pixel")
        create_markdown_artifact("# Small", key="small-text")
        create_table_artifact([{{"number": n, "at": "never-leaves-home"}} for n in range(20_000)], key="large-table")
        create_link_artifact("https://example.com", key="a-link")

    shows()
"""


def shown(stack: Stack) -> None:
    stack.write_flow("pyproject.toml", "")
    path = stack.write_flow("shows.py", SCRIPT)
    stack.cli("create", "project", "Shown", "--skip-if-exists")
    environment = stack.environment(HOMEPORT_RECORD_RUNS="Shown")
    subprocess.run([sys.executable, str(path)], env=environment, cwd=stack.code, check=True, timeout=60)


def test_what_a_run_shows_is_downloaded_from_storage_and_checked(stack: Stack) -> None:
    shown(stack)

    stack.cli("artifact", "download", "a-pixel")
    stack.cli("artifact", "download", "small-text", "-o", "small.txt")
    table = stack.cli("artifact", "download", "large-table", "-o", "-").stdout
    again = stack.cli("artifact", "download", "a-pixel", expect=None)
    link = stack.cli("artifact", "download", "a-link", expect=None)
    data = stack.json("artifact", "inspect", "large-table")["data"]
    lines = stack.cli("artifact", "inspect", "a-pixel").stdout

    assert (stack.code / "a-pixel.png").read_bytes() == base64.b64decode(PIXEL)
    assert (stack.code / "small.txt").read_text() == "# Small"
    assert table.count("never-leaves-home") == 20_000
    assert again.returncode != 0
    assert "a-pixel.png is there already" in again.stderr
    assert "https://example.com" in link.stderr
    assert set(data) == {"stored", "mediaType"}
    assert "never-leaves-home" not in str(data)
    assert "image/png, 70 bytes" in lines
    assert "Stored\tartifacts/" in lines

    stored = stack.home / "results" / stack.json("artifact", "inspect", "a-pixel")["data"]["stored"]["key"]
    stored.unlink()
    gone = stack.cli("artifact", "download", "a-pixel", "--force", expect=None)

    assert gone.returncode != 0
    assert "is missing" in gone.stderr
    assert (stack.code / "a-pixel.png").exists()
