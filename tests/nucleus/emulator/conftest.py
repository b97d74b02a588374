"""An emulated account for each test, and the real SDK pointed at it."""

from __future__ import annotations

from collections.abc import Iterator

import nucleus
import pytest
from nucleus import async_job
from nucleus.retry_strategy import RetryStrategy

from dragoman.emulate import Live, running
from dragoman_nucleus.emulator import State, create

KEY = "test-key"


@pytest.fixture(autouse=True)
def impatient_sdk(monkeypatch: pytest.MonkeyPatch) -> None:
    """Take the waiting out of the SDK, and keep proxies of the machine away from loopback."""
    monkeypatch.setattr(async_job, "JOB_POLLING_INTERVAL", 0)
    monkeypatch.setattr(RetryStrategy, "sleep_times", staticmethod(lambda: [0, 0, 0, 0]))
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.delenv("NUCLEUS_API_KEY", raising=False)


@pytest.fixture
def live() -> Iterator[Live[State]]:
    with running(create(KEY)) as served:
        yield served


@pytest.fixture
def endpoint(live: Live[State]) -> str:
    return f"{live.url}/v1/nucleus"


@pytest.fixture
def client(endpoint: str) -> nucleus.NucleusClient:
    return nucleus.NucleusClient(KEY, endpoint=endpoint)


@pytest.fixture
def dataset(client: nucleus.NucleusClient) -> nucleus.Dataset:
    """A dataset with the images `img-0` to `img-4`."""
    made = client.create_dataset("street", is_scene=False)
    items = [nucleus.DatasetItem(f"https://images.example/{n}.jpg", f"img-{n}", metadata={"n": n}) for n in range(5)]
    made.append(items).sleep_until_complete(verbose_std_out=False)
    return made


@pytest.fixture
def model(client: nucleus.NucleusClient) -> nucleus.Model:
    return client.create_model("detector", "detector-v1", metadata={"epochs": 3})
