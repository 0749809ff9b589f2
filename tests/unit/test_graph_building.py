"""Graphs built by hand, looked at, changed, described and drawn."""

import itertools
import json
import xml.etree.ElementTree as ET
from datetime import UTC, datetime
from typing import Any

import pytest

from homeport import DateTimeParameter, Flow, Parameter, Task, flatten, mapped, task, unmapped
from homeport.drawing.graphviz import GraphvizMissing
from homeport.drawing.layout import layered
from homeport.engine.graph import CyclicGraph
from homeport.utilities.tasks import defaults_from_attrs
from tests.services.components import program


@task
def number(value=1):
    return value


@task
def add(left, right):
    return left + right


def add_flow():
    with Flow("add") as built:
        one, two = number(1), number(2)
        total = add(one, right=two)
    return built, one, two, total


def test_edges_say_which_argument_a_result_becomes():
    built, one, two, total = add_flow()

    assert {(edge.upstream_task, edge.downstream_task, edge.key) for edge in built.edges} == {
        (one, total, "left"),
        (two, total, "right"),
    }
    assert built.edges_to(total) == built.edges
    assert {edge.downstream_task for edge in built.edges_from(one)} == {total}
    assert built.all_upstream_edges()[one] == set()
    assert len(built.all_downstream_edges()[two]) == 1


def test_tasks_are_found_by_where_they_stand():
    built, one, two, total = add_flow()

    assert built.root_tasks() == {one, two}
    assert built.terminal_tasks() == built.reference_tasks() == {total}
    assert built.upstream_tasks(total) == {one, two}
    assert built.downstream_tasks(one) == {total}
    assert built.sorted_tasks()[-1] is total
    assert built.sorted_tasks(root_tasks=[two]) == (two, total)
    assert built.slugs == {one: "number", two: "number-2", total: "add"}
    assert built.constants == {one: {"value": 1}, two: {"value": 2}}


def test_get_tasks_looks_for_name_slug_tags_and_class():
    class Own(Task):
        def run(self):
            return 1

    with Flow("find") as built:
        own = Own(tags=["a", "b"])()
        plain = task(lambda: 1, name="plain", slug="special", tags=["a"])()

    assert built.get_tasks(name="plain") == built.get_tasks(slug="special") == [plain]
    assert built.get_tasks(tags=["a", "b"]) == built.get_tasks(task_type=Own) == [own]
    assert built.get_tasks(tags=["a"]) == [own, plain]


def test_a_graph_can_be_made_without_a_block():
    built, one, total = Flow("by hand"), number.copy(), add.copy(name="total")
    built.add_task(one)
    built.set_dependencies(total, upstream_tasks=[number.copy()], keyword_tasks={"left": one, "right": 5})

    assert built.run().result[total].result == 6


def test_an_edge_can_be_mapped_and_flattened():
    built = Flow("edges")
    lists, added, total = task(lambda: [[1, 2], [3]], name="lists"), add.copy(), task(sum, name="total")
    built.add_edge(lists, added, key="left", mapped=True, flattened=True)
    built.add_edge(10, added, key="right")
    total.bind(added, flow=built)

    state = built.run()

    assert state.result[added].result == [11, 12, 13]
    assert state.result[total].result == 36


def test_chain_and_pipe_read_from_left_to_right():
    with Flow("chain") as built:
        first, second, third = number(1), number(2), number(3)
        edges = built.chain(third, second, first)
        piped = number(5).pipe(add, right=1)

    assert built.sorted_tasks([third]) == (third, second, first)
    assert len(edges) == 2
    assert built.run().result[piped].result == 6


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (lambda built, total: built.add_edge(number.copy(), total, key="left"), "'add' has been given.*'left' already"),
        (lambda built, total: built.add_edge(1, total, key="middle"), "'add' takes no argument 'middle'.*left, right"),
        (lambda built, total: built.edges_to(number.copy()), "task 'number' is not in flow 'add'"),
        (lambda built, total: built.set_reference_tasks([number.copy()]), "must be tasks of the flow"),
        (lambda built, total: built.replace(total, next(iter(built.root_tasks()))), "already"),
    ],
)
def test_mistakes_are_named(wrong, message):
    built, _, _, total = add_flow()

    with pytest.raises(ValueError, match=message):
        wrong(built, total)


