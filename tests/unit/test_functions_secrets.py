"""Secrets: found where this machine keeps them, never shown, masked in everything that is reported."""

import json
import logging
import pickle

import keyring
import pytest
from keyring.backend import KeyringBackend

from homeport import Flow, flow, get_run_logger, task
from homeport.client import Secret
from homeport.engine import masking
from homeport.engine.ids import new_id
from homeport.engine.results import LocalResult
from homeport.engine.run import FlowRunInfo, run_flow
from homeport.runtime.finish import finish
from homeport.runtime.outbox import Outbox
from homeport.runtime.reporter import EventReporter
from homeport.runtime.run_client import RunClient
from homeport.runtime.spool import Spool
from homeport.runtime.user_code import as_final
from homeport.runtime.wire import open_wire
from homeport.secrets import InvalidReference, SecretNotFound, SecretValue, is_reference, resolve
from homeport.tasks.secrets import EnvVarSecret, PrefectSecret
from homeport.testing import try_run
from tests.services.fake_control_plane import FakeControlPlane


class Kept(KeyringBackend):
    """A keyring in memory."""

    priority = 1

    def __init__(self):
        self.kept = {}

    def get_password(self, service, username):
        return self.kept.get((service, username))

    def set_password(self, service, username, password):
        self.kept[service, username] = password


