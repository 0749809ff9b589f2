"""Deployments as Prefect 2.4.5 wrote them (tests/data/prefect_deployments) are read.

What fits is taken over, and of the rest is said what becomes of it.
"""

import shutil
from pathlib import Path
from typing import Any

import pytest

from homeport.blocks.types import block_type
from homeport.deployments import building, prefect_yaml, reading

SAMPLES = Path(__file__).parents[1] / "data/prefect_deployments"


def read(tmp_path: Path, name: str, change: tuple[str, str] = ("", "")) -> reading.Found:
    (tmp_path / "demo.py").write_text("")
    file = tmp_path / f"{name}.yaml"
    text = (SAMPLES / f"{name}.yaml").read_text()
    assert change[0] in text
    file.write_text(text.replace(*change) if change[0] else text)
    return reading.read_files([(file, True)])


def said(found: reading.Found) -> dict[str, Any]:
    assert found.problems == []
    return found.deployments[0].specification.model_dump(mode="json", exclude_unset=True)


def notes(found: reading.Found) -> list[str]:
    return [note.message for note in found.deployments[0].notes]


def mistakes(found: reading.Found) -> list[str]:
    return [f"{problem.place.rpartition('/')[2]}: {problem.message} | {problem.mend}" for problem in found.problems]


def test_a_plain_one_says_the_same_here(tmp_path: Path) -> None:
    found = read(tmp_path, "plain")

    assert said(found) == {
        "name": "demo_smb",
        "description": "Says hello.\n\nTo somebody.",
        "queue": "demo",
        "schedule": None,
        "infrastructure": {"type": "process"},
        "flow": "hello-world",
        "entrypoint": "demo.py:hello_world",
    }
    assert notes(found) == [f"the code is taken from {tmp_path}, beside this file, rather than from /home/ada/flows"]


def test_a_storage_block_is_read_by_its_name_and_the_command_that_makes_it_is_told(tmp_path: Path) -> None:
    found = read(tmp_path, "smb")

    assert said(found)["storage"] == "smb/test"
    assert notes(found)[0].endswith(
        "If there is none yet: homeport block create smb/test --field share=flows --field host=controller "
        "--field username=... --secret password=env:SMB_PASSWORD"
    )


@pytest.mark.parametrize(
    ("address", "settings", "block", "command"),
    [
        (
            "s3://flows/team/a",
            "{key: AKIAX, secret: hunter2secret, client_kwargs: {endpoint_url: 'http://minio:9000'}}",
            "s3/test",
            "--field bucket=flows --field prefix=team/a --field endpoint_url=http://minio:9000 "
            "--secret access_key_id=env:AWS_ACCESS_KEY_ID --secret secret_access_key=env:AWS_SECRET_ACCESS_KEY",
        ),
        ("gs://flows", "{}", "gcs/test", "--field bucket=flows"),
        ("az://flows/a", "{account_name: ours}", "azure/test", "--field container=flows --field prefix=a "),
        ("smb://ada:hunter2@controller/flows", "{}", "smb/test", "--field share=flows --field host=controller "),
        ("file:///mnt/flows", "{}", "folder/test", "--field path=/mnt/flows"),
    ],
)
def test_a_remote_file_system_is_read_as_the_kind_its_address_names(
    tmp_path: Path, address: str, settings: str, block: str, command: str
) -> None:
    text = (SAMPLES / "smb.yaml").read_text()
    _, begin, rest = text.partition("  share_path")
    fields, end, _ = rest.partition("  _block_document_id")
    theirs = f"  basepath: {address}\n  settings: {settings}\n"

    text = text.replace(begin + fields + end, theirs + end).replace("_type_slug: smb", "_type_slug: remote-file-system")
    (tmp_path / "demo.py").touch()
    (tmp_path / "remote.yaml").write_text(text)
    found = reading.read_files([(tmp_path / "remote.yaml", True)])

    assert said(found)["storage"] == block
    assert "the block remote-file-system/test of Prefect is read as the block " + block in notes(found)[0]
    assert f"homeport block create {block} " in notes(found)[0]
    assert command in notes(found)[0]
    assert "hunter2" not in notes(found)[0]


def test_schedules_tags_parameters_overrides_and_a_container_are_taken_over(tmp_path: Path) -> None:
    found = read(tmp_path, "s3-docker")

    taken = said(found)
    assert taken["schedule"] == {"cron": "0 3 * * *", "timezone": "Europe/Berlin", "day_or": True}
    assert (taken["tags"], taken["parameters"]) == (["etl", "nightly"], {"name": "Ada"})
    assert taken["overrides"] == {"env": {"LEVEL": "debug"}, "image": "registry.example.com/flows:2"}
    assert taken["infrastructure"] == {
        "type": "docker-container",
        "env": {"LEVEL": "info"},
        "image": "registry.example.com/flows:1",
        "network_mode": "n1",
        "volumes": ["/a:/b"],
        "auto_remove": True,
    }
    assert taken["storage"] == "s3/prod"


def test_intervals_paths_and_a_jobs_namespace_are_taken_over(tmp_path: Path) -> None:
    taken = said(read(tmp_path, "azure-k8s"))

    assert taken["schedule"] == {"interval": 3600.0, "anchor_date": "2022-09-01T00:00:00Z", "timezone": "UTC"}
    assert (taken["storage"], taken["path"]) == ("azure/az", "sub")
    assert taken["infrastructure"]["job"] == {
        "apiVersion": "batch/v1", "kind": "Job", "metadata": {"namespace": "jobs"},
    }  # fmt: skip


