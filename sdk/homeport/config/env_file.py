"""The `.env` file of the working folder: only its HOMEPORT_ lines are read, and the environment is left as it is."""

from __future__ import annotations

from pathlib import Path

from homeport.config.errors import ConfigError


def read(folder: Path) -> dict[str, str]:
    """The HOMEPORT_ variables that the folder's `.env` sets; empty when there is none."""
    path = folder / ".env"
    try:
        text = path.read_text(encoding="utf-8")
    except (FileNotFoundError, NotADirectoryError, IsADirectoryError, PermissionError):
        return {}
    except UnicodeDecodeError:
        raise ConfigError(f"{path} is not UTF-8 text.", hint="Save it as UTF-8, or remove it.") from None
    if "HOMEPORT_" not in text:  # the parser costs more than the whole rest of the settings
        return {}
    from io import StringIO

    from dotenv import dotenv_values

    values = dotenv_values(stream=StringIO(text))
    return {name: value for name, value in values.items() if name.startswith("HOMEPORT_") and value is not None}
