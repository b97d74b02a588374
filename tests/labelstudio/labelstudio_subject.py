"""Label Studio as the conformance kit's subject, for the real server and for what was recorded of it."""

from __future__ import annotations

from typing import Any

import pytest

from dragoman import Adapter, Dataset, Model, Version
from dragoman.conformance import Subject
from dragoman.emulate import Live


class LabelStudio(Subject):
    platform = "labelstudio"

    @pytest.fixture
    def model(self, dataset: Dataset) -> Model:
        """What predicts for the kit's project; Label Studio knows of it once there are predictions."""
        return Model(id=dataset.id, name=dataset.name)

    @pytest.fixture
    def version(self, backend: Adapter, model: Model) -> Version:
        """A version that no prediction names yet."""
        return Version(id=f"{model.id}:kit version", model=model.id, name="kit version")


class Handoff(LabelStudio):
    """What the kit's class about handoffs needs."""

    @pytest.fixture
    def project(self, backend: Adapter) -> str:
        """Another project, for annotators."""
        made = backend.datasets.create("for annotators")
        backend.ontologies.create(self.ontology(type(backend)), dataset=made)
        return made.id

    def received(self, backend: Any, live: Live[Any] | None, project: str) -> set[str]:
        return {item.key for item in backend.datasets.read_items(project)}


class Attachments(LabelStudio):
    """What the kit's class about attachments needs, but for the `model`: the address of a served one."""

    project_features = ("a box", "a box")

    @pytest.fixture
    def project(self, backend: Adapter) -> str:
        return backend.datasets.create("connected").id
