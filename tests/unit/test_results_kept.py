"""Results of tasks and flows: kept whole or not at all, read back verified, read when they are asked for."""

import threading
from datetime import UTC, datetime
from pathlib import Path

import pytest

from homeport import Flow, Parameter, flow, storage, task
from homeport.results import (
    ResultDamaged,
    ResultMissing,
    ResultNotSerializable,
    ResultOptionError,
    ResultStorageUnsupported,
    ResultTooLarge,
    ResultUnreadable,
    documents,
    read_result,
)
from homeport.results.storages import opened
from homeport.serializers import JSONSerializer, serializer_of
from homeport.testing import try_run

NOW = datetime(2026, 1, 2, tzinfo=UTC)


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("HOMEPORT_HOME", str(tmp_path / "home"))
    return tmp_path / "home"


def ended(tried, name):
    return tried.reported.named(name)[0].state


def files(folder):
    return sorted(path for path in Path(folder).rglob("*") if path.is_file())


def test_a_task_keeps_its_result_and_the_state_has_a_small_reference_to_it(home):
    @task(persist_result=True)
    def numbers():
        return list(range(1000))

    @flow
    def counting():
        return len(numbers())

    tried = try_run(counting)
    reference = ended(tried, "numbers-0").result_reference

    assert tried.state.result() == 1000
    assert set(reference) == {"kind", "key", "serializer", "size", "sha256", "storage"}
    assert reference["storage"] == {"kind": "folder", "path": str(home / "results")}
    assert read_result(reference) == list(range(1000))
    assert (home / "results").stat().st_mode & 0o077 == 0


def test_a_task_that_says_nothing_keeps_nothing(home):
    @task
    def plain():
        return 1

    @flow
    def nothing_kept():
        return plain()

    assert ended(try_run(nothing_kept), "plain-0").result_reference is None
    assert not home.exists()


def test_a_flow_that_keeps_its_result_keeps_those_of_its_tasks_unless_they_refuse(tmp_path):
    @task
    def follows():
        return 1

    @task(persist_result=False)
    def refuses():
        return 2

    @flow(persist_result=True, result_storage=tmp_path / "kept", result_serializer="json")
    def keeper():
        return follows() + refuses()

    tried = try_run(keeper)

    assert read_result(tried.state.result_reference) == 3
    assert ended(tried, "follows-0").result_reference["serializer"] == "json"
    assert ended(tried, "refuses-0").result_reference is None
    assert len(files(tmp_path / "kept")) == 2


def test_a_subflow_inherits_where_results_are_kept_and_may_say_otherwise(tmp_path):
    @task(persist_result=True)
    def inner():
        return "x"

    @flow(result_serializer="json")
    def below():
        return inner()

    @flow(result_storage=tmp_path / "kept")
    def above():
        return below()

    reference = ended(try_run(above), "inner-0").result_reference

    assert reference["serializer"] == "json"
    assert reference["storage"]["path"] == str(tmp_path / "kept")


def test_a_result_that_is_not_held_in_memory_is_read_when_it_is_asked_for():
    @task(persist_result=True, cache_result_in_memory=False)
    def large():
        return [1, 2, 3]

    @task
    def total(numbers):
        return sum(numbers)

    @flow
    def summing():
        future = large.submit()
        return total(future), total.submit(future).result(), future.result(), large()

    tried = try_run(summing)

    assert tried.state.result() == (6, 6, [1, 2, 3], [1, 2, 3])
    assert "Stored" in repr(ended(tried, "large-0").data)
    assert ended(tried, "large-0").result() == [1, 2, 3]


def test_fetch_of_2x_is_awaited_in_async_code_and_not_elsewhere(home):
    import asyncio

    @task(cache_result_in_memory=False)
    def number():
        return 5

    @flow
    async def awaits():
        return await number(return_state=True).result(fetch=True)

    @flow
    def asks():
        return number(return_state=True).result(fetch=True), number(return_state=True).result(fetch=False)

    assert asyncio.run(awaits()) == 5
    assert asks() == (5, 5)


