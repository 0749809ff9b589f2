"""Artifacts under their 1.x names."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from homeport.artifacts import create
from homeport.client.outcomes import expect
from homeport.runtime.connection import ask


def create_link(link: str) -> str:
    """Show a link; the artifact's id."""
    return str(create("LINK", {"link": link}))


def create_markdown(markdown: str) -> str:
    """Show a text in Markdown; the artifact's id."""
    return str(create("MARKDOWN", {"markdown": markdown}))


def update_link(task_run_artifact_id: str | UUID, link: str) -> bool:
    """Give the artifact another link; True. Raises NotFoundError, NotConnected."""
    return _update(task_run_artifact_id, "LINK", {"link": link})


def update_markdown(task_run_artifact_id: str | UUID, markdown: str) -> bool:
    """Give the artifact another text; True. Raises NotFoundError, NotConnected."""
    return _update(task_run_artifact_id, "MARKDOWN", {"markdown": markdown})


def delete_artifact(task_run_artifact_id: str | UUID) -> bool:
    """Delete the artifact; True. Raises NotFoundError, NotConnected."""
    answer = ask("deleteArtifact", {"input": {"id": str(task_run_artifact_id)}})
    expect(answer["deleteArtifact"], "ArtifactDeleted")
    return True


def _update(id: str | UUID, kind: str, data: dict[str, Any]) -> bool:
    answer = ask("updateArtifact", {"input": {"id": str(id), "kind": kind, "data": data}})
    expect(answer["updateArtifact"], "ArtifactUpdated")
    return True


create_link_artifact, create_markdown_artifact = create_link, create_markdown
update_link_artifact, update_markdown_artifact = update_link, update_markdown
