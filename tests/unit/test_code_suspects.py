"""Secrets that would be sent by accident are named, and ordinary files are not."""

import random
import string
import time
from pathlib import Path

import pytest

import homeport
from homeport.code import collect
from homeport.code.suspects import Look

UPPER = string.ascii_uppercase + string.digits
CHOICE = random.Random(4)


def letters(count: int, alphabet: str = string.ascii_letters + string.digits) -> str:
    return "".join(CHOICE.choice(alphabet) for _ in range(count))


PEM = "-----BEGIN RSA PRIVATE KEY-----\n" + letters(64) + "\n"
TOKENS = {
    "an AWS access key id": "AKIA" + letters(16, "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"),
    "an AWS access key id of a session": "ASIA" + letters(16, "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"),
    "a GitHub token": "ghp_" + letters(36),
    "a GitHub token of an app": "ghs_" + letters(36),
    "a fine-grained GitHub token": f"github_pat_{letters(22)}_{letters(59)}",
    "a GitLab token": "glpat-" + letters(20),
    "a Slack token": f"xoxb-{letters(12, string.digits)}-{letters(13, string.digits)}-{letters(24)}",
    "a Slack webhook": f"https://hooks.slack.com/services/T{letters(9, UPPER)}/B{letters(9, UPPER)}/{letters(24)}",
    "an Azure storage key": f"DefaultEndpointsProtocol=https;AccountName=a;AccountKey={letters(86)}==",
    "a shared access signature": f"https://a.blob.core.windows.net/c?sv=2024-01-01&se=2026-01-01&sp=rw&sig={letters(43)}%3D",
    "a Google API key": "AIza" + letters(35),
    "a Stripe key": "sk_live_" + letters(24),
    "an npm token": "npm_" + letters(36),
    "a key in source": PEM,
    "a key in a string": PEM.replace("\n", "\\n"),
}


@pytest.mark.parametrize("what", TOKENS)
@pytest.mark.parametrize("name", ["flow.py", "notebook.ipynb", "README.md", "config.yaml"])
def test_tokens_of_well_known_services_are_named(tmp_path: Path, name: str, what: str) -> None:
    (tmp_path / name).write_text(f'{"# text" * 50}\nTOKEN = "{TOKENS[what]}"\n')

    warnings = collect(tmp_path).warnings

    assert len(warnings) == 1
    assert warnings[0].startswith(f"{name} looks like a")
    assert TOKENS[what][:20] not in warnings[0]


@pytest.mark.parametrize(
    "harmless",
    [
        "AKIAIOSFODNN7EXAMPLE",
        "ghp_" + "x" * 36,
        "github_pat_...",
        "AccountKey=Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw==",
        "AccountKey=<your key>",
        "AccountKey={key}",
        "if KEY_MARK in b'-----BEGIN PRIVATE KEY-----': pass",
        "xoxb-your-token",
        "https://hooks.slack.com/services/T000/B000/XXXX",
        "https://example.org/?sig=yes&sv=2024-01-01",
        'secret = os.environ["AWS_SECRET_ACCESS_KEY"]',
        "hp_admin_...",
        "sk_live_" + "0" * 24,
    ],
)
@pytest.mark.parametrize("name", ["flow.py", "README.md"])
def test_placeholders_and_code_about_secrets_are_not(tmp_path: Path, name: str, harmless: str) -> None:
    (tmp_path / name).write_text(harmless + "\n")

    assert collect(tmp_path).warnings == ()


@pytest.mark.parametrize(
    "name",
    [".git-credentials", "keys/server.ppk", ".docker/config.json", ".aws/credentials", "deep/er/.netrc", "a.p12"],
)
def test_files_that_hold_secrets_by_their_name_are_named(tmp_path: Path, name: str) -> None:
    (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
    (tmp_path / name).write_text("x")

    assert [warning.split(" looks like ")[0] for warning in collect(tmp_path).warnings] == [name]


def test_the_source_of_homeport_raises_no_alarm() -> None:
    root = Path(homeport.__file__).parent

    assert collect(root).warnings == ()


def test_a_token_across_two_pieces_of_a_large_file_is_seen(tmp_path: Path) -> None:
    token = TOKENS["a GitHub token"].encode()
    content = bytearray(b" " * (2 * 1024 * 1024))
    content[1024 * 1024 - 20 : 1024 * 1024 - 20 + len(token)] = token
    (tmp_path / "dump.sql").write_bytes(content)

    assert "dump.sql looks like a file with a GitHub token" in collect(tmp_path).warnings[0]


def test_of_a_large_data_file_only_the_beginning_is_looked_at() -> None:
    look, zeros = Look("model.bin"), bytes(1024 * 1024)

    began = time.process_time()
    for _ in range(512):
        look.at(zeros)
    took = time.process_time() - began

    assert took < 1  # half a gigabyte


def test_random_bytes_are_no_secrets_and_looking_costs_less_than_hashing() -> None:
    content = random.Random(7).randbytes(1024 * 1024)

    began = time.process_time()
    looks = []
    for number in range(32):
        look = Look("data.bin")
        look.at(content[number:])
        looks.append(look.found)
    took = time.process_time() - began

    assert set(looks) == {""}
    assert took < 1.0  # 32 MiB


def test_a_marker_before_much_white_space_costs_no_more_than_reading_it() -> None:
    look = Look("keys.py")
    began = time.process_time()

    look.at(b"-----BEGIN PRIVATE KEY-----" + b" " * 1_000_000 + b"!")

    assert look.found == ""
    assert time.process_time() - began < 2
