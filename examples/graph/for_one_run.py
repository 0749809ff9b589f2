"""Another executor and other secrets for one run only, as tests of 1.x flows do it."""

import homeport
from homeport import Flow, task
from homeport.executors import LocalDaskExecutor
from homeport.tasks.secrets import PrefectSecret


@task
def login(password):
    return f"logged in with {len(password)} letters"


@task
def fetch(session, page):
    return f"page {page}"


with Flow("for one run") as flow:
    session = login(PrefectSecret("SHOP_PASSWORD"))
    pages = fetch.map(homeport.unmapped(session), [1, 2, 3])

if __name__ == "__main__":
    with homeport.context(secrets={"SHOP_PASSWORD": "only for this test"}):
        state = flow.run(executor=LocalDaskExecutor(scheduler="threads", num_workers=3))
    print(state.result[session].result, state.result[pages].result)