def test_what_is_no_task_is_refused_with_the_mend():
    with pytest.raises(TypeError, match=r"Make one of it: Task\(\)"):
        Flow("wrong").add_task(Task)


def test_a_task_without_its_arguments_is_named_before_anything_runs():
    built = Flow("missing")
    built.add_task(add.copy())

    with pytest.raises(TypeError, match=r"Task 'add' cannot.*missing a required argument: 'left'"):
        built.validate()
    assert "Task 'add' cannot be called like this: missing a required argument" in built.run().message


def test_a_circle_is_found_as_soon_as_it_is_asked_for():
    built, one, _, total = add_flow()

    with pytest.raises(CyclicGraph, match="number → add → number"):
        built.add_edge(total, one, validate=True)


def test_replace_puts_a_task_in_the_place_of_another():
    built, one, _, total = add_flow()
    built.set_reference_tasks([total])
    hundred = task(lambda value: value * 100, name="hundred")

    built.replace(one, hundred)

    assert built.run().result[total].result == 102
    assert one not in built.tasks


def test_a_copy_can_be_changed_without_changing_the_flow():
    built, _one, _, total = add_flow()
    copied = built.copy()
    copied.add_edge(total, number.copy())

    assert (len(built.tasks), len(copied.tasks)) == (3, 4)
    assert copied.run().result[total].result == 3


def test_update_takes_the_tasks_of_another_flow():
    built, _, _, total = add_flow()
    with Flow("other") as other:
        doubled = add(total, total)
    built.update(other, merge_reference_tasks=True)

    assert built.run().result[doubled].result == 6
    assert built.reference_tasks() == {total, doubled}


def test_update_makes_parameters_of_one_name_one_if_asked_to():
    with Flow("left") as left:
        number(Parameter("x"))
    with Flow("right") as right:
        taken = number(Parameter("x"))

    with pytest.raises(ValueError, match="has a parameter 'x' already"):
        left.update(right)
    left.update(right, merge_parameters=True)

    assert [one.name for one in left.parameters()] == ["x"]
    assert left.run(x=7).result[taken].result == 7


def test_mapped_maps_over_one_argument_and_gives_the_others_whole():
    with Flow("mapped") as built:
        sums = add(mapped([[1], [2]]), [9])

    assert built.run().result[sums].result == [[1, 9], [2, 9]]


def test_flatten_makes_one_list_in_calls_and_in_maps():
    with Flow("flatten") as built:
        nested = task(lambda n: list(range(n)), name="ranges").map([1, 3])
        whole = task(sum)(flatten(nested))
        each = add.map(flatten(nested), unmapped(10))
        constant = number(flatten([[1], [2]]))
    state = built.run()

    assert [state.result[one].result for one in (whole, each, constant)] == [3, [10, 10, 11, 12], [1, 2]]


def test_a_call_that_failed_stands_for_itself_in_a_flattened_map():
    @task
    def lists(n):
        return [n, n] if n else 1 / 0

    with Flow("flatten") as built:
        each = number.map(flatten(lists.map([1, 0, 2])))

    kinds = [type(one).__name__ for one in built.run().result[each].map_states]
    assert kinds == ["Success", "Success", "TriggerFailed", "Success", "Success"]


def test_flatten_of_what_is_no_list_of_lists_is_named():
    with Flow("flatten") as built:
        numbers = number([1, 2])
        whole, each = number(flatten(numbers)), number.map(flatten(numbers))
    state = built.run()

    assert "task 'number': flatten(...) makes one list of a list of lists; it found 1" in state.result[whole].message
    assert "number.map(): argument 1: flatten(...)" in state.result[each].message


