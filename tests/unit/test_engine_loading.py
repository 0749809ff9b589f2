"""Finding flows in files and modules."""

import sys
import textwrap
import warnings

import pytest

from homeport.engine.loading import FlowNotFound, load_flow, load_flows


@pytest.fixture
def folder(tmp_path):
    path, modules = list(sys.path), dict(sys.modules)
    yield tmp_path
    sys.path[:] = path
    for name in set(sys.modules) - set(modules):
        del sys.modules[name]


def write(folder, name, text):
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(textwrap.dedent(text))
    return path


BOTH = """
    from homeport import Flow, flow, task

    @task
    def number():
        return 3

    @flow
    def plain():
        return number()

    with Flow("Graph") as graph:
        number()
"""


def test_all_flows_of_a_file_are_found_with_their_variables(folder):
    path = write(folder, "both.py", BOTH)

    found = load_flows(path)

    assert [(one.name, one.variable, one.entrypoint_file) for one in found] == [
        ("plain", "plain", path),
        ("Graph", "graph", path),
    ]


def test_an_entrypoint_names_a_file_below_the_root_and_a_variable(folder):
    write(folder, "flows/both.py", BOTH)

    flow = load_flow("flows/both.py:graph", folder)

    assert (flow.name, flow.variable) == ("Graph", "graph")


def test_an_entrypoint_may_name_a_module(folder):
    write(folder, "shop/__init__.py", "")
    write(folder, "shop/daily.py", BOTH)

    assert load_flow("shop.daily:plain", folder).run().result() == 3


def test_imports_work_as_for_a_script_and_from_the_root(folder):
    write(folder, "common_of_root.py", "ROOT = 1")
    write(folder, "flows/beside_the_script.py", "BESIDE = 2")
    write(
        folder,
        "flows/imports.py",
        """
        from homeport import flow
        from beside_the_script import BESIDE
        from common_of_root import ROOT

        @flow
        def imports():
            import late_import
            return BESIDE, ROOT, late_import.LATE
        """,
    )
    write(folder, "flows/late_import.py", "LATE = 3")

    assert load_flow("flows/imports.py:imports", folder).run().result() == (2, 1, 3)


def test_two_files_may_each_have_their_own_module_of_the_same_name(folder):
    for place in ("one", "two"):
        write(folder, f"{place}/common.py", f"NAME = {place!r}")
        write(
            folder,
            f"{place}/flow_{place}.py",
            "from common import NAME\nfrom homeport import flow\n@flow(name=NAME)\ndef named(): ...\n",
        )

    names = [load_flows(folder / place / f"flow_{place}.py")[0].name for place in ("one", "two")]

    assert names == ["one", "two"]


def test_a_stray_call_of_a_flow_is_ignored_with_a_warning_that_names_the_line(folder):
    path = write(
        folder,
        "stray.py",
        """
        from homeport import Flow, flow, task
        from pathlib import Path

        @task
        def touch():
            Path(__file__).with_name("touched").touch()

        @flow
        def plain():
            touch()

        with Flow("Graph") as graph:
            touch()
        plain()
        graph.run()
        graph.register(project_name="Demo")
        """,
    )

    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        found = load_flows(path)

    assert len(found) == 2
    assert not (folder / "touched").exists()
    assert [str(one.message).split(":")[0] for one in caught] == [f"stray.py, line {line}" for line in (15, 16, 17)]


def test_code_below_the_main_guard_does_not_run(folder):
    path = write(folder, "guarded.py", BOTH + "\n    if __name__ == '__main__':\n        raise SystemExit\n")

    assert len(load_flows(path)) == 2


def test_a_flow_imported_from_another_file_belongs_to_that_one(folder):
    write(folder, "theirs.py", BOTH)
    path = write(
        folder, "ours.py", "from theirs import plain, graph\nfrom homeport import flow\n@flow\ndef own(): plain()"
    )

    assert [one.name for one in load_flows(path)] == ["own"]


def test_a_missing_variable_is_named_with_those_there_are(folder):
    write(folder, "both.py", BOTH)

    with pytest.raises(FlowNotFound, match=r"no flow 'plan': it is not there. Its flows: plain, graph\."):
        load_flow("both.py:plan", folder)
    with pytest.raises(FlowNotFound, match="it is of type FunctionTask"):
        load_flow("both.py:number", folder)


def test_a_missing_file_is_named(folder):
    with pytest.raises(FileNotFoundError, match=r"nothing\.py"):
        load_flow("nothing.py:flow", folder)


def test_what_the_file_raises_is_raised(folder):
    path = write(folder, "broken.py", "import not_installed_anywhere")

    with pytest.raises(ModuleNotFoundError, match="not_installed_anywhere"):
        load_flows(path)


def test_a_file_that_exits_is_an_import_error(folder):
    path = write(folder, "leaves.py", "import sys\nsys.exit(4)")

    with pytest.raises(ImportError, match=r"sys\.exit\(4\)"):
        load_flows(path)


def test_a_file_may_be_called_like_a_module_that_is_loaded_already(folder):
    path = write(folder, "json.py", BOTH)

    assert len(load_flows(path)) == 2
    assert sys.modules["json"].__file__ != str(path)
