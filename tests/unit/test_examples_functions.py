"""The examples of function flows run, as programs of their own, and show what they say."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

FOLDER = Path(__file__).parents[2] / "examples" / "functions"
SHOWN = {
    "asks_a_person": ["sent for 20 (no note)", "sent for 500 (go on)", "not sent"],
    "async_flow": ["gathered 100", "submitted 100"],
    "cleaning_up": ["well -> Completed", "badly -> Failed", "too long -> Cancelled", "cluster down"],
    "failure_report": ["10\n", "2 of 3 files were not imported", "line 3 has no price"],
    "hooks": ["load: load-1 is Failed", "warehouse: ", " is Completed", "tidied up after warehouse"],
    "retries_with_backoff": ["retry 1 of 5", "retry 2 of 5", "tea costs 3.2"],
    "run_context": ["round of north | {'shop': 'north'} | measure-0 of round-of-shops", "the same: round of north"],
    "run_names": ["reports of Monday | north: 05 January | south: 05 January", "Flow run 'reports of Monday'"],
    "secrets_masked": ["connecting as *** with ***", "token ***", "refused: {'user': '***', 'password': '***'}"],
    "states_and_futures": ["check-2 ended Failed", "Completed('2 hosts are up')", "Failed('2 of 3 hosts are down')"],
    "subflows": ["orders one, orders two, prices one, prices two", "Task run 'ingest Orders' - Finished"],
    "tasks_as_methods": ["with tax 357.0", "without 300.0"],
    "tested_flow": ["converted 22.0"],
    "timeouts": ["called: TimedOut", "submitted: nothing to send", "Finished in state Completed"],
    "validated_parameters": ["Ada (25%), Monday, normal", "customer.name: Field required", "(it was given 'warp')"],
}
NEVER_SHOWN = ("correct-horse", "battery-staple", "Exception in thread")


@pytest.mark.parametrize("name", sorted(path.stem for path in FOLDER.glob("*.py")))
def test_an_example_runs_and_shows_what_it_is_about(name, tmp_path):
    done = subprocess.run(
        [sys.executable, FOLDER / f"{name}.py"],
        env={**os.environ, "HOMEPORT_HOME": str(tmp_path), "PYTHON_KEYRING_BACKEND": "keyring.backends.fail.Keyring"},
        cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip

    shown = done.stdout + done.stderr
    assert done.returncode == 0, shown
    assert not [text for text in SHOWN[name] if text not in shown], shown
    assert not [text for text in NEVER_SHOWN if text in shown], shown
