"""Futures as they end, states instead of exceptions, and a flow that decides itself how it ends."""

from homeport import flow, task
from homeport.futures import as_completed, wait
from homeport.states import Completed, Failed


@task
def check(host):
    if host.startswith("down"):
        raise ConnectionError(f"{host} does not answer")
    return host


@flow
def check_all(hosts: list[str]):
    futures = check.map(hosts)
    for future in as_completed(futures):
        print(future.name, "ended", future.state.name)
    wait(futures)
    down = [future for future in futures if future.state.is_failed()]
    if len(down) > 1:
        return Failed(f"{len(down)} of {len(futures)} hosts are down")
    return Completed(f"{len(futures) - len(down)} hosts are up")


if __name__ == "__main__":
    print(check_all(["a", "b", "down-1"], return_state=True))
    print(check_all(["a", "down-1", "down-2"], return_state=True))