def test_an_rrule_is_taken_over_and_an_image_with_prefect_in_it_is_left_out_with_a_word(tmp_path: Path) -> None:
    found = read(tmp_path, "github-rrule")

    assert said(found)["schedule"] == {"rrule": "FREQ=DAILY;BYHOUR=9", "timezone": "UTC"}
    assert said(found)["infrastructure"] == {"type": "docker-container"}
    assert any("has Prefect in it and not Homeport" in note for note in notes(found))
    assert notes(found)[0].endswith("homeport block create github/gh --field repo=org/repo --field ref=main")


def test_a_version_that_is_the_files_hash_is_left_out_and_one_that_a_person_gave_stays(tmp_path: Path) -> None:
    hashed = read(tmp_path, "plain")
    given = read(tmp_path, "share-process", ("    DB_PASSWORD: hunter2secret\n", "    LEVEL: info\n"))

    assert "version" not in said(hashed)
    assert said(given)["version"] == "1.2"
    assert said(given)["storage"] == "folder/share"


@pytest.mark.parametrize(
    ("name", "change", "told"),
    [
        ("share-process", ("", ""), "share-process.yaml:25:18: the value of infrastructure.env.DB_PASSWORD is called"),
        ("inline-s3", ("", ""), "inline-s3.yaml:31:1: the fields of a storage block stand in the file itself"),
        (
            "plain",
            ("command: null", "command: [python]"),
            "the field 'command' of Prefect's infrastructure has no equivalent",
        ),
        ("s3-docker", ("  - n1\n", "  - n1\n  - n2\n"), "the field 'networks'"),
        ("k8s-plain", ("customizations: []", "customizations: [{op: add}]"), "the field 'customizations'"),
        ("k8s-plain", ("cluster_config: null", "cluster_config: {a: b}"), "the field 'cluster_config'"),
        ("smb", ("block_type_slug: smb", "block_type_slug: remote-file-system"), "an address of no kind that is here"),
        ("plain", ("demo.py:hello_world", "gone.py:x"), "gone.py is neither beside this file nor in /home/ada/flows"),
        ("plain", ("work_queue_name: demo", "work_queue_name: demo\nqueue: other"), "is Prefect's name of 'queue'"),
        ("plain", ("tags: []", "tagz: [x]"), "there is no key 'tagz'"),
        ("s3-docker", ("cron: 0 3 * * *", "cron: 0 3 * * * *"), "s3-docker.yaml:18:9: A cron schedule has five"),
    ],
)
def test_what_cannot_be_carried_over_is_told_with_line_and_mend(
    tmp_path: Path, name: str, change: tuple[str, str], told: str
) -> None:
    found = mistakes(read(tmp_path, name, change))

    assert len(found) == 1
    assert told in found[0]
    assert not found[0].endswith("| ") or "cron" in told
    assert "hunter2" not in found[0]


def test_the_command_for_an_inline_storage_has_its_fields_and_no_secret(tmp_path: Path) -> None:
    [told] = mistakes(read(tmp_path, "inline-s3"))

    assert (
        "homeport block create s3/NAME --field bucket=my-bucket --field prefix=flows "
        "--secret access_key_id=env:AWS_ACCESS_KEY_ID --secret secret_access_key=env:AWS_SECRET_ACCESS_KEY" in told
    )
    assert "***" not in told


def test_prefects_yaml_has_the_booleans_of_its_own_yaml(tmp_path: Path) -> None:
    found = read(tmp_path, "plain", ("parameters: {}", "parameters: {loud: yes, n: 1, y: no}"))

    assert said(found)["parameters"] == {"loud": True, "n": 1, "y": False}


@pytest.mark.parametrize("name", ["plain", "smb", "s3-docker", "azure-k8s", "github-rrule", "k8s-plain"])
def test_what_is_converted_reads_the_same_as_what_prefect_wrote(tmp_path: Path, name: str) -> None:
    before = read(tmp_path, name)
    text = building.converted_text(before.deployments, file=tmp_path / "x.yaml", schema_url="http://h/s.json")
    (tmp_path / "ours.yaml").write_text(text)

    after = reading.read_files([(tmp_path / "ours.yaml", True)])

    assert said(after) == said(before)
    assert notes(after) == []
    assert "flow_name" not in text
    assert "_block" not in text


@pytest.mark.parametrize("slug", ["azure", "folder", "gcs", "github", "s3", "smb"])
def test_the_fields_in_the_commands_are_those_of_the_blocks(slug: str) -> None:
    fields = block_type(slug).fields

    named = set(prefect_yaml._STORAGE_FIELDS[slug].values())
    named |= set(prefect_yaml._located(slug, {"bucket_path": "a/b"})) if slug in ("azure", "s3", "smb") else set()
    assert named <= set(fields.model_fields)
    assert prefect_yaml._SECRET & named == fields.secret_names() & named


def test_a_whole_folder_of_prefects_is_read_at_once(tmp_path: Path) -> None:
    shutil.copytree(SAMPLES, tmp_path / "deployments")
    (tmp_path / "deployments/demo.py").write_text("")

    found = reading.read_files(reading.files_of([tmp_path / "deployments"]))

    names = sorted(one.specification.name for one in found.deployments)
    assert names == ["demo_smb", "demo_smb", "gh", "hourly", "k", "nightly"]
    assert len(found.problems) == 3  # a literal secret, an inline storage, and demo_smb twice
