"""Pictures of function flows: which tasks they would call with these parameters, without one of them running."""

import asyncio
from datetime import timedelta

import pytest

from homeport import Flow, allow_failure, flow, get_run_logger, task, unmapped
from homeport.flows.traced_flow import UntoldResult

RAN = []


@task
def extract(day):
    RAN.append("extract")
    return [1, 2]


@task
def clean(row, rate=1):
    RAN.append("clean")
    return row


@task(cache_expiration=timedelta(days=1), cache_key_fn=lambda context, parameters: "x")
def load(rows, *, found=None):
    RAN.append("load")


@task(viz_return_value=["north", "south"])
def regions():
    RAN.append("regions")


@task
async def fetch(page):
    RAN.append("fetch")


def drawn(made, *args, **kwargs):
    """The edges of the picture."""
    picture = made.visualize(*args, **kwargs)
    assert picture.svg.startswith("<svg")
    assert RAN == []
    return {(arrow.start, arrow.end) for arrow in picture.arrows}, [box.key for box in picture.boxes]


def test_calls_futures_and_maps_become_boxes_and_what_is_given_on_becomes_edges():
    @flow
    def nightly(day: str = "monday"):
        get_run_logger().info("begins")
        raw = extract(day)
        rows = clean.map(raw, unmapped(raw))
        first = clean.submit(rows[0], rate=2)
        load({"rows": [future.result() for future in rows]}, found=allow_failure(first), wait_for=[raw])

    edges, boxes = drawn(nightly)

    assert boxes == ["extract", "clean", "clean-2", "load"]
    assert edges == {
        ("extract", "clean"), ("clean", "clean-2"), ("clean", "load"), ("clean-2", "load"), ("extract", "load"),
    }  # fmt: skip


def test_a_flow_goes_the_way_that_its_parameters_say():
    @flow
    def chosen(full: bool, pages: int = 1):
        for page in range(pages):
            extract(page)
        if full:
            load([])

    assert drawn(chosen, True)[1] == ["extract", "load"]
    assert drawn(chosen, full="no", pages="2")[1] == ["extract", "extract-2"]


def test_what_is_given_for_a_result_lets_the_flow_go_on_and_keeps_the_edge():
    @flow
    def by_region():
        found = regions()
        for region in found:
            extract(region)
        load(found)

    edges, boxes = drawn(by_region)

    assert boxes == ["regions", "extract", "extract-2", "load"]
    assert edges == {("regions", "load")}


def test_a_flow_that_decides_by_a_result_says_what_to_give_for_it():
    @flow
    def deciding():
        if extract("monday"):
            load([])

    @flow
    def asking():
        return extract.submit("monday").result().shape

    with pytest.raises(UntoldResult, match=r"task 'extract' is not there.*needs it for `bool`.*viz_return_value"):
        deciding.visualize()
    with pytest.raises(UntoldResult, match="asks for its 'shape'"):
        asking.visualize()


async def test_an_async_flow_is_drawn_where_a_loop_runs_too():
    @flow
    async def pages(count: int):
        futures = [await fetch.submit(page) for page in range(count)]
        load(await asyncio.gather(*[future.result() for future in futures]))

    edges, boxes = drawn(pages, 2)

    assert boxes == ["fetch", "fetch-2", "load"]
    assert edges == {("fetch", "load"), ("fetch-2", "load")}


def test_a_subflow_is_one_box():
    @flow
    def inner(rows):
        load(rows)

    with Flow("graph") as graph:
        extract(1)

    @flow
    def outer():
        inner(extract("monday"))
        graph()

    edges, boxes = drawn(outer)

    assert boxes == ["extract", "inner", "graph"]
    assert edges == {("extract", "inner")}


def test_a_picture_of_a_function_is_saved_and_parameters_of_these_names_stay_parameters(tmp_path):
    @flow
    def writes(filename: str):
        load(filename)

    @flow
    def plain():
        load(1)

    plain.visualize(filename=tmp_path / "plain", horizontal=True)

    assert (tmp_path / "plain.svg").read_text().startswith("<svg")
    assert drawn(writes, filename="x.svg")[1] == ["load"]
    assert list(tmp_path.iterdir()) == [tmp_path / "plain.svg"]
