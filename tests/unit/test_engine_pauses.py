"""Flows that wait for a person: what they get, what is asked, where it may be asked, and what ends the wait."""

import asyncio
import io
import json
import threading
from datetime import date

import pytest
from pydantic import field_validator

import homeport
from homeport import Flow, flow, pause_flow_run, suspend_flow_run, task
from homeport.engine import pauses, signals
from homeport.engine.cancellation import RunCancelled
from homeport.engine.ids import new_id
from homeport.engine.pauses import FlowPauseTimeout, NobodyToAsk, SuspendRun, Ticket
from homeport.engine.reporting import InMemoryReporter
from homeport.engine.run import FlowRunInfo, run_flow
from homeport.engine.timeouts import raise_in_thread
from homeport.executors import LocalDaskExecutor
from homeport.input import RunInput
from homeport.testing import NOBODY, answering, try_run
from homeport.triggers import manual_only
from homeport.utilities.tasks import pause_task


class Order(RunInput):
    name: str
    count: int = 1
    until: date | None = None


def waiting_for(wanted=None, **how):
    @flow
    def waits():
        return pause_flow_run(wait_for_input=wanted, **how)

    return waits


@pytest.mark.parametrize(
    ("wanted", "answer", "got"),
    [
        (None, None, None),
        (str, "x", "x"),
        (int, 3, 3),
        (list[int], [1, 2], [1, 2]),
        (date, "2026-01-02", date(2026, 1, 2)),
        (Order, {"name": "x", "until": "2026-01-02"}, Order(name="x", until=date(2026, 1, 2))),
        (Order, Order(name="x", count=2), Order(name="x", count=2)),
        (Order.with_initial_data(name="somebody"), {}, Order(name="somebody")),
    ],
)
def test_a_pause_returns_what_was_given_as_the_type_that_was_asked_for(wanted, answer, got):
    with answering({"pause-1": answer}):
        found = waiting_for(wanted)()

    if isinstance(got, Order):
        assert isinstance(found, Order)
        found, got = found.model_dump(), got.model_dump()
    assert found == got
    assert type(found) is type(got)


def test_an_async_flow_awaits_its_pause_and_others_go_on_meanwhile():
    asked = threading.Event()
    order = []

    class Slow:
        def put(self, question):
            ticket = Ticket(question)
            asked.set()
            threading.Timer(0.3, ticket.settle, ("RESUMED", {"value": 5})).start()
            return ticket

    @flow
    async def waits():
        async def other():
            await asyncio.to_thread(asked.wait, 10)
            order.append("other")

        async def pausing():
            found = await pause_flow_run(wait_for_input=int)
            order.append("resumed")
            return found

        return (await asyncio.gather(pausing(), other()))[0]

    try:
        pauses.test_desk = Slow()
        assert asyncio.run(waits()) == 5
    finally:
        pauses.test_desk = None
    assert order == ["other", "resumed"]


def test_what_is_asked_is_a_schema_a_key_a_time_and_a_word_to_whoever_is_asked():
    described = Order.with_initial_data("Who shall get it?", name="somebody")
    with answering({"pause-1": {}, "again": {"value": True}}) as answers:

        @flow
        def twice():
            pause_flow_run(wait_for_input=described, timeout=60)
            pause_flow_run(wait_for_input=bool, key="again", message="Really?", timeout=None)

        twice()

    first, second = answers.asked
    assert (first.key, first.timeout, first.message, first.fields) == (
        "pause-1", 60, "Who shall get it?", ["name", "count", "until"]
    )  # fmt: skip
    assert first.schema["properties"]["name"]["default"] == "somebody"
    assert (first.schema["additionalProperties"], first.schema.get("required")) == (False, None)
    assert (second.key, second.timeout, second.message) == ("again", None, "Really?")
    assert second.schema["required"] == ["value"]
    json.dumps([first.schema, second.schema])


def test_places_are_counted_alike_in_each_call_of_the_flow_and_by_subflow():
    @flow
    def inner():
        pause_flow_run()

    @flow(retries=1)
    def outer():
        pause_flow_run()
        inner()
        inner()
        pause_flow_run()
        if len(answers.asked) < 5:
            raise ValueError("once more")

    keys = ["pause-1", "inner-0/pause-1", "inner-1/pause-1", "pause-2"]
    with answering(dict.fromkeys(keys)) as answers:
        outer()

    assert [question.key for question in answers.asked] == keys * 2


