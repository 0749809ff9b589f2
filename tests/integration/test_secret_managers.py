"""References to secrets in AWS Secrets Manager and Azure Key Vault, read by Amazon's and Azure's own libraries.

Secrets Manager is moto, an emulator that checks keys and policies. Key Vault is a server of the tests' own that speaks
its documented protocol over TLS, with the challenge that a vault gives (tests/services/key_vault.py).
"""

from __future__ import annotations

import json
import os
import signal
import socket
import threading
import time
import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest

from homeport import flow
from homeport.code import SecretMissing, StorageUnreachable, open_storage
from homeport.engine import masking
from homeport.secrets import (
    InvalidReference,
    SecretDenied,
    SecretError,
    SecretNotFound,
    SecretUnreachable,
    SecretUnreadable,
    is_reference,
    key_vault,
    references,
    resolve,
    secrets_manager,
)
from homeport.secrets.remembered import Remembered
from homeport.testing import try_run
from tests.services.api import Api
from tests.services.key_vault import KeyVault
from tests.services.key_vault import key_vault as vaults
from tests.services.moto_server import ACCOUNT, Keys, MotoServer, allow, moto_server
from tests.services.rewriting_proxy import rewriting_proxy
from tests.services.samba import PASSWORD_VARIABLE, Samba
from tests.services.stack import Stack

HIDDEN = "canary-of-a-manager-91c4"
WHOLE = json.dumps({"password": HIDDEN, "port": 445, "nothing": None})


