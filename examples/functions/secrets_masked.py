"""A secret is found where this machine keeps it, and is *** in everything that the run reports."""

import os

from homeport import flow, get_run_logger, task
from homeport.client import Secret
from homeport.secrets import resolve

os.environ.setdefault("HOMEPORT__CONTEXT__SECRETS__SHOP_DB", '{"user": "shop", "password": "correct-horse"}')
os.environ.setdefault("SHOP_TOKEN", "battery-staple")


@task(log_prints=True)
def connect():
    login = Secret("SHOP_DB").get()
    print("connecting as", login["user"], "with", login["password"])
    get_run_logger().info("token %s", resolve("env:SHOP_TOKEN").get())
    raise ConnectionError(f"refused: {login}")


@flow
def shop():
    connect(return_state=True)
    return "closed"


if __name__ == "__main__":
    shop()
