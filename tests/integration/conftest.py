"""Databases for integration tests, re-exported as fixtures, and a small world on one."""

import pytest

from homeport_control_plane.database import Database
from tests.integration.db_world import World
from tests.services.postgres import database_url, db, empty_database_url, postgres

__all__ = ["database_url", "db", "empty_database_url", "postgres", "world"]


@pytest.fixture
async def world(db: Database) -> World:
    """A tenant with a project and the registered flow "f"."""
    made = await World.create(db)
    await made.register()
    return made
