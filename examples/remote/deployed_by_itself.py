"""A file that defines a flow and applies its deployment: `python deployed_by_itself.py`, as in 2.x."""

from homeport import flow
from homeport.deployments import Deployment
from homeport.schedules import CronSchedule


@flow(log_prints=True)
def greeting(who: str = "you"):
    print(f"hello {who}")


deployment = Deployment.build_from_flow(
    greeting, "every morning", parameters={"who": "Marvin"}, schedule=CronSchedule("0 6 * * *"), tags=["demo"]
)

if __name__ == "__main__":
    print(deployment.apply())
