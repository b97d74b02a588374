"""Viam over its emulator, held to the conformance kit."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from dragoman import (
    Adapter,
    AuthenticationError,
    Conflict,
    InvalidData,
    Item,
    Model,
    NotFound,
    PermissionDenied,
    PlatformError,
    RateLimited,
    Unavailable,
    conformance,
)
from dragoman.conformance import Subject
from dragoman.conformance.data import BOX, boxes
from dragoman.emulate import Answer, Live, running
from dragoman_viam.emulator import create

ENOUGH = 16
"""Images that Viam trains on."""


class Viam(Subject):
    platform = "viam"
    own_modules = ("viam",)
    # The numbers are gRPC's status codes.
    faults = {
        AuthenticationError: Answer(16),
        PermissionDenied: Answer(7),
        NotFound: Answer(5),
        Conflict: Answer(6),
        InvalidData: Answer(3),
        RateLimited: Answer(8, headers={"Retry-After": "3"}),
        Unavailable: Answer(14),
        PlatformError: Answer(13),
    }

    @contextmanager
    def served(self, folder: Path) -> Iterator[Live[Any]]:
        with running(create()) as live:
            yield live


class TestContract(Viam, conformance.BaseContract): ...


class TestModels(Viam, conformance.BaseModels): ...


class TestVersions(Viam, conformance.BaseVersions): ...


class TestTraining(Viam, conformance.BaseTraining):
    """Viam trains on enough images with enough labels only."""

    @pytest.fixture
    def items(self, tmp_path: Path) -> list[Item]:
        return [self.item(number, tmp_path) for number in range(ENOUGH)]

    @pytest.fixture
    def model(self, backend: Adapter) -> Model:
        return backend.models.create("kit model", task="object_detection", features=[BOX], key="kit-model")


class TestInference(Viam, conformance.BaseInference):
    """Viam looks at images that it stores, so the items are those that are read back."""

    @pytest.fixture
    def items(self, backend: Adapter, tmp_path: Path) -> list[Item]:
        dataset = backend.datasets.create("stored")
        sent = [self.item(number, tmp_path) for number in range(ENOUGH)]
        backend.datasets.write_items(sent, dataset=dataset).raise_for_problems()
        rows = [label for item in sent for label in boxes(1, item)]
        backend.labels.write(rows, dataset=dataset).raise_for_problems()
        return list(backend.datasets.read_items(dataset))


class TestDatasets(Viam, conformance.BaseDatasets): ...


class TestLabels(Viam, conformance.BaseLabels): ...


class TestOntologies(Viam, conformance.BaseOntologies): ...


class TestFidelity(Viam, conformance.BaseFidelity): ...


class TestFailures(Viam, conformance.BaseFailures): ...


class TestSecrets(Viam, conformance.BaseSecrets):
    def wrong_credentials(self, live: Live[Any]) -> dict[str, Any]:
        return {"api_key": "wrong-0123456789abcdef", "api_key_id": "01234567-89ab-cdef-0123-456789abcdef"}
