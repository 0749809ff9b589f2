"""Deployments: what is run, where, with which parameters and when; written as YAML, applied, and run from Python.

Deployment.build_from_flow(hello, "nightly", work_queue_name="demo", storage="smb/test").apply()
run_deployment("hello/nightly", parameters={"name": "Ada"})
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from homeport.deployments.running import run_deployment as run_deployment

if TYPE_CHECKING:
    from homeport.deployments.deployment import Deployment as Deployment
    from homeport.deployments.problems import InvalidDeployment as InvalidDeployment

_HOMES = {"Deployment": "deployment", "InvalidDeployment": "problems"}  # they bring pydantic or a YAML parser

__all__ = ["Deployment", "InvalidDeployment", "run_deployment"]


if not TYPE_CHECKING:  # a checker would take any name for one that is there
    from homeport.submodules import names_on_demand

    __getattr__ = names_on_demand(__name__, _HOMES)
