"""`dragoman login`: keys go into the keyring, or into a file of one's own; nothing is shown."""

from __future__ import annotations

import stat
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import keyring
import pytest
from keyring.backend import KeyringBackend
from keyring.backends.fail import Keyring as Nowhere
from keyring.errors import KeyringLocked

import dragoman
from dragoman.cli import EXIT_ERROR, main
from dragoman.emulate import Live, running
from dragoman.errors import AuthenticationError, InvalidData
from dragoman.plugins import installed
from dragoman.profiles import IN_KEYRING, save_profile


class Memory(KeyringBackend):
    """A keyring that forgets."""

    priority = 1.0

    def __init__(self) -> None:
        super().__init__()
        self.held: dict[tuple[str, str], str] = {}

    def set_password(self, service: str, username: str, password: str) -> None:
        self.held[service, username] = password

    def get_password(self, service: str, username: str) -> str | None:
        return self.held.get((service, username))


@pytest.fixture
def ring() -> Iterator[Memory]:
    before = keyring.get_keyring()
    keyring.set_keyring(made := Memory())
    yield made
    keyring.set_keyring(before)


@pytest.fixture
def no_ring() -> Iterator[None]:
    before = keyring.get_keyring()
    keyring.set_keyring(Nowhere())
    yield
    keyring.set_keyring(before)


@pytest.fixture(autouse=True)
def config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where the profile file is; the environment has no keys."""
    path = tmp_path / "own" / "config.toml"
    monkeypatch.setenv("DRAGOMAN_CONFIG", str(path))
    for name in ("NUCLEUS_API_KEY", "NUCLEUS_ENDPOINT", "DRAGOMAN_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    return path


@pytest.fixture
def live() -> Iterator[Live[Any]]:
    with running(installed().platform("nucleus").load("emulator")()) as live:
        yield live


def log_in(live: Live[Any], *words: str) -> int:
    given = {"endpoint": live.url, **live.credentials}
    return main(["login", "nucleus", *words, *(f"--set={name}={value}" for name, value in given.items())])


def test_a_key_is_in_the_keyring_and_not_in_the_file(
    live: Live[Any], ring: Memory, config: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert log_in(live) == 0
    key = live.credentials["api_key"]
    assert ring.held == {("dragoman", "default/nucleus/api_key"): key}
    assert key not in config.read_text() + "".join(capsys.readouterr())
    with dragoman.connect("nucleus") as backend:
        assert list(backend.datasets.list()) == []


def test_without_a_keyring_the_file_is_for_its_owner_only(live: Live[Any], no_ring: None, config: Path) -> None:
    assert log_in(live, "--profile", "work") == 0
    assert stat.S_IMODE(config.stat().st_mode) == 0o600
    with dragoman.connect("nucleus", profile="work") as backend:
        assert list(backend.datasets.list()) == []


def test_what_else_is_in_the_file_stays(live: Live[Any], ring: Memory, config: Path) -> None:
    config.parent.mkdir()
    config.write_text('# mine\n[default.local]\nroot = "/data"\n')
    assert log_in(live) == 0
    assert "# mine" in config.read_text()
    content = tomllib.loads(config.read_text())["default"]
    assert content["local"] == {"root": "/data"}
    assert content["nucleus"] == {"endpoint": live.url, "api_key": IN_KEYRING}


def test_a_key_that_does_not_open_is_not_kept(live: Live[Any], ring: Memory, config: Path) -> None:
    words = ["login", "nucleus", f"--set=endpoint={live.url}", "--set=api_key=wrong"]
    assert main(words) == EXIT_ERROR
    assert (ring.held, config.exists()) == ({}, False)
    assert main([*words, "--no-check"]) == 0


def test_what_is_needed_is_asked_for(
    live: Live[Any], ring: Memory, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    asked: list[tuple[str, bool]] = []

    def answer(name: str, *, hide_input: bool, err: bool) -> str:
        asked.append((name, hide_input))
        return live.credentials["api_key"]

    monkeypatch.setattr("typer.prompt", answer)
    assert main(["login", "nucleus", f"--set=endpoint={live.url}"]) == 0
    assert asked == [("api_key", True)]


def test_a_key_that_left_the_keyring_is_said_so(live: Live[Any], ring: Memory) -> None:
    assert log_in(live) == 0
    ring.held.clear()
    with pytest.raises(AuthenticationError, match="is not") as refusal:
        dragoman.connect("nucleus")
    assert "dragoman login" in (refusal.value.hint or "")


def test_a_keyring_that_stays_locked_is_said_so(live: Live[Any], ring: Memory, monkeypatch: pytest.MonkeyPatch) -> None:
    assert log_in(live) == 0

    def locked(service: str, username: str) -> str:
        raise KeyringLocked("nobody unlocked it")

    monkeypatch.setattr(ring, "get_password", locked)
    with pytest.raises(AuthenticationError, match="cannot be read: nobody unlocked it") as refusal:
        dragoman.connect("nucleus")
    assert refusal.value.hint == "Unlock it, or give api_key in another way."


def test_a_file_with_no_table_in_its_place_is_left_as_it_is(ring: Memory, config: Path) -> None:
    config.parent.mkdir()
    config.write_text('default = "mine"')
    with pytest.raises(InvalidData, match=r"default in .* is no table"):
        save_profile("nucleus", {}, {"api_key": "k"})
    assert config.read_text() == 'default = "mine"'
    assert ring.held == {}


def test_a_broken_file_is_left_as_it_is(ring: Memory, config: Path) -> None:
    config.parent.mkdir()
    config.write_text("[default")
    with pytest.raises(InvalidData, match="is not TOML"):
        save_profile("nucleus", {}, {})
    assert config.read_text() == "[default"
