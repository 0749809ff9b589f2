"""Databases for integration tests, re-exported as fixtures."""

from tests.services.postgres import database_url, db, empty_database_url, postgres

__all__ = ["database_url", "db", "empty_database_url", "postgres"]
