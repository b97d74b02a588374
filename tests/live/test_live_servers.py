"""Servers of the live tests start, answer, and end without leaving anything behind."""

from __future__ import annotations

import socket
import sys
from pathlib import Path

import httpx
import pytest
from mlflow_server import PASSWORD, USER
from servers import LOOPBACK, Server, free_ports


def web_server(folder: Path, *options: str) -> Server:
    (port,) = free_ports(1)
    command = [sys.executable, "-m", "http.server", *options, "--bind", LOOPBACK, str(port)]
    return Server(name="web", command=command, ports=(port,), folder=folder, health="/", patience=20)


def refuses(server: Server) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex((LOOPBACK, server.ports[0])) != 0


def test_that_a_server_is_ready_inside_and_gone_after(tmp_path: Path) -> None:
    with web_server(tmp_path) as server:
        assert httpx.get(server.url).status_code == 200
    assert refuses(server)


def test_that_a_killed_server_starts_again_on_its_port(tmp_path: Path) -> None:
    with web_server(tmp_path) as server:
        server.kill()
        assert refuses(server)
        server.start()
        assert httpx.get(server.url).status_code == 200


def test_that_a_server_that_ends_early_shows_its_last_words(tmp_path: Path) -> None:
    with pytest.raises(AssertionError, match="unrecognized arguments: --nonsense"):
        web_server(tmp_path, "--nonsense").start()


@pytest.mark.live_mlflow
def test_that_mlflow_is_the_one_that_is_pinned_and_keeps_to_its_folder(mlflow_server: Server) -> None:
    assert httpx.get(mlflow_server.url + "/version", auth=(USER, PASSWORD)).text == "3.17.2"
    assert {path.name for path in mlflow_server.folder.iterdir()} >= {"mlflow.db", "access.db", "mlflow.log"}
