"""Who asks, where tokens go, and what becomes of answers that are none."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import msgspec
import pytest
from labelstudio_said import ENDPOINT, LEGACY, PERSONAL, client_of, jwt

import dragoman
from dragoman import AuthenticationError, InvalidData, PlatformError
from dragoman_labelstudio.access import LIFETIME, MARGIN, Access, lifetime
from dragoman_labelstudio.client import LabelStudioRefused
from dragoman_labelstudio.settings import LabelStudioSettings


class Exchange:
    """Gives out access tokens, and counts them."""

    def __init__(self, seconds: float = 300) -> None:
        self.asked: list[str] = []
        self.seconds = seconds

    def __call__(self, token: str) -> str:
        self.asked.append(token)
        return jwt(iat=100, exp=100 + self.seconds, number=len(self.asked))


class Ticks:
    """A clock that a test moves."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


class TestAccess:
    """A legacy token is sent as it is; a personal one is exchanged, and never sent itself."""

    def test_a_legacy_token_is_sent_as_it_is(self) -> None:
        exchange = Exchange()
        assert Access(LEGACY, exchange).header() == {"Authorization": f"Token {LEGACY}"}
        assert exchange.asked == []

    def test_a_personal_token_is_exchanged_and_the_access_token_kept(self) -> None:
        exchange = Exchange()
        access = Access(PERSONAL, exchange, Ticks())
        first = access.header()
        assert first["Authorization"].startswith("Bearer ")
        assert PERSONAL not in first["Authorization"]
        assert access.header() == first
        assert exchange.asked == [PERSONAL]

    def test_an_access_token_is_exchanged_before_it_ends(self) -> None:
        exchange, clock = Exchange(seconds=300), Ticks()
        access = Access(PERSONAL, exchange, clock)
        first = access.header()
        clock.now = 300 - MARGIN - 0.1
        assert access.header() == first
        clock.now = 300 - MARGIN
        assert access.header() != first
        assert len(exchange.asked) == 2

    def test_a_token_that_lasts_less_than_the_margin_is_exchanged_every_time(self) -> None:
        exchange = Exchange(seconds=10)
        access = Access(PERSONAL, exchange, Ticks())
        access.header()
        access.header()
        assert len(exchange.asked) == 2

    def test_only_the_token_that_was_refused_is_forgotten(self) -> None:
        exchange = Exchange()
        access = Access(PERSONAL, exchange, Ticks())
        first = access.header()
        access.forget(first)
        second = access.header()
        access.forget(first)
        assert access.header() == second
        assert len(exchange.asked) == 2

    @pytest.mark.parametrize("token", ["a.b.c", "no dots", jwt(exp=5), "a.!!.c"])
    def test_a_token_that_does_not_say_lasts_as_label_studio_s_do(self, token: str) -> None:
        assert lifetime(token) == LIFETIME


class Studio:
    """Takes one personal token, and the access tokens that it has given out since it was started."""

    def __init__(self) -> None:
        self.given: list[str] = []
        self.seen: list[tuple[str, str]] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.seen.append((request.url.path, request.headers.get("Authorization", "")))
        if request.url.path == "/api/token/refresh/":
            if msgspec.json.decode(request.content) != {"refresh": PERSONAL}:
                return httpx.Response(401, json={"detail": "Token is invalid"})
            self.given.append(jwt(iat=0, exp=300, number=len(self.seen)))
            return httpx.Response(200, json={"access": self.given[-1]})
        known = request.headers.get("Authorization") in [f"Bearer {token}" for token in self.given]
        return httpx.Response(200, json={"id": 1}) if known else httpx.Response(401, json={"detail": "expired"})

    def restart(self) -> None:
        """Forget what was given out."""
        self.given.clear()