def test_what_only_the_codes_own_validators_refuse_is_asked_once_more_under_a_key_of_its_own():
    class Even(RunInput):
        number: int

        @field_validator("number")
        @classmethod
        def is_even(cls, value):
            if value % 2:
                raise ValueError(f"{value} is odd")
            return value

    with answering({"pause-1": {"number": 1}, "pause-1 (again 1)": {"number": 2}}) as answers:
        assert waiting_for(Even)().number == 2

    assert "1 is odd" in answers.asked[1].message


def test_nobody_in_time_is_an_exception_that_the_flow_may_catch():
    @flow
    def patient():
        try:
            pause_flow_run(timeout=5)
        except FlowPauseTimeout:
            return "went on"

    with answering({"pause-1": NOBODY}):
        assert patient() == "went on"
        tried = try_run(waiting_for(timeout=5))

    assert tried.state.is_failed()
    assert "was paused at 'pause-1', and nobody resumed it within 5 s" in tried.state.message


def test_where_nobody_can_be_asked_the_flow_fails_and_says_what_would_do():
    for suspends in (False, True):
        tried = try_run(waiting_for(reschedule=suspends))

        assert tried.state.is_failed()
        assert "nobody can be asked here" in tried.state.message
        assert "HOMEPORT_RECORD_RUNS" in tried.state.message


def test_a_pause_that_the_test_does_not_answer_is_named():
    with answering(other=1), pytest.raises(NobodyToAsk, match="no pause 'pause-1'; it answers: 'other'"):
        waiting_for()()


def test_outside_a_flow_and_in_a_task_it_is_refused_with_what_to_use():
    with pytest.raises(RuntimeError, match="no flow runs here"):
        pause_flow_run()

    @task
    def pauses_itself():
        pause_flow_run()

    @flow
    def calls():
        pauses_itself()

    with pytest.raises(RuntimeError, match="pause_task"):
        calls()


@pytest.mark.parametrize(
    ("how", "error", "message"),
    [
        ({"timeout": 0}, ValueError, "more than 0 seconds"),
        ({"wanted": 5}, TypeError, "must be a type"),
        ({"wanted": threading.Lock}, TypeError, "must be a type"),
    ],
)
def test_what_makes_no_sense_is_refused_before_anybody_is_asked(how, error, message):
    with answering({"pause-1": None}) as answers, pytest.raises(error, match=message):
        waiting_for(how.pop("wanted", None), **how)()

    assert answers.asked == []


def test_initial_data_for_a_field_that_is_not_there_is_refused():
    with pytest.raises(TypeError, match="Order has no field 'nmae'; it has: name, count, until"):
        Order.with_initial_data(nmae="x")


def test_a_cancel_ends_the_wait_and_takes_the_question_back():
    withdrawn, waits = threading.Event(), threading.Event()

    class Never:
        def put(self, question):
            waits.set()
            return Ticket(question, withdraw=withdrawn.set)

    reporter = InMemoryReporter()
    ended = []

    def run():
        ended.append(run_flow(waiting_for(), {}, reporter=reporter, run=FlowRunInfo(new_id(), "r", "f")))

    try:
        pauses.test_desk = Never()
        thread = threading.Thread(target=run)
        thread.start()
        assert waits.wait(10)
        raise_in_thread(thread.ident, RunCancelled)
        thread.join(10)
    finally:
        pauses.test_desk = None

    assert [state.name for state in ended] == ["Cancelled"]
    assert withdrawn.is_set()


def test_the_time_limit_of_the_flow_ends_the_wait_and_takes_the_question_back():
    withdrawn = threading.Event()

    class Never:
        def put(self, question):
            return Ticket(question, withdraw=withdrawn.set)

    @flow(timeout_seconds=0.5)
    def waits():
        pause_flow_run()

    try:
        pauses.test_desk = Never()
        assert waits(return_state=True).name == "TimedOut"
    finally:
        pauses.test_desk = None
    assert withdrawn.wait(5)


# Suspending.


class Suspends:
    """Lets the first run end at the pause, and answers the next."""

    def __init__(self):
        self.answer = None

    def put(self, question):
        ticket = Ticket(question)
        if self.answer is not None:
            ticket.settle("RESUMED", self.answer)
        return ticket


@pytest.fixture
def desk():
    pauses.test_desk = Suspends()
    yield pauses.test_desk
    pauses.test_desk = None