def test_the_shortest_argument_ends_a_map_of_a_graph():
    with Flow("short") as built:
        sums = add.map([1, 2, 3], number([10, 20]))

    assert built.run().result[sums].result == [11, 22]


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ("text", "is text, 'text'.*unmapped"),
        ((n for n in [1]), "is a generator.*list"),
        (iter([1]), "is a list_iterator"),
        ({"results": [1]}, r'\["results"\]'),
    ],
)
def test_what_has_no_elements_in_order_is_refused_with_the_mend(given, message):
    with Flow("refused"), pytest.raises(TypeError, match=message):
        add.map(given, right=[1])


def test_a_map_waits_index_by_index_for_a_map_before_it():
    seen = []
    with Flow("behind") as built:
        first = task(lambda n: 1 / n, name="first").map([1, 0])
        second = task(lambda n: seen.append(n), name="second").map([5, 6], upstream_tasks=[first])
    state = built.run()

    assert [type(one).__name__ for one in state.result[second].map_states] == ["Success", "TriggerFailed"]
    assert seen == [5]


def test_what_every_call_waits_for_is_shared_and_its_failure_stops_all():
    with Flow("shared") as built:
        many = task(lambda n: n, name="many").map(list(range(300)))
        bad = task(lambda: 1 / 0, name="bad")()
        fine = add.map([1, 2], unmapped(task(len)(many)))
        whole = task(lambda n, rest: n + len(rest), name="whole").map([1, 2], unmapped(many))
        stopped = number.map([1, 2], upstream_tasks=[unmapped(bad), unmapped(many)])
    state = built.run()

    assert state.result[fine].result == state.result[whole].result == [301, 302]
    assert [type(one).__name__ for one in state.result[stopped].map_states] == ["TriggerFailed"] * 2


def test_date_time_parameters_are_points_in_time():
    with Flow("when") as built:
        day = number(DateTimeParameter("day"))
        later = number(DateTimeParameter("later", required=False))
    state = built.run(day="2024-02-29T12:00:00+02:00")

    assert state.result[day].result == datetime(2024, 2, 29, 10, tzinfo=UTC)
    assert state.result[later].result is None
    with pytest.raises(ValueError, match="day: a date and time was expected"):
        built.run(day="tomorrow")
    assert built.parameter_schema()["required"] == ["day"]


