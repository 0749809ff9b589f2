"""Storages as 1.x and 2.x describe them: what is taken over, and what is refused by name with the mend."""

import inspect

import pytest

from homeport.blocks.types import block_type
from homeport.engine.results import AzureResult, GCSResult, S3Result
from homeport.storage import GCS, S3, SMB, Azure, Bitbucket, Git, GitHub, GitLab, Local, Module
from homeport.storage import fields as typed
from homeport_storage.azure_fields import AzureFields
from homeport_storage.s3_fields import S3Fields


def test_the_1x_arguments_become_fields():
    s3 = S3(
        "flows",
        key="prod",
        stored_as_script=True,
        local_script_path="flows/a.py",
        client_options={"endpoint_url": "https://minio.example.com", "region_name": "eu-central-1"},
        upload_options={"ServerSideEncryption": "aws:kms", "SSEKMSKeyId": "key-1"},
    )

    assert s3.to_dict() == {
        "kind": "s3", "bucket": "flows", "prefix": "prod", "endpoint_url": "https://minio.example.com",
        "region": "eu-central-1", "sse": "aws:kms", "kms_key_id": "key-1",
    }  # fmt: skip
    assert Azure("flows", "AZURE", "prod").to_dict() == {
        "kind": "azure", "container": "flows", "prefix": "prod", "connection_string": "secret:AZURE",
    }  # fmt: skip
    assert GCS("flows", key="prod", project="p").to_dict() == {
        "kind": "gcs", "bucket": "flows", "prefix": "prod", "project": "p",
    }  # fmt: skip


def test_the_1x_results_are_of_the_same_kinds():
    assert S3Result("b", boto3_kwargs={"region_name": "eu-central-1"}).storage_description().to_dict() == {
        "kind": "s3", "bucket": "b", "region": "eu-central-1",
    }  # fmt: skip
    assert AzureResult("c1", connection_string_secret="S").storage_description().to_dict() == {
        "kind": "azure", "container": "c1", "connection_string": "secret:S",
    }  # fmt: skip
    assert GCSResult("b").storage_description().to_dict() == {"kind": "gcs", "bucket": "b"}


def test_the_arguments_of_1x_stand_in_its_order():
    assert Git("flows/a.py", "me/flows", "git.example.com", "a", "TOKEN", "ann", None, "main").to_dict() == {
        "kind": "git", "path": "flows/a.py", "repo": "me/flows", "repo_host": "git.example.com",
        "access_token": "secret:TOKEN", "username": "ann", "ref": "main",
    }  # fmt: skip
    assert GitHub("me/flows", "flows/a.py", "main", "TOKEN", "https://github.example.com").to_dict() == {
        "kind": "github", "repo": "me/flows", "path": "flows/a.py", "ref": "main", "access_token": "secret:TOKEN",
        "host": "https://github.example.com",
    }  # fmt: skip
    assert GitLab("me/flows", "gitlab.example.com", "flows/a.py", "main", "TOKEN").to_dict() == {
        "kind": "gitlab", "repo": "me/flows", "host": "gitlab.example.com", "path": "flows/a.py", "ref": "main",
        "access_token": "secret:TOKEN",
    }  # fmt: skip
    assert Bitbucket("PRJ", "flows", None, "bb.example.com", "a.py", "main", None, "USER", "PASSWORD").to_dict() == {
        "kind": "bitbucket", "project": "PRJ", "repo": "flows", "host": "bb.example.com", "path": "a.py",
        "ref": "main", "username_secret": "secret:USER", "app_password": "secret:PASSWORD",
    }  # fmt: skip
    assert Local("/srv/flows", True, "/srv/flows/a.py", True).to_dict() == {"kind": "folder", "path": "/srv/flows"}


def test_the_fields_of_a_repository_are_taken_by_name_by_each_of_its_kinds():
    fields = {"folder": "etl", "ssh_key": "env:KEY", "known_hosts_file": "~/hosts", "timeout": 60, "max_megabytes": 9}

    for made in (Git(**fields), GitHub("a/b", **fields), GitLab("a/b", **fields), Bitbucket("a", "b", **fields)):
        assert fields.items() <= made.to_dict().items()


def test_the_2x_spellings_mean_the_same_fields():
    s3 = S3Fields.of_reference(
        S3(bucket_path="flows/team/prod", aws_access_key_id="env:K", aws_secret_access_key="env:S").to_dict()
    )
    azure = AzureFields.of_reference(Azure(bucket_path="flows/prod", azure_storage_connection_string="env:A").to_dict())

    assert s3.model_dump(exclude_defaults=True) == {
        "bucket": "flows", "prefix": "team/prod", "access_key_id": "env:K", "secret_access_key": "env:S",
    }  # fmt: skip
    assert azure.model_dump(exclude_defaults=True) == {
        "container": "flows", "prefix": "prod", "connection_string": "env:A",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (lambda: S3("b", client_options={"use_ssl": False}), TypeError, "begin endpoint_url with"),
        (lambda: S3("b", upload_options={"ACL": "public-read"}), TypeError, "'ACL' means nothing here"),
        (lambda: S3("b", secrets=["AWS_CREDENTIALS"]), TypeError, "access_key_id= and secret_access_key="),
        (lambda: S3("b", add_default_labels=True), TypeError, "no label is added"),
        (lambda: S3("b", client_options={"aws_secret_access_key": "hunter2"}), ValueError, "env:NAME"),
        (lambda: S3("b", secret_access_key="hunter2"), ValueError, "env:NAME"),
        (lambda: Azure("c1", connection_string="hunter2"), ValueError, "env:NAME"),
        (lambda: GCS("b", service_account_info="hunter2"), ValueError, "env:NAME"),
        (lambda: SMB("s", host="h", password="hunter2"), ValueError, "env:NAME"),
        (lambda: SMB("s", smb_host="h", smb_password="hunter2"), ValueError, "env:NAME"),
        (lambda: GitHub("a/b", access_token="hunter2"), ValueError, "env:NAME"),
        (lambda: GitHub("a/b", access_token_secret="hunter2!"), ValueError, "a text was given that is none"),
        (lambda: GitLab("a/b", access_token_secret=f"glpat-{'hunter2' * 4}"), ValueError, "that is none"),
        (lambda: Git(url="https://h/p", ssh_key="hunter2"), ValueError, "env:NAME"),
        (lambda: Bitbucket("a", "b", app_password="hunter2"), ValueError, "env:NAME"),
        (lambda: GitHub("a/b", access_token="env:A", access_token_secret="B"), ValueError, "give one of them"),
        (lambda: GitHub("a/b", add_default_labels=False), TypeError, "no label is added"),
        (lambda: Local("/srv", labels=["prod"]), TypeError, "homeport register -l LABEL"),
        (lambda: Module("flows", secrets=["TOKEN"]), TypeError, "this storage needs none"),
        (lambda: GitLab("a/b", foldr="etl"), TypeError, "did you mean 'folder'"),
    ],
)
def test_what_cannot_carry_over_is_refused_by_name(make, error, message):
    with pytest.raises(error, match=message) as refused:
        make()
    assert "hunter2" not in str(refused.value)


@pytest.mark.parametrize(
    ("storage", "fields"),
    [(S3, typed.S3Fields), (GCS, typed.GCSFields), (Azure, typed.AzureFields)],
)
def test_every_field_of_an_object_store_has_a_type_for_checkers(storage, fields):
    arguments = set(inspect.signature(storage.__init__).parameters)

    assert set(fields.__annotations__) - {"bucket_path"} == set(block_type(storage.kind).spellings) - arguments
