"""A page of the documentation as one shell script: its console blocks are typed, its files are saved first.

A block that begins with `# path/file.py` (or .toml, .yaml) is saved under that name. In a console block, lines that
begin with `$ ` are typed (a line that ends in `\\` goes on in the next). What stands between them is what a reader is
promised to see: it is looked for, in that order, in what the page's commands printed. There `...` stands for anything,
and one kind of space for another.
"""

import re
import subprocess
from collections.abc import Mapping
from pathlib import Path

ROOT = Path(__file__).parents[2]
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
SAVED = re.compile(r"# (\S+\.(?:py|toml|yaml))$")


def blocks(text: str, kind: str) -> list[str]:
    """The bodies of the page's fenced blocks of that kind."""
    return [body for found, body in BLOCK.findall(text) if found == kind]


def typed(console: str) -> list[str]:
    """The commands of a console block."""
    lines, going_on = [], False
    for line in console.splitlines():
        if line.startswith("$ ") or going_on:
            lines.append(line.removeprefix("$ "))
            going_on = line.endswith("\\")
    return lines


def promised(text: str) -> list[str]:
    """The lines that console blocks show as printed."""
    found, going_on = [], False
    for body in blocks(text, "console"):
        for line in body.splitlines():
            command = line.startswith("$ ") or going_on
            going_on = command and line.endswith("\\")
            if not command and line.strip() not in ("", "..."):
                found.append(line.strip())
    return found


def script(text: str) -> str:
    """The page's blocks, in their order, for bash."""
    lines = ["set -euo pipefail"]
    for kind, body in BLOCK.findall(text):
        first = SAVED.match(body.splitlines()[0]) if body.strip() else None
        if kind == "console":
            lines += typed(body)
        elif first:
            name = first[1]
            lines.append(f"mkdir -p $(dirname {name}) && cat > {name} <<'END_OF_FILE'\n{body}END_OF_FILE")
    return "\n".join(lines)


def follow(
    text: str, *, folder: Path, environment: Mapping[str, str], at_the_end: str = "true", within: float = 150
) -> str:
    """Do what the page says in `folder`; returns what was printed. Fails when a command does, or broke a promise."""
    done = subprocess.run(
        ["bash", "-c", f"trap '{at_the_end}' EXIT\n{script(text)}"],
        cwd=folder,
        env=dict(environment),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=within,
    )
    assert done.returncode == 0, f"exit {done.returncode}\n{done.stdout}"
    assert "Traceback" not in done.stdout, done.stdout
    seen = 0
    for line in promised(text):
        pattern = r"\s+".join(re.escape(word).replace(re.escape("..."), ".*?") for word in line.split())
        found = re.compile(pattern).search(done.stdout, seen)
        assert found, f"not printed (at its place): {line}\n{done.stdout}"
        seen = found.end()
    return done.stdout
