"""How the program ends: what went wrong, why, a hint with the command that mends it, and an exit code.

0 ok · 1 the run (or the command) failed · 2 usage · 3 not found · 4 not allowed · 5 unreachable
6 the watch timed out · 130 interrupted
"""

from __future__ import annotations

import io
import os
import re
import sys
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from homeport.cli.session import Session

FAILED, USAGE, NOT_FOUND, NOT_ALLOWED, UNREACHABLE, TIMED_OUT, INTERRUPTED = 1, 2, 3, 4, 5, 6, 130
_FIELD = re.compile(r"[a-z]+[A-Z]|[a-z]+[.:\[]")  # a name of the contract, which is written as it is
LONGEST_MESSAGE = 4000  # a message quotes what was found, and that may be of any size


class CommandError(Exception):
    """A command cannot go on: `message` says what and why, `hint` what to do, `code` is the exit code."""

    def __init__(self, message: str, *, hint: str | None = None, code: int = FAILED) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        self.code = code


def guarded(command: click.Command, arguments: list[str]) -> int:
    """Run the program; returns its exit code, after telling what went wrong if something did."""
    _print_whatever_it_is()
    if "_HOMEPORT_COMPLETE" in os.environ:
        command.main(arguments, prog_name="homeport", complete_var="_HOMEPORT_COMPLETE")
    try:
        with command.make_context("homeport", arguments) as context:
            try:
                code = command.invoke(context)
                return code if isinstance(code, int) else 0
            except click.exceptions.Exit as end:
                return end.exit_code
            except Exception as error:
                return explain(error, context.obj)
    except click.exceptions.Exit as end:
        return end.exit_code
    except (KeyboardInterrupt, EOFError):
        click.echo("", err=True)
        return INTERRUPTED
    except Exception as error:
        return explain(error, None)


def _print_whatever_it_is() -> None:
    """A name that the terminal's encoding does not have is shown escaped: a list must not end in the middle."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper) and stream.errors == "strict":
            stream.reconfigure(errors="backslashreplace")


def explain(error: Exception, session: Session | None) -> int:
    """Tell of an error on stderr; returns the exit code that stands for it."""
    if isinstance(error, BrokenPipeError):
        # The reader of our output went away, as `| head` does. Python would complain once more while it exits.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    if isinstance(error, click.Abort):
        click.echo("Interrupted.", err=True)
        return INTERRUPTED
    if isinstance(error, click.exceptions.NoArgsIsHelpError):
        click.echo(error.format_message(), err=True)
        return USAGE
    if isinstance(error, click.UsageError):
        return _usage(error)
    if isinstance(error, click.ClickException):
        _tell(error.format_message(), None)
        return error.exit_code
    if isinstance(error, CommandError):
        _tell(error.message, error.hint)
        return error.code
    return _foreseen(error, session)


def _foreseen(error: Exception, session: Session | None) -> int:
    from homeport.client.errors import ClientError
    from homeport.config.errors import ConfigError

    if isinstance(error, ClientError):
        return _client_error(error, session)
    if isinstance(error, ConfigError):
        _tell(error.message, error.hint)
        return USAGE
    # Blocks are imported by few commands; whoever raises their errors has imported them.
    blocks = sys.modules.get("homeport.blocks.errors")
    if blocks is not None and isinstance(error, blocks.BlockError):
        _tell(error.message, error.hint)
        return NOT_FOUND if isinstance(error, blocks.UnknownBlockType) else USAGE
    if isinstance(error, OSError) and error.filename:
        _tell(f"{error.filename}: {error.strerror}.", None)
        return FAILED
    return _unforeseen(error)


def _client_error(error: Exception, session: Session | None) -> int:
    from homeport.client import errors

    assert isinstance(error, errors.ClientError)
    message, hint = _sentence(error.message), error.hint
    if isinstance(error, (errors.Unreachable, errors.Unauthenticated, errors.InvalidAddress)) and session is not None:
        source = session.settings.get("api_url").source
        if source not in message:
            message += f"\n  The address comes from {source}."
    if isinstance(error, errors.Unauthenticated) and session is not None and session.uses_configured_key:
        source = session.settings.key().source
        message += f"\n  The key comes from {source}."
        if source == session.settings.get("api_key").source:
            hint = f"Change or unset {source.removeprefix('the variable ')}: it wins over the key that was stored"
    if isinstance(error, errors.Forbidden) and hint is None:
        hint = "homeport auth status shows the key; an admin makes others: homeport auth create-key -n NAME --role ROLE"
    if isinstance(error, errors.Unavailable):
        _tell(message, hint or "It is there, but cannot answer now; its log says more: homeport server logs")
        return UNREACHABLE
    if isinstance(error, errors.Unreachable):
        _tell(message, hint or _unreachable_hint(session))
        return UNREACHABLE
    if isinstance(error, errors.NotFoundError) and session is not None and session.uses_configured_key:
        from homeport.cli import near_names

        near = near_names.hint(session, str(error.details.get("kind")), str(error.details.get("ref")))
        hint = f"{near}    ({hint})" if near and hint else near or hint
    _tell(message, hint)
    if isinstance(error, errors.NotFoundError):
        return NOT_FOUND
    if isinstance(error, (errors.Unauthenticated, errors.Forbidden)):
        return NOT_ALLOWED
    return USAGE if isinstance(error, (errors.InvalidInputError, errors.InvalidAddress)) else FAILED


def _sentence(message: str) -> str:
    """The control plane's message as a sentence among ours."""
    end = "" if message.endswith((".", "!", "?", ":")) or "\n" in message else "."
    if _FIELD.match(message):
        return message + end
    return message[:1].upper() + message[1:] + end


def _unreachable_hint(session: Session | None) -> str:
    from urllib.parse import urlsplit

    host = urlsplit(session.settings.api_url).hostname if session is not None else None
    if host in ("127.0.0.1", "localhost", "::1"):
        return "Start one here: homeport server start --detach    (or name another: --api URL)"
    return "homeport doctor    looks at each step of the way"


def _usage(error: click.UsageError) -> int:
    message, _, hint = error.format_message().partition("\nhint: ")
    if error.ctx is not None and not hint:
        click.echo(error.ctx.get_usage(), err=True)
        hint = f"{error.ctx.command_path} --help"
    _tell(message, hint or None)
    return USAGE


def _unforeseen(error: Exception) -> int:
    if os.environ.get("HOMEPORT_DEBUG"):
        import traceback

        click.echo(_masked("".join(traceback.format_exception(error))), err=True, nl=False)
    _tell(
        f"This should not have happened: {type(error).__name__}: {error}",
        None if os.environ.get("HOMEPORT_DEBUG") else "Set HOMEPORT_DEBUG=1 and try again: it shows where.",
    )
    return FAILED


def _masked(said: str) -> str:
    """Without the secrets that were resolved: an error of a storage may quote them, and CI keeps what is printed."""
    masking = sys.modules.get("homeport.engine.masking")  # whoever resolved one has imported it
    return said if masking is None else str(masking.masked(said))


def _tell(message: str, hint: str | None) -> None:
    from homeport.cli import text

    message, _, own_hint = _masked(message).partition("\nhint: ")
    message = text.harmless(message if len(message) <= LONGEST_MESSAGE else message[:LONGEST_MESSAGE] + "…")
    click.secho("Error: ", fg="red", bold=True, err=True, nl=False)
    click.echo(message, err=True)
    if hint or own_hint:
        click.secho("hint: ", fg="cyan", err=True, nl=False)
        click.echo(_masked(hint) if hint else own_hint, err=True)