async def test_an_async_flow_reads_what_is_not_in_memory_without_standing_on_its_loop():
    loop_thread, readers = threading.get_ident(), []

    class Noting(JSONSerializer):
        def loads(self, data):
            readers.append(threading.get_ident())
            return super().loads(data)

    @task(result_serializer=Noting(), cache_result_in_memory=False)
    async def large():
        return [1, 2]

    @task
    async def total(numbers):
        return sum(numbers)

    @flow
    async def summing():
        return await (await total.submit(await large.submit())).result()

    assert await summing() == 3
    assert readers
    assert loop_thread not in readers


def test_a_graph_flow_reads_results_of_its_maps_that_are_not_in_memory():
    @task(persist_result=True, cache_result_in_memory=False)
    def double(x):
        return 2 * x

    with Flow("doubling") as doubling:
        doubled = double.map([1, 2, 3])

    state = doubling.run()

    assert state.result[doubled].result == [2, 4, 6]
    assert [child.result for child in state.result[doubled].map_states] == [2, 4, 6]


def test_a_failed_task_keeps_nothing_and_a_state_that_was_returned_is_kept():
    from homeport.states import Completed

    @task(persist_result=True)
    def fails():
        raise ValueError("no")

    @task(persist_result=True)
    def says():
        return Completed("said", data=5)

    @flow
    def both():
        return fails(return_state=True).is_failed(), says(return_state=True)

    tried = try_run(both)

    assert ended(tried, "fails-0").result_reference is None
    assert ended(tried, "says-0").message == "said"
    assert read_result(ended(tried, "says-0").result_reference) == 5


@pytest.mark.parametrize(
    ("value", "serializer", "named"),
    [
        ((x for x in ()), "pickle", "type builtins.generator cannot be kept by the serializer 'pickle'.*list instead"),
        (threading.Lock(), "compressed/pickle", "'gzip/pickle'.*persist_result=False"),
        ({1: "x"}, "json", r"has the key 1 of type int.*result_serializer='pickle'"),
        ([{"a": {1, 2}}], "json", r"the result\[0\]\['a'\] is of type builtins.set"),
        ("text", "parquet", "is no table: it takes a DataFrame"),
    ],
)
def test_a_result_that_cannot_be_serialized_fails_the_run_by_name_and_leaves_nothing(home, value, serializer, named):
    @task(result_serializer=serializer, retries=3)
    def odd():
        return value

    @flow
    def keeping():
        odd()

    tried = try_run(keeping)
    kept = tried.reported.named("odd-0")[0]

    assert tried.state.is_failed()
    with pytest.raises(ResultNotSerializable, match=f"task 'odd'.*{named}"):
        kept.state.result()
    assert (kept.run_count, files(home)) == (1, [])
    assert any("task 'odd'" in message for message in tried.reported.messages(kept.id))


def test_a_result_over_the_limit_is_refused_before_the_storage_is_touched(home, monkeypatch):
    monkeypatch.setenv("HOMEPORT_RESULT_MAX_BYTES", "10_000")

    @task(persist_result=True)
    def huge():
        return b"x" * 20_000

    @flow
    def keeping():
        huge()

    tried = try_run(keeping)

    with pytest.raises(
        ResultTooLarge, match=r"task 'huge'.*has at least 20,0.. bytes, more than the 10,000.*HOMEPORT_RESULT_MAX_BYTES"
    ):
        tried.state.result()
    assert files(home) == []


def test_a_large_result_passes_through_a_file_and_not_through_memory(tmp_path):
    import tracemalloc

    place = opened(tmp_path, of="the test")
    value = [bytes(1_000_000) for _ in range(30)]  # equal bytes, distinct objects
    value = [bytearray(part) for part in value]
    tracemalloc.start()

    reference = documents.write(place, "large", value, serializer_of("pickle"), of="the test", limit=0, now=NOW)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()

    assert reference["size"] > 30_000_000
    assert peak < 20_000_000
    assert read_result(reference) == value


