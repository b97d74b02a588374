"""An MLflow backend whose answers are a function of the test's: enough for what a real server is not needed for."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest

import dragoman
from dragoman_mlflow.client import MlflowClient

Answer = Callable[[httpx.Request], httpx.Response]


@pytest.fixture
def answered_by() -> Iterator[Callable[..., Any]]:
    """Make a backend whose requests are answered by a function."""
    opened: list[Any] = []

    def make(answer: Answer, **settings: Any) -> Any:
        backend: Any = dragoman.connect("mlflow", **{"endpoint": "http://mlflow.test/prefix/", **settings})
        backend.client = MlflowClient(backend.settings, httpx.MockTransport(answer))
        backend.sleep = lambda seconds: None
        opened.append(backend)
        return backend

    yield make
    for backend in opened:
        backend.close()
