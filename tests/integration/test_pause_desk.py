"""The questions of a run process at a real control plane: many by one thread, over lost replies, and after the end."""

import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from homeport.client import Client
from homeport.client.errors import ClientError, FencedError, InvalidInputError
from homeport.engine.cancellation import RunCancelled
from homeport.engine.pauses import Question
from homeport.runtime.descriptor import RunDescriptor
from homeport.runtime.direct_attempt import describe, take
from homeport.runtime.pause_desk import PauseDesk
from homeport.runtime.run_client import RunClient
from homeport.runtime.starting import StartRequest
from homeport.runtime.wire import open_wire
from tests.services.api import Api
from tests.services.control_plane import ControlPlane
from tests.services.fault_proxy import FaultProxy
from tests.services.waiting import eventually

WANTED = {"type": "object", "properties": {"n": {"type": "integer"}}, "required": ["n"], "additionalProperties": False}


@dataclass
class Running:
    """A run that this process has taken and started."""

    api: Api
    id: str
    descriptor: RunDescriptor

    def resume(self, key: str, n: int) -> str:
        answer = self.api.ask(
            "mutation($input: ResumeFlowRunInput!) { resumeFlowRun(input: $input) { __typename"
            " ... on FlowRunResumed { flowRun { state { type } } } ... on Error { message } } }",
            input={"id": self.id, "key": key, "input": {"n": n}},
        ).data["resumeFlowRun"]
        assert answer["__typename"] == "FlowRunResumed", answer
        return str(answer["flowRun"]["state"]["type"])

    def cancel(self) -> None:
        answer = self.api.ask("mutation($id: ID!) { cancelFlowRun(input: {id: $id}) { __typename } }", id=self.id)
        assert answer.data["cancelFlowRun"]["__typename"] == "FlowRunCancelled"

    def state(self) -> dict[str, object]:
        query = "query($id: ID!) { flowRun(id: $id) { state { type } pauses { key outcome input } } }"
        return dict(self.api.ask(query, id=self.id).data["flowRun"])


@pytest.fixture
def running(shared_control_plane: ControlPlane, tmp_path: Path) -> Iterator[Running]:
    server = shared_control_plane
    api = Api(server.url, server.admin_key)
    run_id = api.run(api.deployment()["id"], direct=True)
    with Client(server.url, server.admin_key) as client:
        descriptor = describe(take(client, run_id), server.url, tmp_path)
    own = RunClient(open_wire(server.url), descriptor.run_token)
    request = StartRequest(own, descriptor.attempt_id, "one")
    request.begin()
    request.end()
    own.close()
    yield Running(api, run_id, descriptor)
    api.finish(descriptor.attempt_id, "CRASHED")


def test_many_questions_are_waited_for_by_one_thread_and_each_gets_its_own_answer(running: Running) -> None:
    desk = PauseDesk(running.descriptor)

    tickets = {f"q-{n}": desk.put(Question(f"q-{n}", schema=WANTED)) for n in range(30)}
    watchers = [thread for thread in threading.enumerate() if thread.name == "homeport-pauses"]
    for n in range(30):
        running.resume(f"q-{n}", n)
    for ticket in tickets.values():
        ticket.wait()

    assert len(watchers) == 1
    assert {key: ticket.input for key, ticket in tickets.items()} == {f"q-{n}": {"n": n} for n in range(30)}
    assert running.state()["state"] == {"type": "RUNNING"}


def test_an_answer_is_here_within_a_moment(running: Running) -> None:
    desk = PauseDesk(running.descriptor)
    took = []
    for n in range(10):
        ticket = desk.put(Question(f"q-{n}", schema=WANTED))
        arrived: list[float] = []
        ticket.when_answered(lambda arrived=arrived: arrived.append(time.monotonic()))
        running.resume(f"q-{n}", n)
        resumed = time.monotonic()
        ticket.wait()
        took.append(max(0.0, arrived[0] - resumed))

    assert sorted(took)[5] < 3, took  # a request that is held is answered after 25 s by itself


@pytest.mark.parametrize("operation", ["pauseAttempt", "awaitResume"])
def test_a_lost_reply_makes_no_second_pause_and_loses_no_answer(running: Running, operation: str) -> None:
    with FaultProxy(running.descriptor.api_url) as proxy:
        desk = PauseDesk(replace(running.descriptor, api_url=proxy.url))
        proxy.drop_reply(operation, times=2)
        ticket = desk.put(Question("ask", schema=WANTED))
        running.resume("ask", 3)
        ticket.wait()

        assert proxy.dropped == 2
    assert ticket.input == {"n": 3}
    assert running.state()["pauses"] == [{"key": "ask", "outcome": "RESUMED", "input": {"n": 3}}]


def test_a_question_that_is_taken_back_lets_the_run_go_on(running: Running) -> None:
    desk = PauseDesk(running.descriptor)
    ticket = desk.put(Question("ask"))
    assert running.state()["state"] == {"type": "PAUSED"}

    ticket.withdraw()

    eventually(lambda: running.state()["state"] == {"type": "RUNNING"}, what="the run goes on")
    assert ticket.outcome is None


def test_a_run_that_is_to_stop_asks_nothing_more(running: Running) -> None:
    desk = PauseDesk(running.descriptor)
    ticket = desk.put(Question("ask"))
    running.cancel()

    with pytest.raises(RunCancelled):
        desk.put(Question("more"))

    assert ticket.outcome is None  # what waits is stopped as any code is: by RunCancelled, in its own thread


def test_what_cannot_be_asked_is_refused_with_the_field(running: Running) -> None:
    desk = PauseDesk(running.descriptor)

    with pytest.raises(InvalidInputError, match="inputSchema"):
        desk.put(Question("ask", schema={"type": "array"}))
    with pytest.raises(ClientError, match="cannot be suspended"):
        desk.put(Question("ask", suspends=True))

    assert running.state()["state"] == {"type": "RUNNING"}


def test_the_token_of_one_run_does_not_pause_another(running: Running, tmp_path: Path) -> None:
    stranger = replace(running.descriptor, attempt_id="01a21249-2edc-73c6-929a-4715b7b3e7f1")

    with pytest.raises(ClientError, match="no attempt") as refused:
        PauseDesk(stranger).put(Question("ask"))

    assert not isinstance(refused.value, FencedError)