@pytest.fixture(autouse=True)
def kept(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    before, ring = keyring.get_keyring(), Kept()
    keyring.set_keyring(ring)
    with masking.kept_apart():
        yield ring.kept
    keyring.set_keyring(before)


def test_a_secret_is_looked_for_in_its_variable_then_in_that_of_its_name_then_in_the_keyring(kept, monkeypatch):
    kept["homeport", "DB"] = "from the keyring"
    found = [Secret("DB").get()]
    monkeypatch.setenv("DB", "from its own variable")
    found.append(Secret("DB").get())
    monkeypatch.setenv("HOMEPORT__CONTEXT__SECRETS__DB", "from the variable of 1.x")
    found.append(Secret("DB").get())

    assert found == ["from the keyring", "from its own variable", "from the variable of 1.x"]


def test_a_env_file_of_the_working_folder_has_secrets_too(tmp_path):
    (tmp_path / ".env").write_text("HOMEPORT__CONTEXT__SECRETS__DB=written\n")

    assert Secret.load("DB").get() == "written"


@pytest.mark.parametrize(
    ("kept_text", "value"), [('{"user": "a"}', {"user": "a"}), ("[1]", [1]), ("0123", "0123"), ("{no json", "{no json")]
)
def test_objects_and_lists_are_read_and_a_password_of_digits_stays_text(kept_text, value, monkeypatch):
    monkeypatch.setenv("DB", kept_text)

    assert Secret("DB").get() == value


def test_a_secret_that_is_nowhere_says_where_it_was_looked_for():
    assert not Secret("DB").exists()
    with pytest.raises(SecretNotFound, match=r"HOMEPORT__CONTEXT__SECRETS__DB or DB, .*: keyring set homeport DB"):
        Secret("DB").get()
    with pytest.raises(ValueError, match="There is no secret 'DB'"):
        Secret("DB").get()


def test_a_name_that_is_none_is_refused_without_showing_it():
    with pytest.raises(ValueError, match="has letters, digits") as refused:
        Secret("pa$$ word!")
    assert "word!" not in str(refused.value)


def test_references_name_variables_keyring_entries_and_files(kept, monkeypatch, tmp_path):
    monkeypatch.setenv("TOKEN", "one")
    kept["homeport", "token"], kept["aws", "token"] = "two", "three"
    (tmp_path / "token").write_text("four\n")

    references = ["env:TOKEN", "keyring:token", "keyring:aws/token", f"file:{tmp_path}/token"]

    assert [resolve(reference).get() for reference in references] == ["one", "two", "three", "four"]
    assert all(is_reference(reference) for reference in references)


@pytest.mark.parametrize(
    ("reference", "error", "message"),
    [
        ("env:NOPE", SecretNotFound, "the variable NOPE is not set"),
        ("keyring:aws/nope", SecretNotFound, "keyring set aws nope"),
        ("file:/nowhere", SecretNotFound, "No such file"),
        ("env:", InvalidReference, "'env:...' is no reference"),
        ("hunter2-the-password", InvalidReference, "Write env:NAME, keyring:NAME, file:/path"),
    ],
)
def test_a_reference_that_leads_nowhere_says_so(reference, error, message):
    with pytest.raises(error, match=message) as raised:
        resolve(reference)
    assert "hunter2" not in str(raised.value)


def test_a_value_shows_itself_only_when_it_is_asked_for():
    value = SecretValue("hunter2", "env:X")

    assert value.get() == value.get_secret_value() == "hunter2"
    assert "hunter2" not in f"{value} {value!r} {value:>9} %s" % value
    with pytest.raises(TypeError, match="not JSON serializable"):
        json.dumps({"password": value})
    with pytest.raises(TypeError, match=r"env:X.*not written down"):
        pickle.dumps(value)


CANARY = "canary-7f3a91"
PATH = "c:\\new\\secret"


@pytest.fixture
def leaky(monkeypatch):
    """A flow that says its secret wherever something can be said."""
    monkeypatch.setenv("LEAKY", CANARY)

    def careless(task, run, state):
        get_run_logger().info("in a hook: %s", CANARY)

    @task(log_prints=True, task_run_name="run {secret}", retries=1, on_failure=[careless])
    def leaks(secret):
        print("printed", secret)
        get_run_logger().info("logged %s", secret)
        logging.getLogger("library").warning("captured %s", secret)
        raise ValueError(f"could not log in with {secret}")

    @flow(flow_run_name="flow {label}", log_prints=True)
    def leaky(label: str):
        secret = Secret("LEAKY").get()
        print("in the flow", secret)
        leaks.submit(secret).wait()
        raise RuntimeError(f"failed with {secret}")

    return leaky


def test_nothing_that_is_reported_has_the_secret_in_it(leaky):
    tried = try_run(leaky, label="x")

    told = [line.message for line in tried.reported.lines]
    told += [state.message for kept in tried.reported.task_runs.values() for state in kept.states]
    told += [kept.name for kept in tried.reported.task_runs.values()]
    told += [state.message for state in tried.reported.run_states] + [tried.state.message, str(tried.reported.name)]
    assert not [text for text in told if CANARY in text]
    for expected in ("printed ***", "logged ***", "captured ***", "in a hook: ***", "run ***", "in the flow ***"):
        assert expected in told
    assert tried.state.message == "RuntimeError: failed with ***"
    assert any("ValueError: could not log in with ***" in text and "Traceback" in text for text in told)
    assert CANARY in str(tried.state.data)


def test_the_secret_is_never_on_the_wire(leaky, tmp_path):
    with FakeControlPlane() as server:
        attempt_id, attempt = server.attempt()
        client = RunClient(open_wire(server.url), "token")
        reporter = EventReporter(client, attempt_id, Outbox(Spool(tmp_path)), on_cancel=print, on_stop=print)
        reporter.start()
        info = FlowRunInfo(new_id(), "run", "leaky")
        state = run_flow(leaky, {"label": f"a {CANARY[:3]}"}, reporter=reporter, run=info)
        assert reporter.flush_and_close(within=10)
        finish(client, attempt_id, as_final(state))

    sent = json.dumps([attempt.events, attempt.final])
    assert CANARY not in sent
    assert "could not log in with ***" in sent
    assert "flow a can" in sent
    assert CANARY not in "".join(path.read_text() for path in tmp_path.rglob("*") if path.is_file())


def test_the_state_of_a_graph_flow_keeps_the_states_of_its_tasks_when_it_is_masked(monkeypatch):
    monkeypatch.setenv("LEAKY", CANARY)

    @task
    def leaks(secret):
        raise ValueError(f"no login with {secret}")

    with Flow("graph") as graph:
        leak = leaks(PrefectSecret("LEAKY"))

    state = graph.run()

    assert CANARY not in state.message
    assert state.result[leak].message == "ValueError: no login with ***"


def test_a_secret_is_masked_in_the_forms_in_which_text_is_written_into_text():
    key = "-----BEGIN-----\nabc/def ghi+jkl\n-----END-----"
    masking.mask_from_now_on({"key": key, "path": PATH})

    for written in (key, repr({"key": key}), json.dumps([key]), "abc/def ghi+jkl", "abc%2Fdef%20ghi%2Bjkl", repr(PATH)):
        assert "abc/def" not in masking.masked(written), written
        assert "***" in masking.masked(written), written


def test_a_short_secret_is_masked_where_it_stands_alone_only():
    masking.mask_from_now_on("ab")

    assert masking.masked("ab table: ab") == "*** table: ***"


def test_the_longer_of_two_secrets_is_masked_whole():
    masking.mask_from_now_on("password")
    masking.mask_from_now_on("password-of-root")

    assert masking.masked("is password-of-root") == "is ***"


def test_tasks_of_secrets_resolve_when_the_run_runs(monkeypatch):
    @task
    def count(*secrets):
        return [len(secret) if isinstance(secret, str) else secret for secret in secrets]

    with Flow("tasks") as tasks:
        counted = count(PrefectSecret("A"), EnvVarSecret("B", cast=int), EnvVarSecret("C"))
    monkeypatch.setenv("A", "abc")
    monkeypatch.setenv("B", "17")

    assert tasks.run().result[counted].result == [3, 17, None]
    with pytest.raises(ValueError, match="not set: C"):
        EnvVarSecret("C", raise_if_missing=True).run()


def test_the_result_of_a_task_of_a_secret_is_never_kept(monkeypatch, tmp_path):
    monkeypatch.setenv("LEAKY", CANARY)

    @task
    def measure(secret):
        return len(secret)

    with Flow("older", result=LocalResult(str(tmp_path / "older"))) as older:
        measure(PrefectSecret("LEAKY"))
    secret = PrefectSecret("LEAKY")
    newer = flow(persist_result=True, result_storage=str(tmp_path / "newer"))(lambda: measure(secret()))
    newer = newer.with_options(name="newer")

    assert older.run().is_successful()
    assert try_run(newer).state.result() == len(CANARY)

    kept = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert kept
    assert not [path for path in kept if CANARY.encode() in path.read_bytes()]


def test_where_no_secret_was_resolved_text_passes_as_it_is():
    text = "x" * 100

    assert masking.masked(text) is text
