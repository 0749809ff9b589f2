"""Storages, infrastructure, run configs and blocks: what they are made of, and what `load` and `save` give."""

from typing import Any, assert_type

from homeport import Flow, flow
from homeport.blocks import KeptBlock, create_block, load_block
from homeport.filesystems import LocalFileSystem
from homeport.infrastructure import DockerContainer, ECSTask, KubernetesJob, Process
from homeport.run_configs import DockerRun, ECSRun, KubernetesRun, LocalRun, UniversalRun
from homeport.secrets import Secret, SecretValue, resolve
from homeport.storage import GCS, S3, SMB, Azure, Bitbucket, Docker, Git, GitHub, GitLab, Local, Module, Storage

assert_type(S3.load("prod"), S3)
assert_type(S3("flows", region="eu-central-1", secret_access_key="env:KEY").save("prod", overwrite=True), str)
assert_type(SMB("flows", "etl", host="files", username="etl", password="keyring:smb"), SMB)
assert_type(LocalFileSystem(basepath="/srv"), LocalFileSystem)
assert_type(Local("/srv").to_dict(), dict[str, Any])
SMB(share=5)  # type: ignore[arg-type]
S3(bucket=["flows"])  # type: ignore[arg-type]
S3("flows", regoin="eu-central-1")  # type: ignore[call-arg]
S3("flows", addressing_style="virtuel")  # type: ignore[arg-type]
storages: list[Storage] = [
    GCS("flows", service_account_info="env:GCS", retry_seconds=60),
    Azure("flows", account_url="https://flows.blob.core.windows.net", sas_token="keyring:azure"),
    Docker(registry_url="registry.example.com", python_dependencies=["pandas"], image_name="etl"),
    Git(repo="team/flows", repo_host="github.com"),
    GitHub(repo="team/flows", path="flows/etl.py"),
    GitLab(repo="team/flows", path="flows/etl.py"),
    Bitbucket(project="team", repo="flows", path="etl.py"),
    Module("flows.etl"),
]

assert_type(DockerContainer.load("gpu"), DockerContainer)
assert_type(KubernetesJob.load("small"), KubernetesJob)
assert_type(ECSTask.load("small"), ECSTask)
assert_type(Process(env={"A": "1"}).save("here"), str)
assert_type(LocalRun(env={"A": "1"}, labels=["etl"]).labels, frozenset[str])
for run_config in (UniversalRun(), DockerRun(image="team/etl"), KubernetesRun(cpu_limit=2), ECSRun(cpu=256)):
    assert_type(run_config.to_dict(), dict[str, Any])

graph = Flow("etl", storage=S3.load("prod"), run_config=DockerContainer.load("gpu"))
graph.storage = GitHub.load("main")


@flow(storage=SMB.load("share"), run_config=LocalRun(), result_storage=S3.load("results"))
def etl() -> None: ...


async def loads() -> None:
    assert_type(await S3.load("prod"), S3)
    assert_type(await DockerContainer.load("gpu"), DockerContainer)


assert_type(load_block("s3/prod"), KeptBlock)
assert_type(create_block("s3/prod", {"bucket": "flows"}).fields, dict[str, Any])
assert_type(Secret.load("NAME"), Secret)
assert_type(Secret("NAME").value(), SecretValue)
assert_type(Secret("NAME").exists(), bool)
assert_type(resolve("env:NAME"), SecretValue)