def test_a_flow_that_suspends_ends_suspended_once_its_tasks_have_ended_and_the_next_time_goes_on(desk):
    slow = threading.Event()

    @task
    def work():
        slow.wait(10)
        return 1

    @flow
    def outer():
        future = work.submit()
        threading.Timer(0.2, slow.set).start()
        try:
            given = suspend_flow_run(wait_for_input=int)
        finally:
            ended.append("finally ran")
        return future.result() + given

    ended = []
    first = try_run(outer)
    desk.answer = {"value": 4}
    second = try_run(outer)

    assert (first.state.type, first.state.name) == ("PAUSED", "Suspended")
    assert first.states_of("work-0")[-1] == "Completed"
    assert (second.state.name, second.state.result()) == ("Completed", 5)
    assert ended == ["finally ran"] * 2


def test_a_subflow_that_suspends_ends_the_run_around_it(desk):
    @flow
    def inner():
        suspend_flow_run()

    @flow
    def outer():
        inner()
        raise AssertionError("it went on")

    tried = try_run(outer)

    assert tried.state.name == "Suspended"


def test_an_async_flow_suspends_too(desk):
    @flow
    async def waits():
        await suspend_flow_run()

    assert try_run(waits).state.name == "Suspended"


def test_code_that_catches_exceptions_does_not_swallow_it_and_a_task_cannot_cause_it(desk):
    @flow
    def inner():
        suspend_flow_run()

    @task
    def calls():
        inner()

    @flow
    def outer():
        try:
            suspend_flow_run()
        except Exception:
            return "swallowed"

    @flow
    def by_task():
        calls()

    assert try_run(outer).state.name == "Suspended"
    assert "which a subflow that a task called cannot do" in try_run(by_task).state.message
    assert not issubclass(SuspendRun, Exception)


# 1.x.


def test_a_paused_task_keeps_no_worker_while_nobody_has_answered():
    tickets, all_asked = {}, threading.Event()

    class Holds:
        def put(self, question):
            ticket = tickets[question.key] = Ticket(question)
            if len(tickets) == 50:
                all_asked.set()
            return ticket

    @task
    def careful(number):
        pause_task(f"look at {number}")
        return number

    @task
    def free():
        return "free"

    with Flow("many", executor=LocalDaskExecutor(num_workers=4)) as many:
        careful.map(list(range(50)))
        free()

    def answer():
        if all_asked.wait(20):
            for ticket in tickets.values():
                ticket.settle("RESUMED")

    threading.Thread(target=answer).start()
    try:
        pauses.test_desk = Holds()
        tried = try_run(many)
    finally:
        pauses.test_desk = None

    assert tried.state.is_completed(), tried.state
    assert len(tickets) == 50
    assert tried.states_of("careful[3]") == ["Running", "Paused", "Resumed", "Running", "Completed"]


def test_a_task_that_only_a_person_may_start_starts_once_they_said_so():
    @task(trigger=manual_only)
    def publish():
        return "published"

    with Flow("held") as held:
        publish()

    with answering(publish=None) as answers:
        tried = try_run(held)

    assert tried.state.is_completed()
    assert answers.asked[0].task_run_id is not None
    assert tried.states_of("publish") == ["Paused", "Resumed", "Running", "Completed"]


def test_a_signal_of_a_task_in_a_function_flow_is_answered_too():
    @task
    def careful():
        if not homeport.context.get("resume"):
            raise signals.PAUSE("look at it first")
        return "went on"

    @flow
    def asks():
        return careful()

    with answering({"careful-0": None}) as answers:
        assert asks() == "went on"

    assert answers.asked[0].message == "look at it first"


# A terminal.


@pytest.fixture
def terminal(monkeypatch):
    def typed(text):
        shown = io.StringIO()
        monkeypatch.setattr("homeport.engine.approvals.on_terminal", lambda: True)
        monkeypatch.setattr("sys.stdin", io.StringIO(text))
        monkeypatch.setattr("sys.stderr", shown)
        return shown

    return typed


def test_on_a_terminal_each_field_is_asked_for_and_what_does_not_fit_is_asked_again(terminal):
    shown = terminal("\nx\nmany\n\nx\n7\n\n")

    found = waiting_for(Order)()

    assert found == Order(name="x", count=7)
    assert "is paused at 'pause-1'" in shown.getvalue()
    assert "name (string): name (string): count (integer) [1]: " in shown.getvalue()
    assert "Once more, please. count: Input should be a valid integer" in shown.getvalue()


def test_on_a_terminal_enter_goes_on_and_the_end_of_the_input_is_nobody(terminal):
    terminal("\n")
    assert waiting_for()() is None

    terminal("")
    with pytest.raises(NobodyToAsk, match="The input ended"):
        waiting_for()()