def test_a_missing_a_changed_and_a_torn_result_are_each_named(tmp_path):
    place = opened(tmp_path, of="the test")
    reference = documents.write(place, "a/b", [1, 2], serializer_of("json"), of="the test", limit=0, now=NOW)
    file = tmp_path / "a/b"
    whole = file.read_bytes()

    file.write_bytes(whole.replace(b"[1,2]", b"[1,3]"))
    with pytest.raises(ResultDamaged, match="is damaged: 5 bytes"):
        read_result(reference)
    file.write_bytes(whole[:-2])
    with pytest.raises(ResultDamaged, match="3 with"):
        read_result(reference)
    file.write_bytes(whole[:40])
    with pytest.raises(ResultDamaged, match="first line"):
        read_result(reference)
    documents.write(place, "a/b", [9], serializer_of("json"), of="the test", limit=0, now=NOW)
    with pytest.raises(ResultDamaged, match="Another run wrote to the same key"):
        read_result(reference)
    file.unlink()
    with pytest.raises(ResultMissing, match=r"a/b is missing"):
        read_result(reference)


def test_an_input_that_is_gone_fails_the_task_that_needs_it_and_nobody_waits_for_ever(tmp_path):
    @task(result_storage=tmp_path / "kept", cache_result_in_memory=False)
    def makes():
        return 1

    @task
    def loses(_):
        for file in files(tmp_path / "kept"):
            file.unlink()

    @task
    def needs(number):
        return number

    @flow
    def losing():
        made = makes.submit()
        lost = loses.submit(made)
        needs.submit(made, wait_for=[lost])

    tried = try_run(losing)

    assert tried.state.is_failed()
    with pytest.raises(ResultMissing, match="task 'makes'"):
        ended(tried, "needs-0").result()


def test_a_storage_that_is_away_fails_the_run_after_its_retries_with_the_storages_own_words(tmp_path):
    (tmp_path / "share").write_text("a file where the share was mounted")
    calls = []

    @task(result_storage=tmp_path / "share", retries=2)
    def works():
        calls.append(1)
        return 1

    @flow
    def keeping():
        works()

    tried = try_run(keeping)

    assert tried.state.is_failed()
    assert "the folder" in ended(tried, "works-0").message
    assert len(calls) == 3


class Cloud9(storage.Storage):
    """Of a package that is not installed here."""

    kind = "cloud9"


@pytest.mark.parametrize("described", [Cloud9(), {"kind": "cloud9"}])
def test_a_kind_that_cannot_keep_results_is_refused_before_the_work_is_done(described):
    calls = []

    @task(result_storage=described)
    def works():
        calls.append(1)

    @flow
    def keeping():
        works()

    tried = try_run(keeping)

    with pytest.raises(ResultStorageUnsupported, match=r"task 'works'.*this machine has .*folder"):
        tried.state.result()
    assert calls == []


@pytest.mark.parametrize(
    ("options", "named"),
    [
        ({"result_storage": "my-results"}, "is no path"),
        ({"result_storage": "s3/my block"}, "neither a path nor a block"),
        ({"result_storage": 5}, "of type int"),
        ({"result_serializer": "pikle"}, "There is no serializer 'pikle'"),
        ({"result_serializer": 5}, "A serializer is one of"),
        ({"persist_result": "yes"}, "True or False"),
        ({"persist_result": False, "result_serializer": "json"}, "contradict"),
        ({"persist_result": False, "cache_result_in_memory": False}, "contradict"),
        ({"result_storage_key": ""}, "result_storage_key is a text"),
        ({"persist_result": True, "target": "x.pkl"}, "two ways to keep a result"),
        ({"result": "x"}, "LocalResult"),
    ],
)
def test_options_that_cannot_be_meant_are_refused_where_they_are_written(options, named):
    with pytest.raises(ResultOptionError, match=f"task 'print'.*{named}|{named}"):
        task(**options)(print)


