"""A program that starts a run and waits for it, with the client of 1.x; it needs a key, and is no flow itself."""

import sys

from homeport import Client
from homeport.backend.flow_runs import wait


def main(flow_id: str) -> None:
    client = Client()
    run = client.create_flow_run(flow_id=flow_id, parameters={"upto": 5}, run_name="from a program")
    ended = wait(run, timeout=60)
    print(ended.name, ended.state.name, client.get_flow_run_state(run).is_completed())


if __name__ == "__main__":
    main(sys.argv[1])
