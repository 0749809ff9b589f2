"""A PostgreSQL of our own in the user's data folder, so that a laptop and a cluster run the same code path.

`EmbeddedPostgres` is what the process uses: it prepares the folder, starts the postmaster, restarts it when it is
killed, and stops it. Nobody but this process connects to it: loopback TCP, SCRAM with a password only the folder's
owner can read.
"""

from homeport_control_plane.embedded_postgres.supervisor import EmbeddedPostgres

__all__ = ["EmbeddedPostgres"]
