"""Graphs against small models of what they should do: maps, triggers and skips, loops and retries."""

from hypothesis import given, settings
from hypothesis import strategies as st

import homeport
from homeport import Flow, apply_map, flatten, task, triggers, unmapped
from homeport.engine import signals
from homeport.executors import LocalDaskExecutor

quick = settings(max_examples=40, deadline=None)


@task
def plus(left, right):
    return left + right


@task
def some(n):
    return list(range(n % 4))


# Maps: any tower of steps over a list of numbers, against list comprehensions.

STEPS = {
    "add": (
        lambda found: plus.map(found, unmapped(1)),
        lambda found: [one + 1 for one in found],
    ),
    "with itself": (
        lambda found: plus.map(found, found),
        lambda found: [one + one for one in found],
    ),
    "with a shorter list": (
        lambda found: plus.map(found, [10, 20, 30]),
        lambda found: [one + other for one, other in zip(found, [10, 20, 30], strict=False)],
    ),
    "lists, flattened": (
        lambda found: plus.map(flatten(some.map(found)), unmapped(5)),
        lambda found: [inner + 5 for one in found for inner in range(one % 4)],
    ),
    "with the whole": (
        lambda found: task(lambda one, whole: one + len(whole), name="whole").map(found, unmapped(found)),
        lambda found: [one + len(found) for one in found],
    ),
    "a piece": (
        lambda found: apply_map(lambda one: plus(one, plus(one, 1)), found),
        lambda found: [one + one + 1 for one in found],
    ),
    "collected, and mapped again": (
        lambda found: plus.map(task(lambda whole: sorted(whole), name="sort")(found), unmapped(0)),
        sorted,
    ),
}


@quick
@given(st.lists(st.integers(0, 9), max_size=5), st.lists(st.sampled_from(sorted(STEPS)), max_size=5), st.booleans())
def test_any_tower_of_maps_is_what_list_comprehensions_make_of_it(numbers, names, in_threads):
    with Flow("tower", executor=LocalDaskExecutor(num_workers=3) if in_threads else None) as tower:
        node = task(lambda: numbers, name="numbers")()
        expected = list(numbers)
        for name in names:
            build, model = STEPS[name]
            node, expected = build(node), model(expected)

    assert tower.run().result[node].result == expected


# Triggers and skips: any graph of tasks that succeed, fail or skip, against the rules written down once more.

TRIGGERS = {
    "all_successful": lambda ends: all(end in "Ss" for end in ends),
    "all_failed": lambda ends: all(end == "F" for end in ends),
    "any_successful": lambda ends: not ends or any(end in "Ss" for end in ends),
    "any_failed": lambda ends: not ends or any(end == "F" for end in ends),
    "all_finished": lambda ends: True,
}


@st.composite
def graphs(draw):
    count = draw(st.integers(1, 8))
    return [
        (
            draw(st.sampled_from("SFs")),
            draw(st.sampled_from(sorted(TRIGGERS))),
            draw(st.booleans()),
            sorted(draw(st.sets(st.integers(0, index - 1), max_size=3))) if index else [],
        )
        for index in range(count)
    ]


def model(graph):
    """How each task ends: S(uccess), F(ailure), s(kipped)."""
    ends = []
    for does, trigger, skips, before in graph:
        found = [ends[other] for other in before]
        if skips and "s" in found:
            ends.append("s")
        elif not TRIGGERS[trigger](found):
            ends.append("F")
        else:
            ends.append(does)
    return "".join(ends)


def end(does):
    if does == "F":
        raise ValueError("fails")
    if does == "s":
        raise signals.SKIP("skips")


@quick
@given(graphs(), st.booleans())
def test_triggers_and_skips_on_any_graph_are_those_of_the_model(graph, in_threads):
    with Flow("random", executor=LocalDaskExecutor(num_workers=3) if in_threads else None) as random:
        made = []
        for number, (does, trigger, skips, before) in enumerate(graph):
            options = {"name": f"t{number}", "trigger": getattr(triggers, trigger), "skip_on_upstream_skip": skips}
            waits_for = [made[other] for other in before]
            made.append(task(**options)(end)(does, upstream_tasks=waits_for))
    state = random.run()
    ends = "".join(
        "F" if state.result[one].is_failed() else "s" if state.result[one].is_skipped() else "S" for one in made
    )

    assert ends == model(graph)
    last = [one for number, one in enumerate(made) if all(number not in before for *_, before in graph)]
    assert state.is_failed() == any(state.result[one].is_failed() for one in last)


# Loops and retries: each round fails so many times before it goes through.


@quick
@given(st.lists(st.integers(0, 4), min_size=1, max_size=5), st.integers(0, 3))
def test_each_round_of_a_loop_has_its_retries_and_the_first_that_needs_more_fails(failures, retries):
    calls = []

    @task(retries=retries)
    def rounds():
        number = homeport.context.get("task_loop_count", 1) - 1
        calls.append(number)
        if calls.count(number) <= failures[number]:
            raise ValueError("flaky")
        kept = [*homeport.context.get("task_loop_result", []), number]
        if number + 1 < len(failures):
            raise signals.LOOP(result=kept)
        return kept

    with Flow("loop") as loop:
        made = rounds()
    state = loop.run().result[made]

    broken = next((number for number, count in enumerate(failures) if count > retries), None)
    assert state.is_failed() == (broken is not None)
    if broken is None:
        assert state.result == list(range(len(failures)))
        assert len(calls) == sum(failures) + len(failures)
    else:
        assert len(calls) == sum(failures[:broken]) + broken + retries + 1
