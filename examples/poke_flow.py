"""PokeFlow, in the 1.x shape with tasks as classes: list Pokémon, get the details of each, keep them as CSV and JSON.

POKEAPI_URL is where the API is (default: https://pokeapi.co/api/v2), POKEFLOW_OUTPUT the folder for the files.
"""

import csv
import json
import os
import urllib.request
from datetime import timedelta
from pathlib import Path
from typing import Any

import homeport
from homeport import Flow, Parameter, Task
from homeport.executors import LocalDaskExecutor
from homeport.run_configs import UniversalRun

POKEAPI_URL = os.environ.get("POKEAPI_URL", "https://pokeapi.co/api/v2")
OUTPUT = os.environ.get("POKEFLOW_OUTPUT", "~/homeport-demo/pokemon")


def get_json(url: str) -> dict[str, Any]:
    """The JSON object at this address."""
    request = urllib.request.Request(url, headers={"User-Agent": "homeport-example"})
    with urllib.request.urlopen(request, timeout=30) as answer:
        found: dict[str, Any] = json.load(answer)
    return found


class ExtractPokemon(Task):
    """The list: names, and the address of each one's details."""

    def run(self, limit: int) -> dict[str, Any]:
        """One page with `limit` entries."""
        logger = homeport.context.get("logger")
        page = get_json(f"{POKEAPI_URL}/pokemon?limit={limit}")
        logger.info("There are %d Pokémon; taking %d.", page["count"], len(page["results"]))
        return page


class TransformPokemon(Task):
    """What is wanted of one Pokémon's details."""

    def run(self, pokemon: dict[str, str]) -> dict[str, Any]:
        """Get the details and flatten them."""
        details = get_json(pokemon["url"])
        self.logger.debug("Got %s.", pokemon["name"])
        return {
            "id": details["id"],
            "name": details["name"],
            "height": details["height"],
            "weight": details["weight"],
            "types": "/".join(entry["type"]["name"] for entry in details["types"]),
        }


class LoadPokemon(Task):
    """Keep all of them, as CSV and as JSON."""

    def run(self, details: list[dict[str, Any]], folder: str) -> dict[str, str]:
        """Write both files; their paths."""
        logger = homeport.context.get("logger")
        where = Path(folder).expanduser()
        where.mkdir(parents=True, exist_ok=True)
        table, whole = where / "pokemon.csv", where / "pokemon.json"
        with table.open("w", newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, list(details[0]))
            writer.writeheader()
            writer.writerows(details)
        whole.write_text(json.dumps(details, indent=2), encoding="utf-8")
        logger.info("%d Pokémon are in %s and %s.", len(details), table, whole.name)
        return {"csv": str(table), "json": str(whole)}


extract_pokemon = ExtractPokemon(max_retries=3, retry_delay=timedelta(seconds=5))
transform_pokemon = TransformPokemon(max_retries=3, retry_delay=timedelta(seconds=5))
load_pokemon = LoadPokemon()

with Flow("PokeFlow", executor=LocalDaskExecutor(num_workers=8), run_config=UniversalRun()) as poke_flow:
    limit = Parameter("limit", default=151)
    folder = Parameter("folder", default=OUTPUT)
    pokemon = extract_pokemon(limit)
    details = transform_pokemon.map(pokemon["results"])
    files = load_pokemon(details, folder)

if __name__ == "__main__":
    poke_flow.run()
