"""The results of 1.x: files at targets and locations that other programs read, too."""

import pickle
from datetime import UTC, datetime

import pytest

from homeport import Flow, Parameter, flow, task
from homeport.engine.results import (
    ConstantResult,
    LocalResult,
    PrefectResult,
    Result,
)
from homeport.engine.serializers import DateTimeSerializer, JSONSerializer, PandasSerializer
from homeport.results import ResultMissing, ResultOptionError, ResultStorageUnsupported, ResultUnreadable, read_result
from homeport.testing import try_run


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("HOMEPORT_HOME", str(tmp_path / "home"))
    return tmp_path / "home"


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "data").mkdir()
    return tmp_path / "data"


def listing(folder):
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


def test_a_target_that_is_there_is_used_and_the_task_is_not_called(folder):
    calls = []

    @task(result=LocalResult(dir=folder), target="{task_name}-{parameters[day]}.pkl")
    def report():
        calls.append(1)
        return {"rows": 3}

    with Flow("daily") as daily:
        Parameter("day")
        made = report()

    first, second = daily.run(day="mon"), daily.run(day="mon")

    assert first.result[made].is_successful()
    assert not first.result[made].is_cached()
    assert second.result[made].is_cached()
    assert second.result[made].result == {"rows": 3}
    assert "report-mon.pkl" in second.result[made].message
    assert (calls, listing(folder)) == ([1], ["report-mon.pkl"])
    assert pickle.loads((folder / "report-mon.pkl").read_bytes()) == {"rows": 3}


def test_each_call_of_a_map_has_a_target_of_its_own(folder):
    @task(result=LocalResult(dir=folder, serializer=JSONSerializer()), target="{task_name}/{map_index}-{x}.json")
    def double(x):
        return 2 * x

    with Flow("mapping") as mapping:
        doubled = double.map([5, 6])

    assert mapping.run().result[doubled].result == [10, 12]
    assert mapping.run().result[doubled].result == [10, 12]
    assert listing(folder) == ["double/0-5.json", "double/1-6.json"]
    assert (folder / "double/1-6.json").read_text() == "12"


def test_a_target_may_be_a_function_an_absolute_path_and_have_dates(folder):
    @task(target=lambda **known: f"{known['task_name']}-{known['parameters'].get('n')}", result=LocalResult(dir=folder))
    def by_function():
        return 1

    @task(target=str(folder / "absolute.pkl"))
    def by_path():
        return 1

    @task(target="{today}.pkl", result=LocalResult(dir=folder))
    def by_date():
        return 1

    @flow
    def all_three(n):
        by_function(), by_path(), by_date()

    try_run(all_three, n=4)

    assert {"by_function-4", "absolute.pkl", f"{datetime.now(UTC):%Y-%m-%d}.pkl"} <= set(listing(folder))


def test_a_result_without_a_target_is_written_to_its_location_and_the_call_is_made_each_time(folder):
    calls = []

    @task(result=LocalResult(dir=folder, location="{flow_name}.pkl"))
    def works():
        calls.append(1)
        return 1

    @flow
    def working():
        works()

    try_run(working)
    tried = try_run(working)

    assert (len(calls), listing(folder)) == (2, ["working.pkl"])
    assert read_result(tried.reported.named("works-0")[0].state.result_reference) == 1


def test_the_result_of_a_flow_is_that_of_its_tasks_unless_they_say_otherwise(folder):
    @task
    def plain():
        return 1

    @task(checkpoint=False)
    def refuses():
        return 2

    @task
    def nothing():
        return None

    with Flow("older", result=LocalResult(dir=folder)) as older:
        plain(), refuses(), nothing()

    assert older.run().is_successful()
    assert len(listing(folder)) == 1


def test_checkpointing_can_be_turned_off_by_the_variable_of_1x(folder, monkeypatch):
    monkeypatch.setenv("HOMEPORT__FLOWS__CHECKPOINTING", "false")

    @task(result=LocalResult(dir=folder), target="x.pkl")
    def works():
        return 1

    @flow
    def working():
        return works()

    assert try_run(working).state.result() == 1
    assert listing(folder) == []


def test_a_target_that_cannot_be_read_and_one_that_cannot_be_made_end_the_run_by_name(folder):
    (folder / "x.pkl").write_bytes(b"no pickle")
    broken = task(result=LocalResult(dir=folder), target="x.pkl")(lambda: 1)
    wrong = task(name="wrong", result=LocalResult(dir=folder), target="{nope}.pkl")(lambda: 1)

    @flow
    def working(which):
        (broken if which == 0 else wrong)()

    with pytest.raises(ResultUnreadable, match=r"x\.pkl.*cannot read it"):
        try_run(working, which=0).state.result()
    with pytest.raises(ResultOptionError, match=r"task 'wrong'.*'\{nope\}\.pkl' asks for 'nope'.*map_index"):
        try_run(working, which=1).state.result()


def test_a_result_is_written_read_and_looked_for_by_hand(folder):
    result = LocalResult(dir=folder, location="{name}.pkl")

    written = result.write({"a": 1}, name="first")

    assert (written.location, written.value) == ("first.pkl", {"a": 1})
    assert result.read("first.pkl").value == {"a": 1}
    assert result.exists("first.pkl")
    assert result.exists("{name}.pkl", name="first")
    assert not result.exists("other.pkl")
    assert result.format(name="x").location == "x.pkl"
    assert LocalResult(dir=folder).write(5).location.endswith(".homeport_result")
    with pytest.raises(ResultMissing, match=r"other\.pkl"):
        result.read("other.pkl")
    with pytest.raises(ResultOptionError, match="stays in its storage"):
        result.read("../secret")


def test_a_local_result_without_a_folder_lies_with_the_others(home):
    LocalResult().write(1)

    assert len(listing(home / "results")) == 1


class _NowhereResult(Result):
    def storage_description(self):
        return {"kind": "cloud9"}


def test_a_result_of_a_kind_that_is_not_there_is_refused_before_the_work():
    calls = []

    @task(result=_NowhereResult(), target="x.pkl")
    def works():
        calls.append(1)

    @flow
    def working():
        works()

    with pytest.raises(ResultStorageUnsupported, match=r"this machine has .*folder"):
        try_run(working).state.result()
    assert calls == []


@pytest.mark.parametrize(
    ("make", "named"),
    [
        (lambda: PrefectResult(), "the control plane, and Homeport's holds no results"),
        (lambda: LocalResult(dir="/nowhere/at/all"), "there is no folder /nowhere/at"),
        (lambda: Result().write(1), "has no storage"),
        (lambda: ConstantResult(value=1).write(2), "cannot be written"),
        (lambda: LocalResult(location=5), "location is a text"),
        (lambda: PandasSerializer("nope"), "pandas has no such format"),
    ],
)
def test_what_cannot_be_is_said_with_what_to_use(make, named):
    with pytest.raises(ResultOptionError, match=named):
        make()


def test_the_serializers_of_1x_do_what_they_did():
    import pandas

    frame = pandas.DataFrame({"a": [1, 2]})
    csv = PandasSerializer("csv", serialize_kwargs={"index": False})
    moment = datetime(2026, 1, 2, 3, tzinfo=UTC)

    assert csv.serialize(frame) == b"a\n1\n2\n"
    pandas.testing.assert_frame_equal(csv.deserialize(csv.serialize(frame)), frame)
    assert DateTimeSerializer().deserialize(DateTimeSerializer().serialize(moment)) == moment
    assert JSONSerializer().deserialize(b"[1]") == [1]
    assert ConstantResult(value=3).read("x").value == 3
