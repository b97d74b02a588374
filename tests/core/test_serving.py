"""Serving a model: what is registered, which model and version are meant, and the address."""

from __future__ import annotations

import socket
from typing import Any

import httpx
import pytest
from memory import open_memory
from starlette.applications import Starlette
from starlette.responses import PlainTextResponse
from starlette.routing import Route

from dragoman import Conflict, NotFound, PluginError, Unsupported
from dragoman.cli import EXIT_ERROR, main
from dragoman.schema import Model
from dragoman.serving import ServedProtocol, model_of, newest, protocol, protocols, serving, version_of


@pytest.fixture
def backend() -> Any:
    return open_memory()


@pytest.fixture
def model(backend: Any) -> Model:
    made: Model = backend.models.create("street detector", task="object_detection", features=["car"], key="street")
    return made


def hello() -> Starlette:
    async def answer(request: Any) -> PlainTextResponse:
        return PlainTextResponse("hello")

    return Starlette(routes=[Route("/", answer)])


class TestProtocols:
    def test_protocols_of_plugins_are_found_by_name(self) -> None:
        assert protocol("openinference") == protocols()["openinference"]

    def test_one_that_nobody_serves_names_the_nearest(self) -> None:
        with pytest.raises(NotFound, match=r"Did you mean 'openinference'\?"):
            protocol("openinferense")

    def test_a_broken_application_is_the_plugin_s_fault(self) -> None:
        with pytest.raises(PluginError, match="no_such_module"):
            ServedProtocol("x", "X", "no_such_module:app").load()

    def test_a_protocol_without_grpc_says_so(self) -> None:
        with pytest.raises(Unsupported, match="X is not served over gRPC"):
            ServedProtocol("x", "X", "some:app").load_grpc()


class TestWhatIsMeant:
    def test_a_model_is_meant_by_id_key_or_name(self, backend: Any, model: Model) -> None:
        for name in (model.id, "street", "street detector"):
            assert model_of(backend, name) == model
        with pytest.raises(NotFound):
            model_of(backend, "nobody")

    def test_a_version_is_meant_by_id_or_name_and_the_newest_of_a_name(self, backend: Any, model: Model) -> None:
        first, _, third = (backend.versions.create(model, name=name) for name in ("a", "b", "a"))
        assert version_of(backend, model, first.id).id == first.id
        assert version_of(backend, model, "a").id == third.id == newest(backend, model).id
        with pytest.raises(NotFound, match="no version 'c'"):
            version_of(backend, model, "c")

    def test_a_model_without_versions_has_no_newest(self, backend: Any, model: Model) -> None:
        with pytest.raises(NotFound, match="no version yet"):
            newest(backend, model)


class TestServing:
    @pytest.mark.parametrize("host", ["127.0.0.1", "::1", "localhost"])
    def test_an_application_is_reached_at_the_address_until_the_context_ends(self, host: str) -> None:
        if host == "::1" and not socket.has_ipv6:
            pytest.skip("there is no IPv6")
        with serving(hello(), host=host) as served:
            assert httpx.get(served.url, trust_env=False).text == "hello"
        with pytest.raises(httpx.ConnectError):
            httpx.get(served.url, trust_env=False)

    def test_a_port_that_is_taken_is_a_conflict(self) -> None:
        with serving(hello()) as served:
            again = serving(hello(), port=int(served.url.rpartition(":")[2]))
            with pytest.raises(Conflict, match="cannot be used"), again:
                pass

    def test_an_address_of_another_machine_is_a_conflict(self) -> None:
        with pytest.raises(Conflict), serving(hello(), host="203.0.113.1"):
            pass


class TestTheCommand:
    def test_what_cannot_be_served_is_said_in_a_sentence(
        self, capsys: pytest.CaptureFixture[str], tmp_path: Any
    ) -> None:
        words = ["serve", "openinference", "--backend", "demo-not-there", "--model", "m"]
        assert main(words) == EXIT_ERROR
        assert "no backend named" in capsys.readouterr().err
        words = ["serve", "nothing", "--backend", "local", "--model", "m", "--set", f"root={tmp_path}"]
        assert main(words) == EXIT_ERROR
        assert "Nothing here is served as" in capsys.readouterr().err
