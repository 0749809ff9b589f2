"""The examples run, as programs of their own, against real HTTP."""

import csv
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.services.example_sites import example_sites

EXAMPLES = Path(__file__).parents[2] / "examples"


@pytest.fixture(scope="module")
def sites():
    with example_sites() as address:
        yield address


def run(name, tmp_path, **environment):
    """Run an example as a user would; what it said."""
    done = subprocess.run(
        [sys.executable, EXAMPLES / name],
        env={**os.environ, "HOME": str(tmp_path), **environment},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stderr


def test_poke_flow_lists_gets_and_keeps_pokemon(sites, tmp_path):
    said = run("poke_flow.py", tmp_path, POKEAPI_URL=f"{sites}/api/v2", POKEFLOW_OUTPUT=str(tmp_path / "out"))

    rows = list(csv.DictReader((tmp_path / "out" / "pokemon.csv").open()))
    assert len(rows) == 20
    assert rows[0] == {"id": "1", "name": "bulbasaur", "height": "7", "weight": "69", "types": "grass/poison"}
    assert json.loads((tmp_path / "out" / "pokemon.json").read_text())[19]["name"] == "raticate"
    assert "There are 20 Pokémon" in said
    assert "Finished in state Completed" in said


def test_github_trending_finds_the_repositories_of_a_page(sites, tmp_path):
    said = run(
        "github_trending.py",
        tmp_path,
        GITHUB_TRENDING_URL=f"{sites}/trending",
        GITHUB_TRENDING_OUTPUT=str(tmp_path / "trending.csv"),
    )

    rows = list(csv.DictReader((tmp_path / "trending.csv").open()))
    assert rows[0] == {"repository": "octo/large.py", "language": "Rust", "stars": "1234"}
    assert rows[1] == {"repository": "octo/small", "language": "Python", "stars": "12"}
    assert "The first of 2: octo/large.py, 1234 stars." in said


def test_hello_greets_in_all_three_shapes(tmp_path):
    said = run("hello.py", tmp_path)

    assert said.count("Finished in state Completed") >= 3
    assert "All greetings together have 50 letters." in said
    assert "Good day, Guido!" in said


def test_installed_packages_measures_this_very_environment(tmp_path):
    said = run("installed_packages.py", tmp_path)

    table = next((tmp_path / "homeport-demo" / "results").glob("packages-*.csv"))
    rows = {row["name"].lower(): row for row in csv.DictReader(table.open())}
    assert rows["click"]["licence"] == "BSD"
    assert int(rows["pydantic"]["bytes"]) > 100_000
    assert f"Result: {table}" in said
