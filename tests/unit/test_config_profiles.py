"""Profiles in config.toml."""

from pathlib import Path

import pytest

from homeport.config import ConfigError, profiles


def test_a_profile_is_made_used_renamed_and_deleted(tmp_path: Path) -> None:
    profiles.create(tmp_path, "work")
    profiles.set_value(tmp_path, "work", "api_url", "http://work:1")
    profiles.use(tmp_path, "work")
    profiles.rename(tmp_path, "work", "office")
    profiles.use(tmp_path, "default")
    renamed = profiles.read(tmp_path)
    profiles.delete(tmp_path, "office")

    assert renamed.values["office"] == {"api_url": "http://work:1"}
    assert "work" not in renamed.values
    assert "office" not in profiles.read(tmp_path).values


def test_a_renamed_profile_stays_in_use(tmp_path: Path) -> None:
    profiles.create(tmp_path, "work")
    profiles.use(tmp_path, "work")

    profiles.rename(tmp_path, "work", "office")

    assert profiles.read(tmp_path).chosen == "office"


def test_comments_of_the_file_are_kept_when_a_setting_is_written(tmp_path: Path) -> None:
    (tmp_path / "config.toml").write_text("# ours\n[profiles.default] # here\nqueue = 'night' # at night\n")

    profiles.set_value(tmp_path, "default", "api_url", "http://h:1")

    text = (tmp_path / "config.toml").read_text()
    assert "# ours" in text
    assert "# at night" in text
    assert profiles.read(tmp_path).values["default"] == {"queue": "night", "api_url": "http://h:1"}


def test_the_profile_in_use_cannot_be_deleted(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="in use"):
        profiles.delete(tmp_path, "default")


def test_a_key_is_never_written_into_the_config_file(tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as caught:
        profiles.set_value(tmp_path, "default", "api_key", "hp_admin_secret")

    assert "auth login" in (caught.value.hint or "")
    assert not (tmp_path / "config.toml").exists()


def test_an_unknown_setting_is_answered_with_the_nearest(tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as caught:
        profiles.set_value(tmp_path, "default", "api_ulr", "x")

    assert "api_url" in (caught.value.hint or "")


def test_a_profile_name_cannot_be_a_path_or_a_control_character(tmp_path: Path) -> None:
    for name in ("../evil", "a b", "", "\x1b[31m", "x" * 65):
        with pytest.raises(ConfigError):
            profiles.create(tmp_path, name)
