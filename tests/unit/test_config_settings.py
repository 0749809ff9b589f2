"""Where a setting's value comes from, and that it says so."""

from pathlib import Path

import pytest

from homeport.config import ConfigError, Settings, load_settings
from homeport.config import profiles as profile_file


def settings(home: Path, *, environ: dict[str, str] | None = None, **arguments: str) -> Settings:
    return load_settings(arguments, environ={"HOMEPORT_HOME": str(home), **(environ or {})}, folder=home)


def test_without_anything_the_defaults_hold(tmp_path: Path) -> None:
    found = settings(tmp_path)

    assert found.api_url == "http://127.0.0.1:4700"
    assert found.storage == tmp_path / "storage"
    assert found.get("api_url").origin == "default"
    assert found.api_key is None


def test_argument_wins_over_environment_over_env_file_over_profile_over_default(tmp_path: Path) -> None:
    asked: dict[str, str] = {}
    seen = []

    profile_file.set_value(tmp_path, "default", "api_url", "http://profile:1")
    seen.append(settings(tmp_path).get("api_url"))
    (tmp_path / ".env").write_text("HOMEPORT_API_URL=http://envfile:2\n")
    seen.append(settings(tmp_path).get("api_url"))
    asked["HOMEPORT_API_URL"] = "http://environment:3"
    seen.append(settings(tmp_path, environ=asked).get("api_url"))
    seen.append(settings(tmp_path, environ=asked, api_url="http://argument:4").get("api_url"))

    assert [value.value for value in seen] == [
        "http://profile:1",
        "http://envfile:2",
        "http://environment:3",
        "http://argument:4",
    ]
    assert [value.origin for value in seen] == ["profile", "env_file", "environment", "argument"]
    assert "HOMEPORT_API_URL" in seen[2].source
    assert "--api" in seen[3].source


def test_an_empty_variable_counts_as_not_set(tmp_path: Path) -> None:
    assert settings(tmp_path, environ={"HOMEPORT_API_URL": ""}).get("api_url").origin == "default"


def test_an_env_file_changes_only_homeports_own_settings(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("PATH=/nowhere\nHOMEPORT_QUEUE='night shift'\n")

    assert settings(tmp_path).queue == "night shift"


def test_a_profile_that_does_not_exist_is_named_with_those_that_do(tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as caught:
        settings(tmp_path, profile="staging")

    assert "staging" in caught.value.message
    assert "default" in (caught.value.hint or "")


@pytest.mark.parametrize("text", ["profiles = 3", "[profiles.default]\napi_uri = 'x'", "not toml at all ["])
def test_a_damaged_config_file_is_named_and_never_a_traceback(tmp_path: Path, text: str) -> None:
    (tmp_path / "config.toml").write_text(text)

    with pytest.raises(ConfigError, match=r"config\.toml"):
        settings(tmp_path)


def test_a_timeout_that_is_no_number_says_where_it_was_set(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="HOMEPORT_TIMEOUT_SECONDS"):
        _ = settings(tmp_path, environ={"HOMEPORT_TIMEOUT_SECONDS": "soon"}).timeout_seconds