def test_options_are_kept_and_changed_by_with_options():
    first = task(persist_result=True, result_serializer="json")(print)

    again = first.with_options(retries=1)
    other = first.with_options(result_serializer="pickle")

    assert again.results.serializer == serializer_of("json")
    assert other.results.serializer == serializer_of("pickle")
    assert task(print).results is None
    assert task(cache_result_in_memory=True)(print).results is None


def test_a_key_template_says_where_a_result_lies(tmp_path):
    @task(
        result_storage=tmp_path, result_storage_key="{flow_run.flow_name}/{task_run.task_name}-{parameters[day]}.json"
    )
    def report(day, detail=1):
        return day

    @flow
    def reporting():
        return report("monday")

    tried = try_run(reporting)

    assert (tmp_path / "reporting/report-monday.json").is_file()
    assert read_result(ended(tried, "report-0").result_reference) == "monday"


@pytest.mark.parametrize(
    ("key", "named"),
    [
        ("{parameters[nmae]}", "asks for 'nmae'"),
        ("{today}", "asks for 'today'.*flow_run, parameters, task_run"),
        ("../{parameters[x]}", "stays in its storage"),
        ("/etc/{parameters[x]}", "stays in its storage"),
        ("a//b", "no empty part"),
        ("x" * 300, "too long"),
        (lambda **values: 5, "it made 5"),
    ],
)
def test_a_key_that_would_leave_its_storage_or_cannot_be_made_fails_by_name(tmp_path, key, named):
    @task(result_storage=tmp_path / "kept", result_storage_key=key)
    def odd(x):
        return x

    @flow
    def keeping():
        odd(1)

    with pytest.raises(ResultOptionError, match=f"task 'odd'.*{named}"):
        try_run(keeping).state.result()
    assert files(tmp_path / "kept") == []


def test_what_is_no_reference_is_said_to_be_none():
    with pytest.raises(ResultUnreadable, match="lacks kind, key"):
        read_result({})


def test_concurrent_writers_of_one_key_leave_one_whole_result(tmp_path):
    place = opened(tmp_path, of="the test")
    values = [[number] * 50_000 for number in range(8)]

    def write(value):
        documents.write(place, "same", value, serializer_of("json"), of="the test", limit=0, now=NOW)

    threads = [threading.Thread(target=write, args=(value,)) for value in values]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert documents.read(place, "same", of="the test") in values
    assert len(files(tmp_path)) == 1


def test_no_value_is_in_the_reference_or_in_what_is_reported():
    canary = "canary-4711"

    @task(persist_result=True)
    def secret_value(x):
        return canary + x

    @flow
    def keeping():
        secret_value("!")

    tried = try_run(keeping)

    assert canary not in repr(ended(tried, "secret_value-0"))
    assert canary not in repr(ended(tried, "secret_value-0").result_reference)


def test_parameters_of_a_graph_flow_can_be_in_the_key(tmp_path):
    @task(result_storage=tmp_path, result_storage_key="{flow_run.parameters[day]}.bin")
    def report():
        return 1

    with Flow("daily") as daily:
        Parameter("day", default="today")
        report()

    daily.run(day="friday")

    assert (tmp_path / "friday.bin").is_file()


def test_results_below_the_root_are_not_packed_with_the_code(tmp_path, monkeypatch):
    from homeport.engine.loading import load_flow
    from homeport.registration import Registrar, source_of_file

    project = tmp_path / "project"
    project.mkdir()
    (project / "pyproject.toml").touch()
    (project / "one.py").write_text("from homeport import flow\n\n@flow\ndef one():\n    pass\n")
    monkeypatch.setenv("HOMEPORT_RESULTS", str(project / "kept"))
    documents.write(opened(None, of="the test"), "a", 1, serializer_of("json"), of="the test", limit=0, now=NOW)
    found = load_flow("one.py:one", project)

    registrar = Registrar(None, "Project", tmp_path / "storage", tmp_path / "home")
    stored = registrar.store(found, source_of_file(found, project / "one.py", None))

    assert (project / "kept/a").is_file()
    assert {file.path for file in stored.tree.manifest.files} == {"one.py", "pyproject.toml"}
