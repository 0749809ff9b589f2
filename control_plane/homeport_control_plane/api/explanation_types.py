"""Why a run is where it is, as the contract shows it."""

from __future__ import annotations

import strawberry

from homeport_control_plane import explain
from homeport_control_plane.api.enums import CheckStatus


@strawberry.type(description="One step of a diagnosis: what was looked at, what was seen, what to do.")
class Check:
    name: str
    status: CheckStatus
    evidence: str
    mend: str | None


@strawberry.type(description="Why a run is where it is.")
class Explanation:
    flow_run_id: strawberry.ID
    verdict: str
    checks: list[Check]

    @classmethod
    def of(cls, found: explain.Explanation) -> Explanation:
        return cls(
            flow_run_id=strawberry.ID(str(found.flow_run_id)),
            verdict=found.verdict,
            checks=[
                Check(name=c.name, status=CheckStatus(c.status), evidence=c.evidence, mend=c.mend) for c in found.checks
            ],
        )
