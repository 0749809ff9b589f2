"""The key of a user lies in the operating system's keyring where there is one (a real one here: gnome-keyring)."""

import shutil
import subprocess
import sys

import pytest

from tests.services.stack import PROGRAM, Stack

pytestmark = pytest.mark.skipif(
    not (shutil.which("gnome-keyring-daemon") and shutil.which("dbus-run-session")),
    reason="needs gnome-keyring and dbus (Debian: apt-get install gnome-keyring dbus)",
)

# One session bus with an unlocked keyring, as a desktop login makes it, for the commands inside.
SESSION = """
set -euo pipefail
printf 'password\\n' | gnome-keyring-daemon --unlock --components=secrets > /dev/null
printf '%s' "$KEY" | "$PROGRAM" auth login --key -
"$PROGRAM" auth status
"$PROGRAM" get projects
"$PROGRAM" auth logout
"$PROGRAM" get projects && exit 9 || echo "after logout: exit $?"
"""


def test_a_key_is_kept_in_the_keyring_and_nowhere_on_disk_in_the_clear(stack: Stack) -> None:
    key = stack.control_plane.admin_key
    environment = stack.environment(KEY=key, PROGRAM=PROGRAM)
    del environment["HOMEPORT_API_KEY"]
    del environment["PYTHON_KEYRING_BACKEND"]

    done = subprocess.run(
        ["dbus-run-session", "--", "bash", "-c", SESSION],
        env=environment | {"XDG_RUNTIME_DIR": str(stack.folder), "PYTHON": sys.executable},
        capture_output=True,
        text=True,
        timeout=60,
        cwd=stack.code,
    )

    assert done.returncode == 0, done.stdout + done.stderr
    assert "keyring" in done.stdout + done.stderr
    assert "after logout: exit 4" in done.stdout
    files = [path for path in stack.folder.rglob("*") if path.is_file()]
    assert not [path for path in files if key.encode() in path.read_bytes()]
