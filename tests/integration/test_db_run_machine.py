"""The life of a flow run against a small model: any order of calls, by holders and by ghosts, keeps what must hold."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from types import ModuleType
from typing import Any, ClassVar, TypeVar
from uuid import UUID, uuid4

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from homeport_control_plane import attempts, claims, continuation, flow_runs, pauses
from homeport_control_plane.agents import Registration
from homeport_control_plane.claims import Claim
from homeport_control_plane.database import Database
from homeport_control_plane.errors import Fenced, InvalidInput, InvalidTransition
from homeport_control_plane.loops import late_marker, pause_expirer, rescuer
from tests.integration.db_world import World, line

T = TypeVar("T")
FINAL = {"COMPLETED", "FAILED", "CRASHED", "CANCELLED"}
# What ends a run for good comes seldom, or little would be seen of what may happen before.
_SELDOM = st.sampled_from([False, False, False, True])


@dataclass
class Waiting:
    """An open pause."""

    id: UUID
    suspends: bool
    until: datetime | None


@dataclass
class Model:
    """What the run should be, said in a few words."""

    on_lost: str
    type: str = "SCHEDULED"
    attempt: int = 0
    lost: int = 0
    holder: Claim | None = None
    instance: str | None = None
    lease: datetime = datetime(1970, 1, 1, tzinfo=UTC)
    ghosts: list[tuple[Claim, str | None]] = field(default_factory=list)
    sequence: dict[UUID, int] = field(default_factory=dict)
    # The open pauses by key, and what a person said yes to.
    waits: dict[str, Waiting] = field(default_factory=dict)
    answered: set[str] = field(default_factory=set)
    suspended: bool = False
    may_leave: bool = False


class RunMachine(RuleBasedStateMachine):
    """Claims, starts, reports, ends, cancels and loses one run, with a clock of its own that only goes forward."""

    loop: ClassVar[asyncio.AbstractEventLoop]
    world: ClassVar[World]
    agent: ClassVar[Registration]
    reached: ClassVar[dict[str, int]] = {}

    def do(self, work: Coroutine[Any, Any, T]) -> T:
        return self.loop.run_until_complete(work)

    def count(self, what: str) -> None:
        self.reached[what] = self.reached.get(what, 0) + 1

    @initialize(on_lost=st.sampled_from(["CRASH", "RETRY", "HOLD"]), begun=st.sampled_from([0, 1, 2, 3, 3, 4, 4]))
    def create(self, on_lost: str, begun: int) -> None:
        self.now = datetime.now(UTC)
        self.do(self.world.db.execute("delete from attempt"))
        self.do(self.world.db.execute("delete from flow_run"))
        self.do(self.world.register(on_lost=on_lost))
        self.run_id = self.do(self.world.run(now=self.now)).id
        self.model = Model(on_lost)
        # Most of what can go wrong goes wrong with a run that something holds.
        if begun > 0:
            self.claim()
        if begun > 1:
            self.holder_starts("one")
        if begun > 2:
            self.holder_pauses("a", suspends=begun > 3, timeout=30.0 if begun == 3 else None)

    @rule(seconds=st.sampled_from([1, 20, 61]))
    def time_passes(self, seconds: int) -> None:
        self.now += timedelta(seconds=seconds)

    @rule()
    def claim(self) -> None:
        claims = self.do(self.world.claim(self.agent, 1, now=self.now))
        assert len(claims) == (1 if self.model.type == "SCHEDULED" else 0)
        if claims:
            self.model.attempt += 1
            assert claims[0].attempt_number == self.model.attempt
            self.model.type, self.model.holder, self.model.instance = "PENDING", claims[0], None
            self.model.lease = self.now + timedelta(seconds=60)

    @precondition(lambda self: self.model.holder)
    @rule(instance=st.sampled_from(["one", "two"]))
    def holder_starts(self, instance: str) -> None:
        claim, model = self.model.holder, self.model
        assert claim is not None
        allowed = (model.instance is None and model.type == "PENDING") or model.instance == instance
        try:
            self.do(self.world.start(claim, instance=instance, now=self.now))
        except (Fenced, InvalidTransition):
            assert not allowed
            self.count("start refused")
        else:
            assert allowed
            model.lease = max(model.lease, self.now + timedelta(seconds=60))
            if model.instance is None:
                model.type, model.instance = "RUNNING", instance

    @precondition(lambda self: self.model.holder)
    @rule()
    def holder_reports(self) -> None:
        claim, model = self.model.holder, self.model
        assert claim is not None
        seq = model.sequence.get(claim.attempt_id, 0) + 1
        answer = self.do(self.world.report(claim, line(seq, "x"), now=self.now))
        model.sequence[claim.attempt_id] = seq
        assert answer.seq == seq
        if model.instance is not None:
            assert answer.cancel == (model.type == "CANCELLING")
            model.lease = max(model.lease, self.now + timedelta(seconds=60))

    @precondition(lambda self: self.model.holder)
    @rule(type=st.sampled_from(sorted(FINAL)), yet=_SELDOM)
    def holder_finishes(self, type: str, yet: bool) -> None:
        if not yet:
            return
        claim, model = self.model.holder, self.model
        assert claim is not None
        allowed = type != "COMPLETED" or model.type != "PENDING"
        try:
            ended = self.do(self.world.finish(claim, type, now=self.now))
        except InvalidTransition:
            assert not allowed
        else:
            assert allowed
            assert ended.accepted
            self._ends(type)

    @precondition(lambda self: self.model.holder)
    @rule(crashed=st.booleans())
    def holder_releases(self, crashed: bool) -> None:
        claim, model = self.model.holder, self.model
        assert claim is not None
        work = attempts.release(
            self.world.db,
            self.world.tenant_id,
            claim.attempt_id,
            reason="r",
            crashed=crashed,
            actor="agent:a",
            now=self.now,
        )
        try:
            state = self.do(work)
        except InvalidTransition:
            assert model.instance is not None
        else:
            assert model.instance is None
            expected = "CANCELLED" if model.type == "CANCELLING" else "CRASHED" if crashed else "SCHEDULED"
            assert state.type == expected
            self._ends(expected)

    @precondition(lambda self: self.model.holder)
    @rule(key=st.sampled_from("ab"), suspends=st.booleans(), timeout=st.sampled_from([None, 30.0]))
    def holder_pauses(self, key: str, suspends: bool, timeout: float | None) -> None:
        model, one = self.model, uuid4()
        allowed = model.instance is not None and model.type in {"RUNNING", "PAUSED"} and key not in model.waits
        try:
            pause = self.do(self._pause(model.holder, key, id=one, suspends=suspends, timeout=timeout))
        except (InvalidTransition, InvalidInput):
            assert not allowed
            return
        assert (pause.outcome == "RESUMED") == (key in model.answered)
        if key in model.answered:
            self.count("passed")
            return
        assert allowed
        if model.type == "RUNNING":
            model.suspended = suspends
        model.type = "PAUSED"
        model.waits[key] = Waiting(one, suspends, None if timeout is None else self.now + timedelta(seconds=timeout))

    @precondition(lambda self: self.model.holder)
    @rule(key=st.sampled_from("ab"))
    def holder_withdraws(self, key: str) -> None:
        model = self.model
        assert model.holder is not None
        one = model.waits.get(key)
        work = pauses.withdraw(
            self.world.db, self.world.tenant_id, model.holder.attempt_id, id=one.id if one else uuid4(), now=self.now
        )
        try:
            self.do(work)
        except InvalidTransition:
            assert model.instance is None
        else:
            if one is not None:
                del model.waits[key]
                self._goes_on()

    @precondition(lambda self: self.model.holder)
    @rule()
    def holder_suspends(self) -> None:
        model = self.model
        allowed = model.type == "PAUSED" or (model.type == "RUNNING" and model.may_leave)
        try:
            self.do(self.world.finish(model.holder, "PAUSED", name="Suspended", now=self.now))
        except InvalidTransition:
            assert not allowed
        else:
            assert allowed
            self.count("suspended")
            self._ends("PAUSED" if model.type == "PAUSED" else "SCHEDULED")

    @rule(key=st.sampled_from([None, "a", "b"]))
    def resume(self, key: str | None) -> None:
        model = self.model
        work = continuation.resume(
            self.world.db, self.world.tenant_id, self.run_id, key=key, actor="key:me (0)", now=self.now
        )
        self._time_is_over()
        waits = list(model.waits)
        held = model.type == "PAUSED" and not waits and key is None
        meant = key if key in model.waits else waits[0] if key is None and len(waits) == 1 else None
        before = model.type
        try:
            run = self.do(work)
        except (InvalidInput, InvalidTransition):
            assert not held
            assert meant is None
            return
        if held:
            model.type = "SCHEDULED"
        elif meant is not None:
            self.count("resumed")
            model.may_leave = model.may_leave or (model.waits[meant].suspends and model.holder is not None)
            model.answered.add(meant)
            del model.waits[meant]
            self._goes_on()
        else:  # the same question asked again
            assert run.state.type == before

    @rule()
    def expire(self) -> None:
        self.do(pause_expirer.run_once(self.world.db, now=self.now))
        self._time_is_over()

    @precondition(lambda self: self.model.ghosts)
    @rule(data=st.data(), type=st.sampled_from(sorted(FINAL)))
    def ghost_acts(self, data: st.DataObject, type: str) -> None:
        """Who lost the run tries everything, and changes nothing."""
        claim, _ = data.draw(st.sampled_from(self.model.ghosts))
        seq = self.model.sequence.get(claim.attempt_id, 0) + 1
        for work in (
            lambda: self.world.start(claim, instance="ghost", now=self.now),
            lambda: self.world.finish(claim, type, now=self.now),
            lambda: self.world.report(claim, line(seq, "late"), now=self.now),
            lambda: self._pause(claim, "c"),
            lambda: self.world.finish(claim, "PAUSED", name="Suspended", now=self.now),
        ):
            try:
                answer = self.do(work())
            except (Fenced, InvalidTransition):
                self.count("ghost refused")
            else:
                assert not isinstance(answer, attempts.Started | pauses.Pause)
        self.model.sequence[claim.attempt_id] = seq

    @rule(yet=st.booleans())
    def cancel(self, yet: bool) -> None:
        if not yet:
            return
        model = self.model
        try:
            run = self.do(self.world.cancel(self.run_id, now=self.now))
        except InvalidTransition:
            assert model.type in FINAL - {"CANCELLED"}
            return
        if model.type == "SCHEDULED" or (model.type == "PAUSED" and model.holder is None):
            self._leaves("CANCELLED")
        elif model.type in {"PENDING", "RUNNING", "PAUSED"}:
            self.count(f"cancelled while {model.type}")
            self._leaves("CANCELLING")
            self.count("cancelled while held")
        assert run.state.type == model.type

    @rule(silence=st.sampled_from([0, 61]))
    def rescue(self, silence: int) -> None:
        model = self.model
        self.now += timedelta(seconds=silence)
        rescued = self.do(rescuer.run_once(self.world.db, now=self.now))
        lost = model.holder is not None and model.lease < self.now
        assert rescued == (1 if lost else 0)
        if not lost:
            return
        self.count("lost")
        if model.type == "CANCELLING":
            self._ends("CANCELLED")
        elif model.type == "PENDING":
            self._ends("SCHEDULED")
        elif model.type == "PAUSED" and model.suspended:
            self._ends("PAUSED")
        else:
            self.count(f"lost while {model.type}")
            model.lost += 1
            retried = model.on_lost == "RETRY" and model.lost < 3
            self._ends("SCHEDULED" if retried else "PAUSED" if model.on_lost == "HOLD" else "CRASHED")

    @rule()
    def mark_late(self) -> None:
        self.do(late_marker.run_once(self.world.db, now=self.now))

    def _pause(self, claim: Claim | None, key: str, **changes: Any) -> Coroutine[Any, Any, pauses.Pause]:
        assert claim is not None
        given = {"id": uuid4(), "key": key, "now": self.now, **changes}
        return pauses.pause(self.world.db, self.world.tenant_id, claim.attempt_id, **given)

    def _time_is_over(self) -> None:
        model = self.model
        over = [
            key
            for key, one in model.waits.items()
            if one.until is not None and one.until <= self.now and (model.holder is None or not one.suspends)
        ]
        if over:
            self.count("timed out")
            for key in over:
                del model.waits[key]
            if model.holder is None:
                self._leaves("FAILED")
            else:
                self._goes_on()

    def _goes_on(self) -> None:
        if not self.model.waits:
            self.model.type = "RUNNING" if self.model.holder is not None else "SCHEDULED"

    def _leaves(self, type: str) -> None:
        self.model.type = type
        if type != "PAUSED":
            self.model.waits.clear()

    def _ends(self, type: str) -> None:
        assert self.model.holder is not None
        self.model.ghosts.append((self.model.holder, self.model.instance))
        self._leaves(type)
        self.model.holder = self.model.instance = None
        self.model.may_leave = False

    @invariant()
    def the_run_is_what_the_model_says(self) -> None:
        if not hasattr(self, "model"):
            return
        run = self.do(self.world.get(self.run_id))
        assert run.state.type == self.model.type
        assert run.attempt_number == self.model.attempt
        assert run.attempt_id == (self.model.holder.attempt_id if self.model.holder else None)

    @invariant()
    def a_run_waits_exactly_where_the_model_says(self) -> None:
        if not hasattr(self, "model"):
            return
        query = "select key from flow_run_pause where flow_run_id = $1 and outcome is null"
        rows = self.do(self.world.db.fetch(query, self.run_id))
        assert {row["key"] for row in rows} == set(self.model.waits)

    @invariant()
    def the_state_is_the_fold_of_a_history_without_gaps(self) -> None:
        if not hasattr(self, "model"):
            return
        rows = self.do(
            self.world.db.fetch(
                "select number, type from flow_run_state where flow_run_id = $1 and accepted order by number",
                self.run_id,
            )
        )
        assert [row["number"] for row in rows] == list(range(1, len(rows) + 1))
        assert rows[-1]["type"] == self.model.type
        for before, after in pairwise(rows):
            assert before["type"] not in FINAL, (before, after)


def _drill(database_url: str, examples: int, phases: Sequence[Phase] = tuple(Phase)) -> None:
    with asyncio.Runner() as runner:
        RunMachine.loop = runner.get_loop()
        RunMachine.reached = {}
        db = runner.run(Database.open(database_url))
        RunMachine.world = runner.run(World.create(db))
        RunMachine.agent = runner.run(RunMachine.world.agent("hypothesis"))
        case = RunMachine.TestCase
        case.settings = settings(
            max_examples=examples,
            stateful_step_count=30,
            deadline=None,
            derandomize=True,
            database=None,
            phases=phases,
            suppress_health_check=list(HealthCheck),
        )
        try:
            case("runTest").runTest()
        finally:
            runner.run(db.close())


def test_a_run_keeps_its_invariants_whatever_happens_in_whatever_order(database_url: str) -> None:
    _drill(database_url, 250)

    # A drill that reaches nothing shows nothing.
    floors = {
        "lost": 50,
        "lost while PAUSED": 10,
        "ghost refused": 300,
        "cancelled while held": 20,
        "cancelled while PAUSED": 5,
        "start refused": 30,
        "suspended": 20,
        "resumed": 20,
        "passed": 2,
        "timed out": 5,
    }
    too_few = {what: reached for what in floors if (reached := RunMachine.reached.get(what, 0)) < floors[what]}
    assert too_few == {}


@pytest.mark.parametrize(
    ("statements", "query", "guards"),
    [
        pytest.param(
            attempts,
            "finish",
            {"a.ended_at is null": "true", "and r.attempt_id = mine.id": ""},
            id="a lost attempt may finish the run",
        ),
        pytest.param(
            attempts,
            "start",
            {"and a.instance is null": "", "r.state_type = 'PENDING'": "r.state_type in ('PENDING', 'RUNNING')"},
            id="a second instance may start",
        ),
        pytest.param(
            rescuer,
            "rescue",
            {"when r.state_type = 'CANCELLING' then 'CANCELLED'": ""},
            id="the rescuer forgets a cancel",
        ),
        pytest.param(flow_runs, "cancel", {"r.attempt_id is null": "true"}, id="a cancel does not ask the holder"),
        pytest.param(
            claims,
            "claim",
            {"attempt_number = r.attempt_number + 1": "attempt_number = r.attempt_number"},
            id="the fencing number does not grow",
        ),
        pytest.param(
            pauses, "go_on", {"and not exists": "and exists(select 1) or exists"}, id="a run goes on while it waits"
        ),
        pytest.param(
            pauses,
            "hold",
            {"a.ended_at is null and a.started_at is not null": "true", "and r.attempt_id = mine.id": ""},
            id="a lost attempt may pause the run",
        ),
        pytest.param(
            attempts,
            "suspend",
            {"r.state_type = 'PAUSED' or": "r.state_type in ('PAUSED', 'RUNNING') or"},
            id="a running run is let go",
        ),
        pytest.param(
            rescuer,
            "rescue",
            {"r.state_name = 'Suspended' then 'PAUSED'": "false then 'PAUSED'"},
            id="a suspended run is lost",
        ),
    ],
)
def test_the_model_catches_a_planted_fault(
    database_url: str, monkeypatch: pytest.MonkeyPatch, statements: ModuleType, query: str, guards: dict[str, str]
) -> None:
    faulty = statements.SQL[query]
    for guard, instead in guards.items():
        assert guard in faulty
        faulty = faulty.replace(guard, instead)
    monkeypatch.setitem(statements.SQL, query, faulty)

    with pytest.raises(BaseException):  # noqa: B017 - whatever the model or the database says to it
        _drill(database_url, 150, phases=[Phase.generate])