class TestClient:
    """Requests: refused ones are sent again with a fresh token once, and nothing leaves the endpoint."""

    def test_a_request_that_is_refused_is_sent_again_with_a_fresh_token(self) -> None:
        studio = Studio()
        client = client_of(studio, PERSONAL)
        assert client.get("api/x", dict) == {"id": 1}
        studio.restart()
        assert client.get("api/x", dict) == {"id": 1}
        assert [path for path, _ in studio.seen].count("/api/token/refresh/") == 2

    def test_a_personal_token_that_is_not_taken_is_refused_and_not_tried_for_ever(self) -> None:
        studio = Studio()
        with pytest.raises(LabelStudioRefused) as refusal:
            client_of(studio, jwt(other="user")).get("api/x", dict)
        assert refusal.value.status == 401
        assert len(studio.seen) == 1

    def test_a_legacy_token_is_not_exchanged_when_it_is_refused(self) -> None:
        studio = Studio()
        with pytest.raises(LabelStudioRefused):
            client_of(studio).get("api/x", dict)
        assert [path for path, _ in studio.seen] == ["/api/x"]

    @pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
    def test_a_redirect_is_not_followed(self, status: int) -> None:
        seen: list[str] = []

        def answer(request: httpx.Request) -> httpx.Response:
            seen.append(request.url.host)
            return httpx.Response(status, headers={"Location": "http://elsewhere.example/api/x"})

        with pytest.raises(PlatformError, match="leads elsewhere") as refusal:
            client_of(answer).get("api/x", dict)
        assert seen == ["studio.example"]
        assert LEGACY not in str(refusal.value)

    def test_a_download_is_a_file_once_it_is_whole(self, tmp_path: Path) -> None:
        client = client_of(lambda request: httpx.Response(200, content=b"pixels"))
        assert client.download("/data/upload/1/a.png", tmp_path / "a.png").read_bytes() == b"pixels"
        assert [path.name for path in tmp_path.iterdir()] == ["a.png"]

    def test_a_download_that_breaks_leaves_nothing(self, tmp_path: Path) -> None:
        def broken() -> Iterator[bytes]:
            yield b"pix"
            raise httpx.ReadError("cut")

        client = client_of(lambda request: httpx.Response(200, content=broken()))
        with pytest.raises(httpx.ReadError):
            client.download("/data/upload/1/a.png", tmp_path / "a.png")
        assert list(tmp_path.iterdir()) == []

    def test_files_are_sent_under_names_of_their_own(self) -> None:
        bodies: list[bytes] = []

        def answer(request: httpx.Request) -> httpx.Response:
            bodies.append(request.read())
            return httpx.Response(201, json={})

        client_of(answer).post_files("api/import", [("a.png", b"1"), ("b.png", b"2")], dict)
        assert b'name="file0"' in bodies[0]
        assert b'name="file1"' in bodies[0]

    def test_the_repr_shows_where_and_not_who(self) -> None:
        shown = repr(client_of(lambda request: httpx.Response(200), PERSONAL))
        assert ENDPOINT in shown
        assert PERSONAL not in shown


class TestSettings:
    """Where Label Studio is and who asks, from Label Studio's own variables too."""

    def test_label_studio_s_own_variables_are_read(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("LABEL_STUDIO_URL", "https://studio.example/prefix")
        monkeypatch.setenv("LABEL_STUDIO_API_KEY", LEGACY)
        with dragoman.connect("labelstudio") as backend:
            settings: Any = backend.settings
        assert settings.endpoint == "https://studio.example/prefix"
        assert settings.token.get_secret_value() == LEGACY
        assert LEGACY not in repr(settings)

    def test_without_a_token_the_ways_to_give_one_are_named(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.delenv("LABEL_STUDIO_API_KEY", raising=False)
        with pytest.raises(AuthenticationError, match="No token") as refusal:
            dragoman.connect("labelstudio")
        assert "DRAGOMAN_LABELSTUDIO_TOKEN" in str(refusal.value.hint)

    @pytest.mark.parametrize("endpoint", ["studio.example", "ftp://studio.example", "http://user:pass@studio.example"])
    def test_an_endpoint_that_is_none_is_refused(self, endpoint: str) -> None:
        with pytest.raises(InvalidData, match="endpoint"):
            dragoman.connect("labelstudio", endpoint=endpoint, token=LEGACY)

    @pytest.mark.parametrize("token", ["two\nlines", "Größe", "0123 ", " 0123"])
    def test_a_token_that_no_header_holds_is_refused_and_not_shown(self, token: str) -> None:
        with pytest.raises(InvalidData) as refusal:
            dragoman.connect("labelstudio", token=token)
        assert token not in str(refusal.value)

    def test_an_empty_token_is_refused(self) -> None:
        with pytest.raises(InvalidData, match="at least 1 item"):
            dragoman.connect("labelstudio", token="")

    def test_a_prefix_is_kept_before_every_path(self) -> None:
        seen: list[str] = []

        def answer(request: httpx.Request) -> httpx.Response:
            seen.append(request.url.path)
            return httpx.Response(200, json={})

        from dragoman_labelstudio.client import LabelStudioClient

        settings = LabelStudioSettings(endpoint=f"{ENDPOINT}/prefix/", token=LEGACY)
        client = LabelStudioClient(settings, httpx.MockTransport(answer))
        client.get("api/x", dict)
        client.get("/data/upload/1/x.png", dict)
        assert seen == ["/prefix/api/x", "/prefix/data/upload/1/x.png"]
