"""Settings: credentials, and TLS everywhere but on this machine."""

from __future__ import annotations

from typing import Any

import pytest

import dragoman
from dragoman import AuthenticationError, InvalidData
from dragoman.settings import resolve
from dragoman_viam.settings import ViamSettings

ID = "01234567-89ab-cdef-0123-456789abcdef"


def settings(**given: Any) -> ViamSettings:
    """Settings with good credentials and what is given."""
    made = resolve(ViamSettings, "viam", None, {"api_key": "k", "api_key_id": ID, **given})
    assert isinstance(made, ViamSettings)
    return made


@pytest.fixture(autouse=True)
def _no_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("VIAM_API_KEY", "VIAM_API_KEY_ID", "VIAM_ENDPOINT"):
        monkeypatch.delenv(name, raising=False)


class TestCredentials:
    def test_the_cloud_is_called_with_tls_by_default(self) -> None:
        assert (settings().encrypted, settings().target) == (True, "app.viam.com:443")

    @pytest.mark.parametrize("bad", ["", "my key", "0123", f"{ID}0"])
    def test_the_id_of_a_key_is_a_uuid(self, bad: str) -> None:
        with pytest.raises(InvalidData, match="UUID") as refusal:
            settings(api_key_id=bad)
        assert refusal.value.field == "api_key_id"

    def test_a_key_in_place_of_its_id_is_not_shown(self) -> None:
        with pytest.raises(InvalidData) as refusal:
            settings(api_key_id="a-secret-key")
        assert "a-secret-key" not in f"{refusal.value}{refusal.value!r}{refusal.value.__cause__}"

    def test_a_missing_key_names_the_ways_to_give_it(self) -> None:
        with pytest.raises(AuthenticationError, match="api_key"):
            resolve(ViamSettings, "viam", None, {"api_key_id": ID})

    def test_the_vendor_s_own_variables_are_read(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("VIAM_API_KEY", "from-the-environment")
        monkeypatch.setenv("VIAM_API_KEY_ID", ID)
        found = resolve(ViamSettings, "viam", None, {})
        assert isinstance(found, ViamSettings)
        assert found.api_key.get_secret_value() == "from-the-environment"
        assert sorted(found.secrets()) == sorted(["from-the-environment", ID])


class TestEndpoint:
    @pytest.mark.parametrize(
        ("endpoint", "encrypted", "target"),
        [
            ("https://viam.example", True, "viam.example:443"),
            ("https://viam.example:8443/", True, "viam.example:8443"),
            ("http://127.0.0.1:9000", False, "127.0.0.1:9000"),
            ("http://127.8.8.8", False, "127.8.8.8:80"),
            ("http://localhost:9000", False, "localhost:9000"),
            ("http://[::1]:9000", False, "[::1]:9000"),
        ],
    )
    def test_it_says_whether_and_where(self, endpoint: str, encrypted: bool, target: str) -> None:
        found = settings(endpoint=endpoint)
        assert (found.encrypted, found.target) == (encrypted, target)

    @pytest.mark.parametrize("endpoint", ["http://viam.example", "http://10.0.0.1:80", "http://localhost.example"])
    def test_plain_text_leaves_this_machine_never(self, endpoint: str) -> None:
        with pytest.raises(InvalidData, match="TLS"):
            settings(endpoint=endpoint)

    @pytest.mark.parametrize("endpoint", ["viam.example", "grpc://viam.example", "https://", "https://viam.example/v1"])
    def test_it_is_a_root(self, endpoint: str) -> None:
        with pytest.raises(InvalidData, match="endpoint"):
            settings(endpoint=endpoint)


def test_certificates_that_are_not_there_are_said() -> None:
    with pytest.raises(InvalidData, match="tls_roots"):
        settings(tls_roots="/no/such/roots.pem")


def test_nothing_is_sent_by_connecting() -> None:
    with dragoman.connect("viam", endpoint="http://127.0.0.1:9", api_key="k", api_key_id=ID) as backend:
        assert repr(backend) == "<dragoman backend 'viam'>"
