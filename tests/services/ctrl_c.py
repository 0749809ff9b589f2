"""Programs of tests hear Ctrl-C, whatever started the tests."""

import signal


def heard_here() -> None:
    """As `preexec_fn`: it may be ignored here, as it is below a script's ampersand, and that would be inherited."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)
