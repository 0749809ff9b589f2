"""Maps: one task run for each element."""

import time

import pytest

from homeport import Flow, flow, task, unmapped
from homeport.testing import try_run


@task
def add(left, right=0):
    return left + right


@task
def fail_on(number, bad=1):
    if number == bad:
        raise ValueError("bad")
    return number


def result_of(function):
    return try_run(flow(function)).state.result()


def test_a_map_calls_the_task_once_for_each_element():
    assert result_of(lambda: add.map([1, 2, 3], [10, 20, 30]).result()) == [11, 22, 33]


def test_children_are_told_with_their_index():
    @flow
    def maps():
        add.map([1, 2, 3])

    tried = try_run(maps)

    assert [kept.map_index for kept in tried.reported.named("add")] == [0, 1, 2]


def test_unmapped_gives_a_list_whole_to_each_call():
    assert result_of(lambda: add.map([[1], [2]], unmapped([9])).result()) == [[1, 9], [2, 9]]


def test_strings_and_numbers_are_given_whole_to_each_call():
    assert result_of(lambda: add.map(["a", "b"], "xyz").result()) == ["axyz", "bxyz"]
    assert result_of(lambda: add.map([1, 2], right=5).result()) == [6, 7]


def test_a_generator_and_a_set_can_be_mapped_over():
    assert result_of(lambda: add.map(number for number in range(3)).result()) == [0, 1, 2]
    assert sorted(result_of(lambda: add.map({1, 2}).result())) == [1, 2]


def test_a_map_over_the_futures_of_a_map_waits_element_by_element():
    @flow
    def chained():
        return add.map(add.map([1, 2], 1), 1).result()

    tried = try_run(chained)
    first, second, third, fourth = tried.reported.named("add")

    assert tried.state.result() == [3, 4]
    assert (third.upstream, fourth.upstream) == ((first.id,), (second.id,))


def test_a_map_over_a_future_maps_over_its_result():
    @task
    def numbers():
        return [1, 2]

    assert result_of(lambda: add.map(numbers.submit(), 1).result()) == [2, 3]


def test_one_child_that_fails_stops_only_what_needs_it():
    @flow
    def partly():
        checked = fail_on.map([0, 1, 2])
        after = add.map(checked, 10)
        return [future.wait().name for future in after]

    assert try_run(partly).state.result() == ["Completed", "TriggerFailed", "Completed"]


def test_a_map_over_nothing_is_an_empty_list():
    assert result_of(lambda: add.map([]).result()) == []


def test_a_map_over_a_dict_suggests_the_key_that_is_meant():
    @flow
    def wrong():
        add.map({"count": 2, "results": [1, 2]})

    with pytest.raises(TypeError, match=r'is a dict.*Do you mean argument 1\["results"\]'):
        try_run(wrong).state.result()


def test_a_map_over_a_dict_in_a_graph_fails_that_node_with_the_same_hint():
    @task
    def page():
        return {"count": 2, "results": [1, 2]}

    with Flow("wrong") as wrong:
        mapped = add.map(left=page())

    state = wrong.run()

    assert state.is_failed()
    assert 'left["results"]' in state.result[mapped].message


def test_a_map_over_lists_of_different_lengths_names_both():
    with pytest.raises(ValueError, match="argument 1: 2, argument 2: 3"):
        result_of(lambda: add.map([1, 2], [1, 2, 3]))


def test_a_map_without_anything_to_map_over_says_so():
    with pytest.raises(TypeError, match="none of its arguments can be mapped over"):
        result_of(lambda: add.map(1, 2))


def test_a_map_over_what_failed_is_one_task_run_that_did_not_run():
    @flow
    def broken():
        return [future.wait().name for future in add.map(fail_on.submit(1))]

    tried = try_run(broken)

    assert tried.state.result() == ["TriggerFailed"]
    assert [kept.map_index for kept in tried.reported.named("add")] == [None]


def test_ten_times_as_many_children_cost_about_ten_times_as_much():
    @flow
    def wide(number: int):
        add.map(range(number))

    def seconds(number):
        begun = time.process_time()
        try_run(wide, number=number)
        return (time.process_time() - begun) / number

    few = min(seconds(500) for _ in range(3))
    many = min(seconds(5_000) for _ in range(3))

    assert many < few * 3


def test_a_large_constant_of_a_map_is_the_same_object_in_each_call_and_looked_through_once():
    large = list(range(200_000))

    @task
    def same(number, whole):
        return whole is large

    @flow
    def maps():
        return all(same.map(list(range(500)), unmapped(large)).result())

    begun = time.process_time()
    assert try_run(maps).state.result() is True
    assert time.process_time() - begun < 2  # looking through it for each call takes five times that


def test_a_future_in_a_constant_of_a_map_is_its_result():
    assert result_of(lambda: add.map([[1], [2]], unmapped([add.submit(4, 5)])).result()) == [[1, 9], [2, 9]]
