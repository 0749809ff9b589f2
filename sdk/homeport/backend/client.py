"""`Client()` of 1.x: runs started and looked at, projects made, flows registered, from any program.

Address and key are those of the settings, as for the command line. In a run it asks with the token of that run, which
may start and look at flows of its own project.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any, Never

from homeport.backend import flow_runs
from homeport.backend.flow_runs import FlowRunView
from homeport.client.outcomes import expect
from homeport.runtime.connection import ask

if TYPE_CHECKING:
    from homeport.engine.states import State
    from homeport.flows import Flow


class Client:
    """What programs of 1.x asked of their client. Its errors are those of `homeport.client`."""

    def create_flow_run(
        self,
        flow_id: str | None = None,
        *,
        deployment_id: str | None = None,
        parameters: Mapping[str, Any] | None = None,
        labels: Iterable[str] | None = None,
        run_name: str | None = None,
        scheduled_start_time: datetime | None = None,
        idempotency_key: str | None = None,
    ) -> str:
        """Create a run of this flow, or of one deployment of it; the run's id.

        Raises NotFoundError, InvalidInputError for parameters that do not fit, ConflictError, NotConnected.
        """
        if (flow_id is None) == (deployment_id is None):
            raise TypeError("create_flow_run() takes the id of a flow (flow_id=), or of a deployment (deployment_id=).")
        return flow_runs.start(
            {"flowId": flow_id} if flow_id is not None else {"deploymentId": deployment_id},
            parameters=parameters,
            labels=labels,
            run_name=run_name,
            idempotency_key=idempotency_key,
            scheduled_start_time=scheduled_start_time,
            as_child=False,
        )

    def get_flow_run_info(self, flow_run_id: str) -> FlowRunView:
        """The run as it is now. Raises NotFoundError."""
        return flow_runs.look(flow_run_id)

    def get_flow_run_state(self, flow_run_id: str) -> State[Any]:
        """The state of the run as it is now. Raises NotFoundError."""
        return flow_runs.look(flow_run_id).state

    def cancel_flow_run(self, flow_run_id: str) -> bool:
        """End the run: at once where it waits, by asking its process where it runs. Raises NotFoundError."""
        answer = ask("cancelFlowRun", {"input": {"id": flow_run_id}})["cancelFlowRun"]
        return bool(expect(answer, "FlowRunCancelled"))

    def create_project(self, project_name: str, project_description: str = "") -> str:
        """The id of the project of this name, made if it is not there."""
        given = {"name": project_name, "description": project_description, "skipIfExists": True}
        answer = ask("createProject", {"input": given})["createProject"]
        return str(expect(answer, "ProjectCreated")["project"]["id"])

    def delete_project(self, project_name: str) -> bool:
        """Delete the project with its flows and the history of their runs. Raises NotFoundError."""
        answer = ask("deleteProject", {"input": {"name": project_name}})["deleteProject"]
        return bool(expect(answer, "ProjectDeleted"))

    def register(self, flow: Flow, project_name: str, **options: Any) -> str:
        """As `flow.register(project_name)`: the flow's id."""
        return flow.register(project_name, **options)

    def graphql(self, query: object, *_: object, **__: object) -> Never:
        """Refused: a query of Prefect's API has no meaning for this one."""
        raise NotImplementedError(
            "Client.graphql() sent queries in the names of Prefect's API. Here they have others: "
            "docs/reference/graphql.md says which, and how to send them. The commands with --json answer most of them."
        )
