"""Fixtures that start real servers, one per session. Helpers of these tests are importable by name: `servers`, ...

Live tests run only when a run names them: `-m live`, or the marker of one server.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

sys.path.append(str(Path(__file__).parent))

from inference_servers import mlserver, triton
from labelstudio_ground import connected
from labelstudio_server import labelstudio, remove_projects
from mlflow_server import mlflow
from servers import Server

SERVERS = ("labelstudio", "mlflow", "triton", "mlserver")


def pytest_configure(config: pytest.Config) -> None:
    """Add the markers: one for all live tests, and one per server."""
    config.addinivalue_line("markers", "live: needs a real server; `make test-live` runs these")
    for name in SERVERS:
        config.addinivalue_line("markers", f"live_{name}: needs {name}, in .venv-{name}")


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Mark what needs a server as live, and leave it out of a run that does not ask for it."""
    live = [item for item in items if any(item.get_closest_marker(f"live_{name}") for name in SERVERS)]
    for item in live:
        item.add_marker(pytest.mark.live)
    if "live" not in config.option.markexpr and live:
        config.hook.pytest_deselected(items=live)
        items[:] = [item for item in items if item not in live]


@pytest.fixture(scope="session")
def labelstudio_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A running Label Studio; `labelstudio_server.TOKEN` lets in."""
    with labelstudio(tmp_path_factory.mktemp("labelstudio")) as server:
        yield server


@pytest.fixture
def studio(labelstudio_server: Server, tmp_path: Path) -> Iterator[Any]:
    """Label Studio, with no project, connected to."""
    remove_projects(labelstudio_server)
    with connected(labelstudio_server, tmp_path / "studio") as backend:
        yield backend


@pytest.fixture(scope="session")
def mlflow_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A running MLflow."""
    with mlflow(tmp_path_factory.mktemp("mlflow")) as server:
        yield server


@pytest.fixture(scope="session")
def triton_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A running Triton; see `inference_servers` for its models."""
    with triton(tmp_path_factory.mktemp("triton")) as server:
        yield server


@pytest.fixture(scope="session")
def mlserver_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A running MLServer; see `inference_servers` for its models."""
    with mlserver(tmp_path_factory.mktemp("mlserver")) as server:
        yield server
