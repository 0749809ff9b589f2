"""`homeport completion`: the script with which a shell completes commands and options."""

from __future__ import annotations

import click


@click.command()
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
def completion(shell: str) -> None:
    """Print the completion script of a shell.

    \b
      bash:  homeport completion bash > ~/.local/share/bash-completion/completions/homeport
      zsh:   homeport completion zsh > "${fpath[1]}/_homeport"
      fish:  homeport completion fish > ~/.config/fish/completions/homeport.fish
    """
    from click.shell_completion import get_completion_class

    from homeport.cli.main import cli

    kind = get_completion_class(shell)
    assert kind is not None, "click knows the three shells"
    click.echo(kind(cli, {}, "homeport", "_HOMEPORT_COMPLETE").source())
