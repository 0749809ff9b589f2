"""The life of a flow run against a small model: any order of calls, by holders and by ghosts, keeps what must hold."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from types import ModuleType
from typing import Any, ClassVar, TypeVar
from uuid import UUID

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from homeport_control_plane import attempts, claims, flow_runs
from homeport_control_plane.agents import Registration
from homeport_control_plane.claims import Claim
from homeport_control_plane.database import Database
from homeport_control_plane.errors import Fenced, InvalidTransition
from homeport_control_plane.loops import late_marker, rescuer
from tests.integration.db_world import World, line

T = TypeVar("T")
FINAL = {"COMPLETED", "FAILED", "CRASHED", "CANCELLED"}


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

    @initialize(on_lost=st.sampled_from(["CRASH", "RETRY", "HOLD"]), begun=st.integers(0, 2))
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
    @rule(type=st.sampled_from(sorted(FINAL)))
    def holder_finishes(self, type: str) -> None:
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
        ):
            try:
                answer = self.do(work())
            except (Fenced, InvalidTransition):
                self.count("ghost refused")
            else:
                assert not isinstance(answer, attempts.Started)
        self.model.sequence[claim.attempt_id] = seq

    @rule()
    def cancel(self) -> None:
        model = self.model
        try:
            run = self.do(self.world.cancel(self.run_id, now=self.now))
        except InvalidTransition:
            assert model.type in FINAL - {"CANCELLED"}
            return
        if model.type in {"SCHEDULED", "PAUSED"}:
            model.type = "CANCELLED"
        elif model.type in {"PENDING", "RUNNING"}:
            model.type = "CANCELLING"
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
        else:
            model.lost += 1
            retried = model.on_lost == "RETRY" and model.lost < 3
            self._ends("SCHEDULED" if retried else "PAUSED" if model.on_lost == "HOLD" else "CRASHED")

    @rule()
    def mark_late(self) -> None:
        self.do(late_marker.run_once(self.world.db, now=self.now))

    def _ends(self, type: str) -> None:
        assert self.model.holder is not None
        self.model.ghosts.append((self.model.holder, self.model.instance))
        self.model.type, self.model.holder, self.model.instance = type, None, None

    @invariant()
    def the_run_is_what_the_model_says(self) -> None:
        if not hasattr(self, "model"):
            return
        run = self.do(self.world.get(self.run_id))
        assert run.state.type == self.model.type
        assert run.attempt_number == self.model.attempt
        assert run.attempt_id == (self.model.holder.attempt_id if self.model.holder else None)

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
    floors = {"lost": 50, "ghost refused": 300, "cancelled while held": 30, "start refused": 30}
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
