"""docs/reference/from-prefect.md: where each name that people import from Prefect 1.4.1 and 2.x lives here."""

import importlib
import json
import re
from pathlib import Path

import pytest

import homeport

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "reference" / "from-prefect.md"
KNOWN = json.loads((ROOT / "tests" / "data" / "prefect_names.json").read_text())
ROW = re.compile(r"^\| `(prefect[\w.]*)` \| (?:`(homeport[\w.]*)`|—) \|(.*)\|$", re.MULTILINE)
ROWS = [(theirs, ours, remark.strip()) for theirs, ours, remark in ROW.findall(PAGE.read_text())]


def found(path: str) -> object:
    """What `from module import name` finds, for the dotted path of both; or the module of that path."""
    module, _, name = path.rpartition(".")
    try:
        return getattr(importlib.import_module(module), name)
    except AttributeError:
        return importlib.import_module(path)


@pytest.mark.parametrize(("theirs", "ours"), [(theirs, ours) for theirs, ours, _ in ROWS if ours])
def test_the_name_can_be_imported_from_where_the_table_says(theirs, ours):
    assert found(ours) is not None


ARGUMENTS = {
    "Flow": "schedule executor run_config storage reference_tasks state_handlers on_failure validate "
    "terminal_state_handler result",
    "Task": "slug tags retry_on timeout trigger skip_on_upstream_skip cache_for cache_validator cache_key checkpoint "
    "state_handlers on_failure log_stdout result target task_run_name nout",
    "flow": "name version flow_run_name task_runner description timeout_seconds validate_parameters persist_result "
    "result_storage result_serializer cache_result_in_memory log_prints on_completion on_failure on_cancellation "
    "on_crashed on_running",
    "task": "name description tags version cache_key_fn cache_expiration task_run_name retry_jitter_factor "
    "persist_result result_storage result_serializer result_storage_key cache_result_in_memory timeout_seconds "
    "log_prints refresh_cache on_completion on_failure retry_condition_fn viz_return_value",
}


@pytest.mark.parametrize(("of", "argument"), [(of, name) for of, names in ARGUMENTS.items() for name in names.split()])
def test_the_argument_is_taken(of, argument):
    given = {argument: None}
    if of == "Flow":
        homeport.Flow("a flow", **given)
    elif of == "Task":
        homeport.Task(**given)
    else:
        getattr(homeport, of)(**given)(lambda: None)


@pytest.mark.parametrize("version", sorted(KNOWN))
def test_every_public_name_has_its_row(version):
    listed = {theirs for theirs, _, _ in ROWS}
    names = {f"{module}.{name}" for module, names in KNOWN[version].items() for name in names}

    assert names - listed == set()


def test_a_name_that_is_not_here_says_what_to_use_instead():
    assert [theirs for theirs, ours, remark in ROWS if not ours and not remark] == []


def test_no_name_has_two_rows():
    names = [theirs for theirs, _, _ in ROWS]

    assert len(names) == len(set(names))
