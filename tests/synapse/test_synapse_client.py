"""Where tokens go and where they never go; how requests are spelled."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import msgspec
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route
from synapse_ground import add_truth, seeded

import dragoman
from dragoman import AuthenticationError, InvalidData, Label, PlatformError, Whole
from dragoman.emulate import Answer, Emulation, Live, running
from dragoman.errors import PermissionDenied
from dragoman_synapse.client import SynapseClient, wire_params
from dragoman_synapse.settings import SynapseSettings


@pytest.fixture
def elsewhere() -> Iterator[Live[list[dict[str, str]]]]:
    """A server that Synapse has no business naming. Its state is the headers of what it was asked."""
    seen: list[dict[str, str]] = []

    async def note(request: Request) -> JSONResponse:
        seen.append(dict(request.headers))
        return JSONResponse({"count": 0, "next": None, "results": []})

    verbs = ["GET", "PUT", "POST"]
    app = Starlette(routes=[Route("/{path:path}", note, methods=verbs)])
    with running(Emulation(platform="elsewhere", app=app, credentials={}, state=seen)) as live:
        yield live


def said(value: Any, status: int = 200, **headers: str) -> Answer:
    """What the emulator is told to answer."""
    return Answer(status, headers=headers, body=msgspec.json.encode(value).decode())


class TestOrigin:
    """Whatever Synapse names on another origin is refused before anything is sent there."""

    @pytest.mark.parametrize("named", ["{url}/models/?page=2", "//{host}/models/?page=2"])
    def test_the_next_page(self, backend: Any, emulated: Live[Any], elsewhere: Live[Any], named: str) -> None:
        host = elsewhere.url.removeprefix("http://")
        page = {"count": 3, "next": named.format(url=elsewhere.url, host=host), "results": [{"id": 1, "name": "a"}]}
        emulated.faults.add(said(page), path="/models/")
        with pytest.raises(PlatformError, match="not where the endpoint is"):
            list(backend.models.list())
        assert elsewhere.state == []

    def test_the_next_page_of_the_second_interface(
        self, backend: Any, emulated: Live[Any], elsewhere: Live[Any]
    ) -> None:
        page = {"data": [{"id": 1, "name": "a"}], "meta": {"pagination": {"next_cursor": f"{elsewhere.url}/v2/x/"}}}
        emulated.faults.add(said(page), path="/v2/ground-truth-datasets/")
        with pytest.raises(PlatformError, match="not where the endpoint is"):
            list(backend.datasets.list())
        assert elsewhere.state == []

    def test_the_address_of_the_next_chunk(self, emulated: Live[Any], elsewhere: Live[Any], tmp_path: Path) -> None:
        weights = tmp_path / "w"
        weights.write_bytes(b"12345678")
        answer = {"id": "u", "url": f"{elsewhere.url}/chunked_upload/u/", "offset": 4}
        with dragoman.connect("synapse", endpoint=emulated.url, chunk_bytes=4, **emulated.credentials) as backend:
            model = backend.models.create("m", task="classification", features=["a"])
            version = backend.versions.create(model, name="v")
            emulated.faults.add(said(answer), method="PUT")
            with pytest.raises(PlatformError, match="not where the endpoint is"):
                backend.versions.upload_weights(version, weights)
        assert elsewhere.state == []

    @pytest.mark.parametrize("status", [301, 302, 307, 308])
    def test_a_redirect(self, backend: Any, emulated: Live[Any], elsewhere: Live[Any], status: int) -> None:
        emulated.faults.add(said({}, status, Location=f"{elsewhere.url}/models/"), path="/models/")
        with pytest.raises(PlatformError, match="not where the endpoint is"):
            list(backend.models.list())
        assert elsewhere.state == []

    def test_a_redirect_of_what_is_sent(self, backend: Any, emulated: Live[Any]) -> None:
        emulated.faults.add(said({}, 307, Location="/v2/elsewhere/"), method="POST")
        with pytest.raises(PlatformError, match="redirects a POST"):
            backend.datasets.create("street")

    def test_another_port_or_scheme_is_another_origin(self) -> None:
        client = SynapseClient(SynapseSettings(access_token="t", endpoint="https://api.example/v"))
        for address in ("http://api.example/v/x/", "https://api.example:444/v/x/", "https://api.example.evil/v/x/"):
            with pytest.raises(PlatformError):
                client.address(address)
        assert client.address("https://api.example:443/v/x/") == "https://api.example:443/v/x/"

    def test_a_redirect_within_the_origin_is_followed(self, backend: Any, emulated: Live[Any]) -> None:
        backend.models.create("kept", task="classification", features=["a"])
        emulated.faults.add(said({}, 302, Location="/models/?page_size=1"), path="/models/", method="GET")
        assert [model.name for model in backend.models.list()] == ["kept"]

    def test_redirects_without_end_end(self, backend: Any, emulated: Live[Any]) -> None:
        emulated.faults.add(said({}, 302, Location="/models/"), path="/models/", method="GET", times=None)
        with pytest.raises(PlatformError, match="more than 5 times"):
            list(backend.models.list())

    def test_files_are_fetched_anywhere_and_without_tokens(
        self, backend: Any, emulated: Live[Any], elsewhere: Live[Any], tmp_path: Path
    ) -> None:
        model = emulated.state.home.add_model(name="m", file=emulated.state.media.add("m.zip", b"weights"))
        path = backend.catalog.download(str(model.id), tmp_path / "m.zip", convert=lambda url: f"{elsewhere.url}/m.zip")
        assert path.exists()
        (headers,) = elsewhere.state
        sent = " ".join([*headers, *headers.values()]).lower()
        assert "token" not in sent
        assert "tenant" not in sent
        assert emulated.credentials["access_token"] not in sent


class TestAccess:
    """Tokens and tenants, in the grammar of each interface."""

    def headers_of(self, emulated: Live[Any], **settings: Any) -> dict[str, httpx.Headers]:
        """The headers of a request to each interface."""
        client = SynapseClient(SynapseSettings(endpoint=emulated.url, **settings))
        return {path: httpx.Headers(client._tokens(client.address(path))) for path in ("models/", "v2/models/")}

    def test_an_access_token_is_bare_in_the_second_interface(self, emulated: Live[Any]) -> None:
        found = self.headers_of(emulated, access_token="syn_1", tenant="home", agent_token="a1")
        assert found["models/"]["synapse-access-token"] == "Token syn_1"
        assert found["v2/models/"]["synapse-access-token"] == "syn_1"
        for headers in found.values():
            assert (headers["synapse-tenant"], headers["synapse-agent"]) == ("Token home", "Token a1")
            assert "authorization" not in headers

    def test_a_user_s_token_and_tenant_open_both_interfaces(self, emulated: Live[Any]) -> None:
        emulated.state.user_tokens["drf-1"] = "home"
        with dragoman.connect("synapse", endpoint=emulated.url, user_token="drf-1", tenant="home") as backend:
            assert list(backend.models.list()) == []
            assert list(backend.datasets.list()) == []

    def test_a_wrong_token_is_refused(self, emulated: Live[Any]) -> None:
        with dragoman.connect("synapse", endpoint=emulated.url, access_token="wrong") as backend:
            for listing in (backend.models.list, backend.datasets.list):
                with pytest.raises(AuthenticationError, match="Invalid token"):
                    list(listing())

    def test_a_wrong_tenant_is_refused(self, emulated: Live[Any]) -> None:
        with dragoman.connect("synapse", endpoint=emulated.url, tenant="other", **emulated.credentials) as backend:
            for listing in (backend.models.list, backend.datasets.list):
                with pytest.raises(PermissionDenied):
                    list(listing())

    def test_tenants_do_not_see_each_other(self, emulated: Live[Any], backend: Any) -> None:
        model = backend.models.create("ours", task="classification", features=["a"])
        emulated.state.add_tenant("other")
        emulated.state.tokens["t2"] = "other"
        with dragoman.connect("synapse", endpoint=emulated.url, access_token="t2") as other:
            assert list(other.models.list()) == []
            with pytest.raises(dragoman.NotFound):
                other.models.get(model)

    def test_without_any_token_the_settings_say_how_to_give_one(self, monkeypatch: pytest.MonkeyPatch) -> None:
        for name in ("SYNAPSE_ACCESS_TOKEN", "SYNAPSE_PLUGIN_RUN_USER_TOKEN"):
            monkeypatch.delenv(name, raising=False)
        with pytest.raises(AuthenticationError, match="DRAGOMAN_SYNAPSE_ACCESS_TOKEN"):
            dragoman.connect("synapse")
        with pytest.raises(AuthenticationError):
            dragoman.connect("synapse", access_token="")

    @pytest.mark.parametrize("token", ["sécret-1", "secret-1\n"])
    def test_a_token_that_no_header_holds_is_refused_and_not_shown(self, token: str) -> None:
        with pytest.raises(InvalidData, match="header") as refusal:
            dragoman.connect("synapse", access_token=token)
        assert "cret-1" not in f"{refusal.value!r} {refusal.value} {refusal.value.__cause__!r}"

    def test_the_platform_s_own_variables_are_read(self, emulated: Live[Any], monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("SYNAPSE_HOST", emulated.url)
        monkeypatch.setenv("SYNAPSE_ACCESS_TOKEN", emulated.credentials["access_token"])
        with dragoman.connect("synapse") as backend:
            assert list(backend.models.list()) == []

    def test_no_repr_shows_a_token(self) -> None:
        settings = SynapseSettings(access_token="secret-1", user_token="secret-2", agent_token="secret-3")
        shown = f"{settings!r} {SynapseClient(settings)!r}"
        assert "secret" not in shown


def test_queries_are_spelled_as_the_platform_reads_them() -> None:
    moment = datetime(2026, 1, 2, tzinfo=UTC)
    params = {"yes": True, "no": False, "nothing": None, "many": [1, 2], "at": moment, "text": "a b"}
    expected = "yes=true&no=false&many=1&many=2&at=2026-01-02T00%3A00%3A00%2B00%3A00&text=a+b"
    assert str(wire_params(params)) == expected


def test_a_prefix_of_the_endpoint_is_kept() -> None:
    client = SynapseClient(SynapseSettings(access_token="t", endpoint="https://host/api"))
    assert client.address("models/") == "https://host/api/models/"
    assert client._tokens(client.address("v2/models/"))["Synapse-Access-Token"] == "t"


def test_addresses_inside_the_platform_s_network_are_asked_for(emulated: Live[Any]) -> None:
    seen: list[str] = []
    settings = {"endpoint": emulated.url, "url_host": "internal", **emulated.credentials}
    with dragoman.connect("synapse", **settings) as backend:
        backend.client._api.event_hooks = {"request": [lambda request: seen.append(str(request.url))]}
        list(backend.models.list())
    assert "url_host=internal" in seen[0]


def test_a_connection_is_used_again(backend: Any, emulated: Live[Any]) -> None:
    dataset = seeded(emulated, [f"{n}.png" for n in range(4)])
    add_truth(emulated, int(dataset), "empty.png", [Label("empty.png", "night", Whole())])
    assert len(list(backend.labels.read(dataset, page_size=1))) == 7
    assert len(backend.client._api._transport._pool.connections) == 1