@pytest.fixture(autouse=True)
def forgetful(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Nothing of this machine's own credentials, nothing remembered, and nothing masked after the test."""
    for name in [name for name in os.environ if name.startswith(("AWS_", "AZURE_", "IDENTITY_", "MSI_"))]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setattr(references, "remembered", Remembered())
    with masking.kept_apart():
        yield


# AWS Secrets Manager


@pytest.fixture(scope="module")
def moto() -> Iterator[MotoServer]:
    with moto_server() as server:
        manager = server.client("secretsmanager")
        manager.create_secret(Name="prod/smb", SecretString=WHOLE)
        manager.create_secret(Name="plain", SecretString=HIDDEN)
        manager.create_secret(Name="binary", SecretBinary=b"\x00" + HIDDEN.encode())
        manager.create_secret(Name="deleted", SecretString=HIDDEN)
        manager.delete_secret(SecretId="deleted")
        yield server


def variables(moto: MotoServer, keys: Keys | None = None, region: str = "us-east-1") -> dict[str, str]:
    """What a process needs to be let in with these keys."""
    keys = keys or moto.admin
    return {
        "AWS_ENDPOINT_URL_SECRETS_MANAGER": moto.address,
        "AWS_ACCESS_KEY_ID": keys.access_key_id,
        "AWS_SECRET_ACCESS_KEY": keys.secret_access_key,
        "AWS_REGION": region,
        "AWS_DEFAULT_REGION": region,
    }


@pytest.fixture
def amazon(moto: MotoServer, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> MotoServer:
    """This process reaches it, as an administrator."""
    for file in ("AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"):
        monkeypatch.setenv(file, str(tmp_path / file.lower()))
    for name, value in variables(moto).items():
        monkeypatch.setenv(name, value)
    return moto


def test_a_text_a_key_of_it_a_region_and_an_arn_are_read(amazon: MotoServer) -> None:
    elsewhere = f"arn:aws:secretsmanager:us-east-1:{ACCOUNT}:secret:plain"
    found = amazon.client("secretsmanager").describe_secret(SecretId="plain")["ARN"]

    said = {
        reference: resolve(reference).get()
        for reference in (
            "aws:plain",
            "aws:prod/smb#password",
            "aws:prod/smb#port",
            "aws:prod/smb",
            "aws:plain?region=us-east-1",
            f"aws:{found}",
        )
    }

    assert list(said.values()) == [HIDDEN, HIDDEN, "445", WHOLE, HIDDEN, HIDDEN]
    assert found.startswith(elsewhere)


def test_the_region_of_a_reference_goes_before_that_of_the_machine(
    amazon: MotoServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-central-1")

    with pytest.raises(SecretNotFound, match="none of this name in eu-central-1"):
        resolve("aws:plain")
    assert resolve("aws:plain?region=us-east-1").get() == HIDDEN


def test_a_profile_of_the_machine_is_taken(amazon: MotoServer, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    keys = amazon.user(allow("secretsmanager:GetSecretValue", "*"))
    (tmp_path / "aws_shared_credentials_file").write_text(
        f"[reader]\naws_access_key_id = {keys.access_key_id}\naws_secret_access_key = {keys.secret_access_key}\n"
    )
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_PROFILE", "reader")

    assert resolve("aws:plain").get() == HIDDEN


@pytest.mark.parametrize(
    ("reference", "error", "message"),
    [
        ("aws:nope", SecretNotFound, "none of this name in us-east-1.*list-secrets"),
        ("aws:deleted", SecretNotFound, "marked for deletion.*restore-secret --secret-id deleted"),
        ("aws:prod/smb#pass", SecretNotFound, "its key 'pass' is not in it. Its keys: nothing, password, port"),
        ("aws:prod/smb#nothing", SecretNotFound, "its key 'nothing' is null"),
        ("aws:plain#password", SecretNotFound, "it is no JSON object. Leave #password out"),
        ("aws:binary", SecretUnreadable, "is binary, and secrets are texts"),
    ],
)
def test_what_is_not_there_as_the_reference_wants_it_says_so(
    amazon: MotoServer, reference: str, error: type[SecretError], message: str
) -> None:
    with pytest.raises(error, match=message) as raised:
        resolve(reference)

    assert raised.value.reference == reference
    assert HIDDEN not in str(raised.value)


def test_who_may_not_read_it_is_told_what_to_allow(amazon: MotoServer, monkeypatch: pytest.MonkeyPatch) -> None:
    denied = "access denied in us-east-1. Allow secretsmanager:GetSecretValue"
    for keys in (amazon.user(), Keys("AKIANOBODY", "nothing"), Keys(amazon.admin.access_key_id, "wrong")):
        for name, value in variables(amazon, keys).items():
            monkeypatch.setenv(name, value)
        with pytest.raises(SecretDenied, match=denied):
            resolve("aws:plain")


@pytest.mark.parametrize(
    ("code", "error", "message"),
    [
        ("AccessDeniedException", SecretDenied, "Allow secretsmanager:GetSecretValue"),
        ("DecryptionFailure", SecretDenied, "Allow kms:Decrypt"),
        ("ExpiredTokenException", SecretDenied, "have expired. Log in again"),
        ("UnrecognizedClientException", SecretDenied, "does not know the credentials"),
        ("InvalidSignatureException", SecretDenied, "the secret access key of this machine is wrong"),
        ("ThrottlingException", SecretUnreachable, "asks for fewer requests"),
        ("SomethingOfTomorrow", SecretDenied, "AWS answered 400 SomethingOfTomorrow"),
    ],
)
def test_the_answers_that_amazon_documents_are_told_apart(
    amazon: MotoServer, monkeypatch: pytest.MonkeyPatch, code: str, error: type[SecretError], message: str
) -> None:
    # The emulator answers all of these alike, so they are given in front of it, in the form that Amazon documents.
    said = httpx.Response(400, json={"__type": code, "Message": "no"})
    with rewriting_proxy(amazon.address, lambda request: said) as address:
        monkeypatch.setenv("AWS_ENDPOINT_URL_SECRETS_MANAGER", f"http://{address}")
        with pytest.raises(error, match=message):
            resolve("aws:plain")


@pytest.mark.parametrize(
    ("changed", "error", "message"),
    [
        (
            {"AWS_ACCESS_KEY_ID": "", "AWS_SECRET_ACCESS_KEY": ""},
            SecretDenied,
            "no credentials for AWS. Set AWS_ACCESS",
        ),
        ({"AWS_PROFILE": "absent"}, SecretDenied, "not the profile that AWS_PROFILE names"),
        ({"AWS_REGION": "", "AWS_DEFAULT_REGION": ""}, SecretUnreadable, "no region is known. Write .region=eu"),
        ({"AWS_ENDPOINT_URL_SECRETS_MANAGER": "nonsense"}, SecretUnreadable, "Look at AWS_ENDPOINT_URL"),
        ({"AWS_ENDPOINT_URL_SECRETS_MANAGER": "http://127.0.0.1:9"}, SecretUnreachable, "us-east-1 does not answer"),
    ],
)
def test_what_a_machine_lacks_is_said(
    amazon: MotoServer,
    monkeypatch: pytest.MonkeyPatch,
    changed: dict[str, str],
    error: type[SecretError],
    message: str,
) -> None:
    for name, value in changed.items():
        monkeypatch.setenv(name, value) if value else monkeypatch.delenv(name)

    with pytest.raises(error, match=message):
        resolve("aws:plain")


def test_a_manager_that_hangs_is_given_up_in_seconds(amazon: MotoServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(secrets_manager, "ANSWER_SECONDS", 0.3)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        monkeypatch.setenv("AWS_ENDPOINT_URL_SECRETS_MANAGER", f"http://127.0.0.1:{silent.getsockname()[1]}")
        began = time.monotonic()
        with pytest.raises(SecretUnreachable, match="does not answer"):
            resolve("aws:plain")

    assert time.monotonic() - began < 15
    assert secrets_manager.ATTEMPTS * (secrets_manager.CONNECT_SECONDS + 5) <= 16


def test_many_threads_ask_once_and_a_rotated_secret_is_seen_after_a_minute(
    amazon: MotoServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    now, said, asked = [0.0], ["old-value"], []
    monkeypatch.setattr(references, "remembered", Remembered(clock=lambda: now[0]))

    def answer(request: httpx.Request) -> httpx.Response:
        asked.append(request.headers["x-amz-target"])
        return httpx.Response(200, json={"Name": "rotated", "SecretString": said[0]})

    with rewriting_proxy(amazon.address, answer) as address:
        monkeypatch.setenv("AWS_ENDPOINT_URL_SECRETS_MANAGER", f"http://{address}")
        with ThreadPoolExecutor(8) as pool:
            first = set(pool.map(lambda _: resolve("aws:rotated").get(), range(40)))
        said[0], now[0] = "new-value", 59
        soon, count = resolve("aws:rotated").get(), len(asked)
        now[0] = 60
        later = resolve("aws:rotated").get()

    assert (first, soon, count) == ({"old-value"}, "old-value", 1)
    assert later == "new-value"
    assert asked == ["secretsmanager.GetSecretValue"] * 2


def test_a_process_that_is_forked_while_somebody_asks_does_not_wait_for_that_thread() -> None:
    asking, answered = threading.Event(), threading.Event()

    def slow() -> str:
        asking.set()
        answered.wait(20)
        return "of the parent"

    thread = threading.Thread(target=lambda: references.remembered.get("aws:x", slow))
    thread.start()
    asking.wait(10)
    child = os.fork()
    if child == 0:
        signal.alarm(10)
        os._exit(0 if references.remembered.get("aws:x", lambda: "of the child") == "of the child" else 1)
    _, status = os.waitpid(child, 0)
    answered.set()
    thread.join(10)

    assert os.waitstatus_to_exitcode(status) == 0


def test_a_failure_is_not_remembered(amazon: MotoServer) -> None:
    with pytest.raises(SecretNotFound):
        resolve("aws:made-later")

    amazon.client("secretsmanager").create_secret(Name="made-later", SecretString=HIDDEN)

    assert resolve("aws:made-later").get() == HIDDEN


def test_it_is_masked_in_what_a_run_reports(amazon: MotoServer) -> None:
    @flow(log_prints=True)
    def careless() -> None:
        print("password", resolve("aws:prod/smb#password").get())
        raise RuntimeError(f"no login with {HIDDEN}")

    tried = try_run(careless)

    assert "password ***" in [line.message for line in tried.reported.lines]
    assert tried.state.message == "RuntimeError: no login with ***"


# Azure Key Vault


@pytest.fixture(scope="module")
def azure_world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[KeyVault]:
    with vaults(tmp_path_factory.mktemp("vaults")) as world:
        world.put("my-vault", "smb", HIDDEN)
        world.put("my-vault", "account", WHOLE)
        for name, inner in (("off", "SecretDisabled"), ("role", "ForbiddenByRbac"), ("wall", "ForbiddenByFirewall")):
            world.refusals["my-vault", name] = (403, "Forbidden", inner)
        world.refusals["my-vault", "busy"] = (503, "ServiceUnavailable", "")
        yield world


@pytest.fixture
def vault(azure_world: KeyVault, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> KeyVault:
    """This process reaches the vaults, with a managed identity."""
    monkeypatch.setenv("PATH", str(tmp_path))  # no az of this machine is asked
    for name, value in azure_world.environment.items():
        monkeypatch.setenv(name, value)
    azure_world.asked.clear()
    return azure_world


def test_a_secret_a_version_a_key_and_what_the_portal_shows_are_read(vault: KeyVault) -> None:
    before = vault.put("my-vault", "turned", "old-value")
    vault.put("my-vault", "turned", "new-value")

    said = [
        resolve(reference).get()
        for reference in (
            "azure:my-vault/smb",
            "azure:my-vault/account#password",
            "azure:my-vault/turned",
            f"azure:my-vault/turned/{before}",
            "azure:my-vault.vault.azure.net/smb",
            f"azure:https://my-vault.vault.azure.net/secrets/turned/{before}",
        )
    ]

    assert said == [HIDDEN, HIDDEN, "new-value", "old-value", HIDDEN, "old-value"]


def test_a_vault_is_asked_without_a_token_only_for_its_challenge(vault: KeyVault) -> None:
    vault.put("other-vault", "smb", HIDDEN)

    assert resolve("azure:other-vault/smb").get() == HIDDEN

    assert vault.asked == ["without a token: /secrets/smb/", "with a token: /secrets/smb/"]


@pytest.mark.parametrize(
    ("reference", "error", "message"),
    [
        ("azure:my-vault/nope", SecretNotFound, "my-vault has none of this name.*--vault-name my-vault"),
        ("azure:my-vault/off", SecretNotFound, "it is disabled.*--name off --enabled true"),
        ("azure:my-vault/account#pass", SecretNotFound, "its key 'pass' is not in it"),
        ("azure:my-vault/role", SecretDenied, "access denied by the vault my-vault.*Key Vault Secrets User"),
        ("azure:my-vault/wall", SecretDenied, "the firewall of the vault my-vault does not let this machine in"),
        ("azure:my-vault/busy", SecretUnreachable, "my-vault answered 503. Try again later"),
        ("azure:my-vault.vault.azure.cn/smb", SecretUnreachable, "the proxy does not lead to my-vault.vault.azure.cn"),
    ],
)
def test_what_a_vault_does_not_give_says_why(
    vault: KeyVault, reference: str, error: type[SecretError], message: str
) -> None:
    with pytest.raises(error, match=message) as raised:
        resolve(reference)

    assert HIDDEN not in str(raised.value)


def test_a_machine_without_an_identity_is_told_how_to_have_one(
    vault: KeyVault, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("IDENTITY_HEADER", "of-nobody")

    with pytest.raises(SecretDenied, match=r"no credential that Azure takes. Give it an identity, or log in: az login"):
        resolve("azure:my-vault/smb")

    assert capfd.readouterr().err == ""


def test_a_service_principal_logs_in_and_a_wrong_secret_of_it_is_told_with_azures_number(
    vault: KeyVault, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("IDENTITY_ENDPOINT", "IDENTITY_HEADER"):
        monkeypatch.delenv(name)
    for name, value in vault.as_principal.items():
        monkeypatch.setenv(name, value)

    found = resolve("azure:my-vault/smb").get()
    monkeypatch.setenv("AZURE_CLIENT_SECRET", "expired")

    assert found == HIDDEN
    with pytest.raises(SecretDenied, match=r"does not accept the credential of this machine \(AADSTS7000215\)"):
        resolve("azure:my-vault/account")


def test_a_login_that_nobody_reaches_is_told_from_a_vault_that_nobody_reaches(
    vault: KeyVault, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("IDENTITY_ENDPOINT", "IDENTITY_HEADER"):
        monkeypatch.delenv(name)
    for name, value in vault.as_principal.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(vault, "login_away", True)

    with pytest.raises(SecretUnreachable, match="Azure's login does not answer"):
        resolve("azure:my-vault/smb")


def test_an_identity_whose_endpoint_is_away_is_told_from_a_machine_without_one(
    vault: KeyVault, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("IDENTITY_ENDPOINT", "http://127.0.0.1:9/token")

    with pytest.raises(SecretUnreachable, match="Azure's login does not answer"):
        resolve("azure:my-vault/smb")


def test_a_server_that_wants_a_token_for_something_else_gets_none(vault: KeyVault) -> None:
    vault.resource = "https://somewhere.example.com"
    try:
        with pytest.raises(SecretDenied, match="is no vault of this cloud"):
            resolve("azure:new-vault/smb")
    finally:
        vault.resource = "https://vault.azure.net"

    assert vault.asked == ["without a token: /secrets/smb/"]


def test_a_vault_that_cannot_be_reached_is_given_up_in_seconds(
    vault: KeyVault, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(key_vault, "CONNECT_SECONDS", 0.3)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        monkeypatch.setenv("HTTPS_PROXY", f"http://127.0.0.1:{silent.getsockname()[1]}")
        began = time.monotonic()
        with pytest.raises(SecretUnreachable, match=r"third-vault.vault.azure.net does not answer"):
            resolve("azure:third-vault/smb")

    assert time.monotonic() - began < 15


def test_a_vault_whose_name_is_none_is_told_from_one_that_hangs(
    vault: KeyVault, monkeypatch: pytest.MonkeyPatch
) -> None:
    known = socket.getaddrinfo

    def nowhere(host: object, *more: object, **options: object) -> object:
        if "vault" in str(host):
            raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
        return known(host, *more, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(socket, "getaddrinfo", nowhere)
    monkeypatch.delenv("HTTPS_PROXY")

    with pytest.raises(SecretUnreachable, match=r"there is no vault absent-vault.*az keyvault list"):
        resolve("azure:absent-vault/smb")


def test_a_certificate_that_is_not_trusted_is_said(vault: KeyVault, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("REQUESTS_CA_BUNDLE")

    with pytest.raises(SecretUnreachable, match=r"certificate of my-vault.vault.azure.net is not trusted here"):
        resolve("azure:my-vault/smb")


# What they have in common


@pytest.mark.parametrize(
    "reference",
    [
        "aws:",
        "aws:a name",
        "aws:name?stage=x",
        "aws:name#key?region=eu-central-1",
        f"aws:arn:aws:secretsmanager:eu-central-1:{ACCOUNT}:secret:name?region=us-east-1",
        "azure:smb",
        "azure:my_vault/smb",
        "azure:my-vault/smb/version/more",
        "azure:http://my-vault.vault.azure.net/secrets/smb",
        "azure:https://my-vault.vault.azure.net@evil.example.com/secrets/smb",
    ],
)
def test_what_has_not_the_form_of_a_reference_is_refused_and_not_repeated(reference: str) -> None:
    assert not is_reference(reference)
    with pytest.raises(InvalidReference) as refused:
        resolve(reference)

    kind, _, name = reference.partition(":")
    assert not name or name not in str(refused.value)
    assert kind in str(refused.value).lower()


@pytest.mark.parametrize(
    ("reference", "package", "extra"),
    [("aws:plain", "boto3", r"homeport\[aws\]"), ("azure:my-vault/smb", "azure.keyvault", r"homeport\[azure\]")],
)
def test_where_a_library_is_missing_the_extra_is_named(
    monkeypatch: pytest.MonkeyPatch, reference: str, package: str, extra: str
) -> None:
    import sys

    # None in sys.modules is what Python itself takes for "is not there".
    monkeypatch.setitem(sys.modules, "boto3" if package == "boto3" else "azure.keyvault.secrets", None)

    with pytest.raises(SecretUnreadable, match=f"{package}.*is not installed here.*pip install '{extra}'"):
        resolve(reference)


def test_a_storage_says_which_field_it_lacks_and_whether_asking_again_helps(
    amazon: MotoServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    fields = {"kind": "s3", "bucket": "flows", "access_key_id": "env:AWS_ACCESS_KEY_ID", "region": "us-east-1"}
    opened = open_storage(fields | {"secret_access_key": "aws:nope", "endpoint_url": "http://127.0.0.1:9"})

    with pytest.raises(SecretMissing, match=r"its secret_access_key cannot be resolved.*none of this name"):
        list(opened.read("x"))  # type: ignore[attr-defined]
    monkeypatch.setenv("AWS_ENDPOINT_URL_SECRETS_MANAGER", "http://127.0.0.1:9")
    with pytest.raises(StorageUnreachable, match=r"its secret_access_key cannot be resolved.*does not answer"):
        list(opened.read("x"))  # type: ignore[attr-defined]


def test_a_block_is_made_of_such_references_and_checked_from_here(stack: Stack, moto: MotoServer) -> None:
    here = variables(moto)

    stack.cli("block", "create", "secret/manager", "--secret", "value=aws:prod/smb#password")
    kept = stack.json("block", "inspect", "secret/manager")
    there = stack.cli("block", "check", "secret/manager", **here)
    denied = stack.cli("block", "check", "secret/manager", expect=1, **variables(moto, moto.user()))
    stack.cli("block", "update", "secret/manager", "--secret", "value=aws:prod/smb#pass")
    wrong = stack.cli("block", "check", "secret/manager", expect=1, **here)
    malformed = stack.cli("block", "update", "secret/manager", "--secret", "value=azure:no_vault/x", expect=2)

    assert kept["secrets"] == {"value": "aws:prod/smb#password"}
    assert "aws:prod/smb#password is there" in there.stdout
    assert HIDDEN not in there.stdout + there.stderr + wrong.stdout + wrong.stderr
    assert "access denied in us-east-1" in denied.stdout
    assert "hint: Allow secretsmanager:GetSecretValue" in denied.stderr
    assert "its key 'pass' is not in it" in wrong.stdout
    assert "hint: Its keys: nothing, password, port." in wrong.stderr
    assert "Write azure:VAULT/NAME" in malformed.stderr
    assert "no_vault" not in malformed.stderr


def test_the_doctor_does_not_wait_for_a_silent_manager_once_for_each_block(own_stack: Stack, moto: MotoServer) -> None:
    api = Api(own_stack.url, own_stack.control_plane.admin_key)
    type_ = '{slug: "far", title: "Far", schema: {}, secretFields: ["key"], version: "1"}'
    for number in range(8):
        made = f'type: {type_}, name: "b{number}", secrets: {{key: "aws:silent-{number}"}}'
        api.ask(f"mutation {{ createBlock(input: {{{made}}}) {{ __typename }} }}")
        api.deployment(f"P{number}", storage={"kind": "far", "block": f"far/b{number}"})

    with socket.create_server(("127.0.0.1", 0), backlog=64) as silent:
        address = {"AWS_ENDPOINT_URL_SECRETS_MANAGER": f"http://127.0.0.1:{silent.getsockname()[1]}"}
        began = time.monotonic()
        seen = own_stack.cli("doctor", expect=None, within=100, **variables(moto) | address).stdout
        took = time.monotonic() - began

    assert seen.count("1 deployment could not be fetched by an agent of this machine") == 8
    assert took < 4 * secrets_manager.ATTEMPTS * secrets_manager.ANSWER_SECONDS, "one after the other it would be 8"


def test_a_block_of_a_vault_is_checked_from_here(stack: Stack, azure_world: KeyVault) -> None:
    stack.cli("block", "create", "secret/vault", "--secret", "value=azure:my-vault/smb")

    there = stack.cli("block", "check", "secret/vault", **azure_world.environment)
    nobody = stack.cli("block", "check", "secret/vault", expect=1, **azure_world.environment | {"IDENTITY_HEADER": "x"})

    assert "azure:my-vault/smb is there" in there.stdout
    assert "no credential that Azure takes" in nobody.stdout
    assert "DefaultAzureCredential" not in nobody.stderr


def test_a_run_reads_a_secret_of_a_manager_by_the_name_of_its_block(stack: Stack, moto: MotoServer) -> None:
    stack.write_flow(
        "reads.py",
        """
        import os
        from pathlib import Path
        from homeport import flow
        from homeport.blocks.system import Secret

        @flow(log_prints=True)
        def reads():
            found = Secret.load("of-aws").get()
            print("it is", found["password"])
            Path(os.environ["WITNESS"]).write_text(found["password"])
        """,
    )
    stack.cli("block", "create", "secret/of-aws", "--secret", "value=aws:prod/smb")
    stack.cli("create", "project", "Managers", "--skip-if-exists")
    stack.cli("register", "--project", "Managers", "-p", "reads.py", "-q", "managers")
    stack.start_agent("reader", "-q", "managers", **variables(moto))

    done = stack.cli("run", "reads", "--project", "Managers", "--watch", within=90)

    assert "it is ***" in done.stdout + done.stderr
    assert HIDDEN not in done.stdout + done.stderr
    assert stack.witnessed() == [HIDDEN]


def test_a_share_whose_password_a_manager_keeps_is_written_by_register_and_read_by_an_agent(
    stack: Stack, samba: Samba, moto: MotoServer
) -> None:
    moto.client("secretsmanager").create_secret(Name="share", SecretString=json.dumps({"of-flows": samba.password}))
    fields = samba.reference("data", uuid.uuid4().hex) | {"password": "aws:share#of-flows"}
    given = [f"--field={name}={value}" for name, value in fields.items() if name not in ("kind", "password")]
    stack.write_flow(
        "shared.py", "from homeport import flow\n\n@flow(log_prints=True)\ndef shared():\n    print('ran')\n"
    )
    here = variables(moto) | {PASSWORD_VARIABLE: ""}

    stack.cli("block", "create", "smb/managed", *given, "--secret", f"password={fields['password']}")
    checked = stack.cli("block", "check", "smb/managed", **here)
    stack.cli("create", "project", "Shares", "--skip-if-exists")
    stack.cli("register", "--project", "Shares", "-p", "shared.py", "-q", "shares", "-sb", "smb/managed", **here)
    stack.start_agent("sharer", "-q", "shares", **here)
    done = stack.cli("run", "shared", "--project", "Shares", "--watch", within=90)

    assert "aws:share#of-flows is there" in checked.stdout
    assert "fails" not in checked.stdout
    assert "ran" in done.stdout
    assert samba.password not in checked.stdout + checked.stderr + done.stdout + done.stderr


def test_the_name_of_a_secret_is_a_reference_in_blocks_too(stack: Stack) -> None:
    stack.cli("block", "create", "secret/named", "--secret", "value=secret:DB_PASSWORD")

    by_1x = stack.cli("block", "check", "secret/named", HOMEPORT__CONTEXT__SECRETS__DB_PASSWORD=HIDDEN)
    by_name = stack.cli("block", "check", "secret/named", DB_PASSWORD=HIDDEN)
    absent = stack.cli("block", "check", "secret/named", expect=1)

    assert "secret:DB_PASSWORD is there" in by_1x.stdout
    assert "secret:DB_PASSWORD is there" in by_name.stdout
    assert "There is no secret 'DB_PASSWORD' here." in absent.stdout
    assert "hint: Set the variable HOMEPORT__CONTEXT__SECRETS__DB_PASSWORD or DB_PASSWORD" in absent.stderr
