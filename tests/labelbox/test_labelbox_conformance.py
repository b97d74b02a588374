"""The conformance kit over the emulator of Labelbox."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import pytest
from labelbox.schema.foundry.app import App
from labelbox.schema.foundry.foundry_client import FoundryClient

from dragoman.adapter import Adapter
from dragoman.conformance import (
    BaseContract,
    BaseDatasets,
    BaseEvaluations,
    BaseFailures,
    BaseFidelity,
    BaseHandoff,
    BaseInference,
    BaseLabels,
    BaseModels,
    BaseOntologies,
    BasePredictions,
    BaseSecrets,
    BaseVersions,
    Subject,
    overrides,
)
from dragoman.conformance.data import boxes, predicted
from dragoman.emulate import Answer, Live
from dragoman.errors import (
    AuthenticationError,
    Conflict,
    InvalidData,
    NotFound,
    PermissionDenied,
    PlatformError,
    RateLimited,
    Unavailable,
    Unsupported,
)
from dragoman.schema import Box, Dataset, Item, Label, Version


def refused(code: str, *, status: int | None = None, http: int = 200) -> Answer:
    """What Labelbox answers to refuse a call."""
    extensions = {"code": code, **({"exception": {"status": status}} if status else {})}
    body = {"errors": [{"message": f"Refused as {code}.", "extensions": extensions}], "data": None}
    return Answer(http, body=msgspec.json.encode(body).decode())


class Labelbox(Subject):
    """How the kit reaches Labelbox."""

    platform = "labelbox"
    faults = {
        AuthenticationError: refused("AUTHENTICATION_ERROR", http=401),
        PermissionDenied: refused("AUTHORIZATION_ERROR"),
        NotFound: refused("RESOURCE_NOT_FOUND"),
        Conflict: refused("RESOURCE_CONFLICT"),
        InvalidData: refused("INTERNAL_SERVER_ERROR", status=422),
        RateLimited: Answer(429, headers={"Retry-After": "3"}, body='{"message": "You have exceeded your rate."}'),
        Unavailable: Answer(503),
        PlatformError: Answer(200, body="<html>"),
    }

    def settings(self, live: Live[Any] | None, folder: Path) -> dict[str, Any]:
        assert live is not None
        return {"endpoint": f"{live.url}/graphql", "rest_endpoint": f"{live.url}/api/v1", **live.credentials}


class TestContract(Labelbox, BaseContract):
    pass


class TestModels(Labelbox, BaseModels):
    pass


class TestVersions(Labelbox, BaseVersions):
    pass


class TestDatasets(Labelbox, BaseDatasets):
    pass


class TestOntologies(Labelbox, BaseOntologies):
    pass


class TestLabels(Labelbox, BaseLabels):
    @overrides("Labelbox changes no single annotation; the row is rejected and says so.")
    def test_an_update_overwrites_the_label_of_that_id(
        self, backend: Adapter, dataset: Dataset, items: list[Item]
    ) -> None:
        (sent,) = boxes(1, items[0])
        backend.labels.write([sent], dataset=dataset)
        moved = Label(sent.item, sent.feature, Box(9, 9, 3, 3), id=sent.id)
        (outcome,) = backend.labels.write([moved], dataset=dataset, update=True)
        assert (outcome.status, "changes no annotation" in (outcome.reason or "")) == ("rejected", True)
        assert [label.geometry for label in backend.labels.read(dataset)] == [sent.geometry]


class TestPredictions(Labelbox, BasePredictions):
    @overrides("Labelbox deletes predictions by data row, not one by one.")
    def test_deleted_predictions_are_gone(
        self, backend: Adapter, dataset: Dataset, version: Version, items: list[Item]
    ) -> None:
        sent = predicted(3, items[0])
        backend.predictions.write(sent, version=version, dataset=dataset)
        with pytest.raises(Unsupported, match="no single prediction"):
            backend.predictions.delete(version, dataset=dataset, ids=[sent[0].id])
        backend.predictions.delete(version, dataset=dataset)
        assert list(backend.predictions.read(version, dataset=dataset)) == []
        assert dict(backend.predictions.write(sent, version=version, dataset=dataset).counts) == {"created": 3}


class TestInference(Labelbox, BaseInference):
    @pytest.fixture
    def ready(self, backend: Any, dataset: Dataset) -> Version:
        """A Foundry app, which stands for a version that can predict; people make it on the platform."""
        ontology = backend.projects.of(dataset.id).ontology()
        classes = {tool["name"]: tool["featureSchemaId"] for tool in ontology.normalized["tools"]}
        made = App(model_id="m", name="app", inference_params={}, class_to_schema_id=classes, ontology_id=ontology.uid)
        return Version(id=FoundryClient(backend.client)._create_app(made).id, model="", name=made.name)


class TestEvaluations(Labelbox, BaseEvaluations):
    pass


class TestHandoff(Labelbox, BaseHandoff):
    @pytest.fixture
    def project(self, backend: Any) -> str:
        """A project of the platform with an ontology."""
        target = backend.datasets.create("target")
        backend.ontologies.create(self.ontology(type(backend)), dataset=target)
        return str(backend.projects.of(target.id).uid)

    def received(self, backend: Any, live: Live[Any] | None, project: str) -> set[str]:
        assert live is not None
        rows = {row for batch in live.state.projects[project].batches.values() for row in batch.row_ids}
        return {live.state.rows[row].global_key for row in rows}


class TestFidelity(Labelbox, BaseFidelity):
    pass


class TestFailures(Labelbox, BaseFailures):
    pass


class TestSecrets(Labelbox, BaseSecrets):
    pass
