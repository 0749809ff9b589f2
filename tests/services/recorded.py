"""A flow run here that a real control plane knows, as one on an agent does: with a run token, and without a key."""

from dataclasses import dataclass
from typing import Any

from homeport import Flow
from homeport.client import Client
from homeport.engine.flow_runs import FlowRun
from homeport.engine.reporting import InMemoryReporter
from homeport.engine.run import run_to_end
from homeport.engine.states import State
from homeport.runtime import user_code
from homeport.runtime.direct_attempt import DirectAttempt
from tests.services.api import Api
from tests.services.control_plane import ControlPlane


@dataclass
class Recorded:
    """How it ended, and what anybody with a key can see of it."""

    state: State
    id: str
    api: Api

    def artifacts(self) -> list[dict[str, Any]]:
        query = (
            "query($id: ID!) { artifacts(first: 100, filter: {flowRunId: $id}) {"
            " nodes { id kind key data taskRunId flowRunId } } }"
        )
        return list(self.api.ask(query, id=self.id).data["artifacts"]["nodes"])

    def task_runs(self) -> dict[str, tuple[str, str]]:
        """Of each task run that the control plane knows, by name, its state's name and message."""
        query = (
            "query($id: ID!) { flowRun(id: $id) { taskRuns(first: 100) { nodes { name state { name message } } } } }"
        )
        nodes = self.api.ask(query, id=self.id).data["flowRun"]["taskRuns"]["nodes"]
        return {node["name"]: (node["state"]["name"], node["state"]["message"]) for node in nodes}

    def state_there(self) -> tuple[str, str]:
        """The name and the message of the run's state that the control plane knows."""
        state = self.api.ask("query($id: ID!) { flowRun(id: $id) { state { name message } } }", id=self.id).data
        return state["flowRun"]["state"]["name"], state["flowRun"]["state"]["message"]

    def task_run_ids(self) -> set[str]:
        query = "query($id: ID!) { flowRun(id: $id) { taskRuns(first: 100) { nodes { id } } } }"
        return {node["id"] for node in self.api.ask(query, id=self.id).data["flowRun"]["taskRuns"]["nodes"]}


class Recorder:
    """Runs flows of one control plane; `token` is that of the run that began last."""

    def __init__(self, server: ControlPlane) -> None:
        self.server = server
        self.api = Api(server.url, server.admin_key)
        self.deployment_id = str(self.api.deployment()["id"])
        self.token = ""

    def run(self, flow: Flow, **parameters: Any) -> Recorded:
        id = self.api.run(self.deployment_id, direct=True)
        with Client(self.server.url, self.server.admin_key) as client:
            attempt = DirectAttempt(client, id, on_cancel=lambda: None)
        self.token = attempt.descriptor.run_token
        shown = attempt.shown_by(InMemoryReporter())
        state = run_to_end(FlowRun(flow, user_code.run_info(attempt.descriptor), shown, is_local=True), parameters)
        attempt.end(user_code.as_final(state))
        return Recorded(state, id, self.api)