def test_every_operator_makes_a_task():
    with Flow("operators") as built:
        n = number(7)
        made = [-n, n % 4, 10 % n, n**2, 2**n, n // 2, 15 // n, n & 0, 5 & n, number(0).or_(n), n.or_(1), n.not_()]
        made += [n <= 7, n >= 8, n < 8, n.is_not_equal(7), n - 1, 1 - n, 14 / n]
    state = built.run()

    assert [state.result[one].result for one in made] == [
        -7, 3, 3, 49, 128, 3, 2, 0, 7, 7, 7, False, True, False, True, False, 6, -6, 2.0,
    ]  # fmt: skip


def test_a_flow_that_validates_refuses_a_circle_when_it_is_made():
    built = Flow("validated", validate=True)
    one, other = number.copy(), number.copy()
    built.add_edge(one, other)

    with pytest.raises(CyclicGraph, match=r"number → number-2 → number\. Take one of these edges away"):
        built.add_edge(other, one)
    with pytest.raises(CyclicGraph), built.copy():
        number.copy().bind(other, upstream_tasks=[one]).set_downstream(one)


def test_a_tuple_in_the_annotation_says_how_many_results_there_are():
    @task
    def pair() -> tuple[int, str]:
        return 1, "a"

    @task
    def any_number() -> tuple[int, ...]:
        return 1, 2

    with Flow("pairs") as built:
        left, right = pair()
        with pytest.raises(TypeError, match=r"@task\(nout=2\), or -> tuple\[int, str\]"):
            _, _ = any_number()
    state = built.run()

    assert (state.result[left].result, state.result[right].result) == (1, "a")


def test_parameters_have_tags_and_a_point_in_time_may_have_a_default():
    with Flow("parameters") as built:
        tagged = number(Parameter("tagged", default=1, tags=["asked"]))
        day = number(DateTimeParameter("day", default="2024-02-29", tags=["asked"]))
    state = built.run()

    assert {one.name for one in built.get_tasks(tags=["asked"])} == {"tagged", "day"}
    assert state.result[tagged].result == 1
    assert state.result[day].result == datetime(2024, 2, 29, tzinfo=UTC)
    assert built.parameter_schema()["properties"]["day"]["default"].startswith("2024-02-29")


def test_a_bar_between_tasks_orders_them_as_in_1x():
    order = []

    @task
    def note(name):
        order.append(name)

    with Flow("bars") as built:
        third, first, second = note("third"), note("first"), note("second")
        first | second | third

    assert built.run().is_successful()
    assert order == ["first", "second", "third"]
    with Flow("no task"), pytest.raises(TypeError, match="one runs after the other; it was given 5"):
        note("first") | 5


def test_indexing_names_its_task_after_what_is_indexed_and_by_what():
    with Flow("indices") as built:
        found = number({"a": [1]})
        by_key, by_result, of_a_number = found["a"], found[number([1])], number(5)["x"]
    state = built.run()

    assert [one.name for one in (by_key, by_result, of_a_number)] == ["number['a']", "number[number]", "number['x']"]
    assert state.result[by_key].result == [1]
    assert "unhashable type: 'list'. Index it by a text" in state.result[by_result].message
    assert "type int has no such index" in state.result[of_a_number].message
    assert "Some reference tasks failed: number[number], number['x']." in state.message


def test_defaults_from_attrs_takes_arguments_from_the_task():
    class Greet(Task):
        def __init__(self, name=None, **options):
            self.who = name
            super().__init__(**options)

        @defaults_from_attrs("who")
        def run(self, who=None):
            return f"Hello, {who}!"

    greet = Greet(name="Ada")
    with Flow("greet") as built:
        same, other = greet(), greet(who="Guido")
    state = built.run()

    assert [state.result[one].result for one in (same, other)] == ["Hello, Ada!", "Hello, Guido!"]


def test_a_flow_is_described_as_json_without_its_code():
    with Flow("described") as built:
        sums = add.map(number(Parameter("xs", default=[1])), unmapped(3))
    text = json.dumps(built.serialize())
    described = json.loads(text)

    assert [one["slug"] for one in described["tasks"]] == ["xs", "number", "add"]
    assert described["edges"][-1] == {
        "upstream_task": "number", "downstream_task": "add", "key": "left", "mapped": True, "flattened": False,
    }  # fmt: skip
    assert described["reference_tasks"] == [built.slugs[sums]]
    assert described["parameters"]["properties"]["xs"]["default"] == [1]


def test_the_hash_of_a_flow_is_that_of_its_graph():
    def built(default):
        with Flow("hashed") as made:
            number(Parameter("given", default=default))
        return made.serialized_hash()

    assert built(1) == built(1)
    assert built(1) != built(2)
    assert len(built(1)) == 64


def test_a_task_says_what_it_takes_and_gives():
    @task
    def joins(left: str, right=1, *more) -> list[str]:
        return [left, right, *more]

    assert joins.inputs() == {
        "left": {"type": str, "default": None, "required": True},
        "right": {"type": Any, "default": 1, "required": False},
    }
    assert (joins.outputs(), number.outputs()) == (list[str], Any)


def test_what_register_of_1x_took_besides_says_why_it_is_not_needed():
    built = Flow("registered")

    with pytest.raises(TypeError, match=r"flow\.register\(idempotency_key=\.\.\.\): registering the same code changes"):
        built.register("Sales", idempotency_key=built.serialized_hash())
    with pytest.raises(TypeError, match=r"has no argument 'label' .* Did you mean 'labels'"):
        built.register("Sales", label=["a"])
    with pytest.raises(AttributeError, match="`homeport agent local start`"):
        built.run_agent()


def test_serialize_with_build_stores_the_code_and_names_its_digest(tmp_path, monkeypatch):
    monkeypatch.setenv("HOMEPORT_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("HOMEPORT_STORAGE", str(tmp_path / "stored"))
    (tmp_path / "code").mkdir()
    path = tmp_path / "code" / "own.py"
    path.write_text("from homeport import Flow\nbuilt = Flow('own')\n")
    names: dict[str, Flow] = {}
    exec(compile(path.read_text(), str(path), "exec"), names)

    stored = names["built"].serialize(build=True)["storage"]

    assert stored["kind"] == "folder"
    assert len(stored["content_digest"]) >= 64
    assert "Flow('own')" not in json.dumps(stored)


def test_a_picture_is_svg_that_shows_tasks_edges_and_states(tmp_path):
    built, _, _, total = add_flow()
    with built:
        add.map([1, 0], total, task_args={"name": "a <b> & 'c'"})
    picture = built.visualize(built.run(), filename=tmp_path / "built")
    svg = (tmp_path / "built.svg").read_text()
    root = ET.fromstring(svg)
    words = [element.text for element in root.iter("{http://www.w3.org/2000/svg}text")]

    assert svg == picture._repr_svg_() == picture.svg
    assert words.count("number") == 2
    assert {"left", "right", "a <b> & 'c'", "Success"} <= set(words)
    assert "digraph" in picture.source


def test_boxes_of_a_picture_do_not_overlap_and_edges_go_down():
    widths = {name: 60.0 + 7 * index for index, name in enumerate("abcdefgh")}
    edges = [("a", "c"), ("b", "c"), ("a", "h"), ("c", "d"), ("c", "e"), ("d", "f"), ("e", "f"), ("b", "g"), ("g", "f")]
    layout = layered(widths, edges, 44)
    rows: dict[float, list[str]] = {}
    for name, (_, y) in layout.boxes.items():
        rows.setdefault(y, []).append(name)

    for row in rows.values():
        row.sort(key=lambda name: layout.boxes[name][0])
        for left, right in itertools.pairwise(row):
            gap = layout.boxes[right][0] - layout.boxes[left][0]
            assert gap >= (widths[left] + widths[right]) / 2
    assert all(layout.boxes[start][1] < layout.boxes[end][1] for start, end in edges)


@pytest.mark.parametrize(
    ("format", "begins"), [("png", b"\x89PNG"), ("pdf", b"%PDF"), ("jpg", b"\xff\xd8\xff"), ("ps", b"%!PS")]
)
def test_graphviz_draws_the_formats_that_it_knows(tmp_path, format, begins):
    program("dot", get="apt-get install graphviz")
    built, *_ = add_flow()

    built.visualize(filename=tmp_path / f"ended.{format}")
    built.visualize(built.run(), filename=tmp_path / "named", format=format)

    for name in ("ended", "named"):
        assert (tmp_path / f"{name}.{format}").read_bytes().startswith(begins)


def test_graphviz_reads_every_task_and_edge_whatever_they_are_called(tmp_path):
    program("dot", get="apt-get install graphviz")
    names = ["grüße 世界", 'says "hello"', "back\\slash\\N", "a -> b; }", "<b>"]
    with Flow("odd {names}") as built:
        previous = add(1, 1, task_args={"name": names[0]})
        for name in names[1:]:
            previous = add.map([1], previous, task_args={"name": name})

    built.visualize(filename=tmp_path / "odd.json")
    drawn = json.loads((tmp_path / "odd.json").read_text())

    assert drawn["name"] == "odd {names}"
    assert {box["label"].replace("\\\\", "\\") for box in drawn["objects"]} == set(names)
    assert len(drawn["edges"]) == len(names) - 1


def test_a_format_that_graphviz_does_not_know_is_named_with_those_it_does(tmp_path):
    program("dot", get="apt-get install graphviz")
    built, *_ = add_flow()

    with pytest.raises(RuntimeError, match=r"graphviz could not draw 'bitmap'.*Use one of:.*png"):
        built.visualize(filename=tmp_path / "built.bitmap")


def test_another_format_without_graphviz_says_what_to_do(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    built, *_ = add_flow()

    with pytest.raises(GraphvizMissing, match="Install graphviz, or ask for SVG"):
        built.visualize(filename=tmp_path / "built.png")
    with pytest.raises(ValueError, match="by filename="):
        built.visualize(format="pdf")
