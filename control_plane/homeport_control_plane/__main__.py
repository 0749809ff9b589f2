"""`python -m homeport_control_plane`: serve, or print the schema."""

import sys

from homeport_control_plane.command_line import main

sys.exit(main())
