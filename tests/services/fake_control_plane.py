"""A control plane of a few lines, by real HTTP: for tests of one side of the wire that need to say "now fail".

Not for whole runs: those meet the real one. It keeps what it acknowledged, fences, and can be told to be away, to lose
an answer after doing what was asked, or to refuse.
"""

import json
import select
import threading
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Self

Answer = dict[str, Any]
# What a control plane of an older version says of a field that it does not have.
NOT_KNOWN = {
    "message": "Cannot query field 'dream' on type 'Claim'.",
    "extensions": {"code": "BAD_DOCUMENT", "serverVersion": "0.0.9"},
}


@dataclass
class FakeAttempt:
    """One attempt, as the real one would remember it."""

    instance: str | None = None
    events: list[Answer] = field(default_factory=list)
    final: Answer | None = None
    released: Answer | None = None
    cancel: bool = False
    superseded: bool = False
    heartbeats: int = 0

    @property
    def mark(self) -> int:
        return len(self.events)


@dataclass
class FakeControlPlane:
    """`with FakeControlPlane() as server:` serves `server.url` until the block ends."""

    attempts: dict[str, FakeAttempt] = field(default_factory=dict)
    claims: list[Answer] = field(default_factory=list)
    commands: list[Answer] = field(default_factory=list)
    polls: list[Answer] = field(default_factory=list)
    keys: dict[str, set[str]] = field(default_factory=dict)
    agent_id: str = field(default_factory=lambda: str(uuid.uuid4()))
    session: str = ""
    away: bool = False
    drop_replies: dict[str, int] = field(default_factory=dict)
    misunderstood: set[str] = field(default_factory=set)
    refuse_event: Callable[[Answer], bool] = lambda event: False
    poll_seconds: float = 5.0
    grace_seconds: float = 2.0

    def __enter__(self) -> Self:
        self._changed = threading.Condition()
        self._peer = threading.local()
        fake = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                fake._serve(self, json.loads(body))

            def log_message(self, format: str, *args: Any) -> None:
                """Silent."""

        class Server(ThreadingHTTPServer):
            daemon_threads = True
            request_queue_size = 64

            def handle_error(self, request: Any, client_address: Any) -> None:
                """A client that went away."""

        self._server = Server(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        with self._changed:
            self.away = True
            self._changed.notify_all()
        self._server.shutdown()
        self._server.server_close()

    def attempt(self, attempt_id: str | None = None) -> tuple[str, FakeAttempt]:
        """A new attempt and its id."""
        attempt_id = attempt_id or str(uuid.uuid4())
        self.attempts[attempt_id] = FakeAttempt()
        return attempt_id, self.attempts[attempt_id]

    def offer(self, **claim: Any) -> str:
        """Let the next poll claim an attempt; its id."""
        attempt_id, _ = self.attempt()
        run = str(uuid.uuid4())
        given = {
            "attemptId": attempt_id, "attemptNumber": 1, "runToken": f"token-{attempt_id}", "leaseSeconds": 60.0,
            "flowRunId": run, "flowRunName": f"run-{run[:4]}", "flowName": "f", "projectName": "p",
            "deploymentName": "default", "entrypoint": "flow.py:f", "parameters": {}, "runConfig": None, "labels": [],
            "scheduledAt": "2026-01-01T00:00:00.000000Z",
        }  # fmt: skip
        with self._changed:
            self.claims.append(given | claim)
            self._changed.notify_all()
        return attempt_id

    def command(self, kind: str, attempt_id: str | None = None, reason: str = "because") -> None:
        """Say something with the next answer to a poll."""
        with self._changed:
            self.commands.append({"kind": kind, "attemptId": attempt_id, "reason": reason})
            self._changed.notify_all()

    def _serve(self, http: BaseHTTPRequestHandler, body: Answer) -> None:
        operation, variables = body["operationName"], body["variables"]
        if self.away:
            http.close_connection = True
            return
        if operation in self.misunderstood:
            self._say(http, 400, {"errors": [NOT_KNOWN]})
            return
        self._peer.connection = http.connection
        answer = getattr(self, "_" + operation)(**variables)
        key = (http.headers["Authorization"] or "").removeprefix("Bearer ")
        self.keys.setdefault(operation, set()).add(key)
        if self.drop_replies.get(operation, 0) > 0:
            self.drop_replies[operation] -= 1
            http.close_connection = True
            return
        self._say(http, 200, {"data": {operation: answer}})

    def _say(self, http: BaseHTTPRequestHandler, status: int, answer: Answer) -> None:
        content = json.dumps(answer).encode()
        http.send_response(status)
        http.send_header("Content-Type", "application/json")
        http.send_header("Content-Length", str(len(content)))
        http.end_headers()
        http.wfile.write(content)

    def _registerAgent(self, input: Answer) -> Answer:
        self.registered = input
        settings = {
            "pollSeconds": self.poll_seconds, "heartbeatSeconds": 1.0, "offlineSeconds": 30.0,
            "cancelGraceSeconds": self.grace_seconds, "maxBatchBytes": 1024 * 1024, "logFlushSeconds": 0.2,
        }  # fmt: skip
        with self._changed:
            self.session = str(uuid.uuid4())
            self._changed.notify_all()
        ids = {"agentId": self.agent_id, "sessionId": self.session}
        return {"__typename": "AgentRegistered", **ids, "settings": settings}

    def _claimFlowRuns(self, input: Answer) -> Answer:
        with self._changed:
            self.polls.append(input)
            self._changed.notify_all()
            wait = self.poll_seconds if input["waitSeconds"] is None else input["waitSeconds"]
            self._changed.wait_for(lambda: self._has_news(input), timeout=wait)
            if self.session != input["sessionId"]:
                return {"__typename": "SessionSuperseded", "message": "another process is this agent", "hint": None}
            if select.select([self._peer.connection], [], [], 0)[0]:  # nobody waits for this answer any more
                raise ConnectionResetError
            claims, self.claims = self.claims[: input["limit"]], self.claims[input["limit"] :]
            commands, self.commands = self.commands, []
        return {"__typename": "FlowRunsClaimed", "claims": claims, "commands": commands}

    def _has_news(self, poll: Answer) -> bool:
        claimable = self.claims and poll["limit"]
        return bool(self.away or self.session != poll["sessionId"] or self.commands or claimable)

    def _startAttempt(self, input: Answer) -> Answer:
        attempt = self.attempts[input["attemptId"]]
        if attempt.superseded or attempt.instance not in (None, input["instance"]):
            return self._fenced()
        attempt.instance = input["instance"]
        return {
            "__typename": "AttemptStarted", "attemptId": input["attemptId"], "leaseSeconds": 60.0,
            "heartbeatSeconds": 0.5,
        }  # fmt: skip

    def _reportEvents(self, attemptId: str, batch: Answer) -> Answer:  # noqa: N803 - the wire's name
        attempt = self.attempts[attemptId]
        if attempt.superseded:
            return self._fenced()
        events = batch["events"]
        if not events:
            attempt.heartbeats += 1
        if any(self.refuse_event(event) for event in events):
            return {"__typename": "InvalidInput", "message": "an event is wrong", "hint": None, "fields": []}
        if events and events[0]["seq"] <= attempt.mark + 1:
            attempt.events += [event for event in events if event["seq"] > attempt.mark]
        return {"__typename": "EventsAcknowledged", "acknowledgedSeq": attempt.mark, "cancel": attempt.cancel}

    def _finishAttempt(self, input: Answer) -> Answer:
        attempt = self.attempts[input["attemptId"]]
        if attempt.superseded:
            return self._fenced()
        accepted = attempt.final is None
        attempt.final = attempt.final or input["state"]
        return {"__typename": "AttemptFinished", "accepted": accepted, "state": attempt.final}

    def _releaseAttempt(self, input: Answer) -> Answer:
        self.attempts[input["attemptId"]].released = input
        state = {"type": "CRASHED" if input["crashed"] else "SCHEDULED", "name": "", "message": input["reason"]}
        return {"__typename": "AttemptReleased", "state": state}

    def _fenced(self) -> Answer:
        numbers = {"attemptNumber": 1, "currentAttemptNumber": 2}
        return {"__typename": "Fenced", "message": "attempt 2 is the current one", "hint": None, **numbers}
