"""Models on Label Studio: it knows none. What predicts for a project counts as one, under the project's own id."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from dragoman.calls.pipeline import Page
from dragoman.capability import Gap
from dragoman.errors import NotFound
from dragoman.interface import Models
from dragoman.interface.models import select
from dragoman.schema import Dataset, Feature, Model, Task
from dragoman_labelstudio.client import LabelStudioClient
from dragoman_labelstudio.drafts import clear, versions_in
from dragoman_labelstudio.projects import OfProject, project_of

_NO_MODELS = "Label Studio stores no models, only the names of their versions on predictions."


class LabelStudioModels(Models):
    """Projects that have predictions, each as one model whose features are the project's."""

    _adapter: Any

    _create = Gap.impossible(_NO_MODELS, instead="predictions.write, or attachments.attach")

    def _get(self, model: str) -> Model:
        project = project_of(self._adapter.client, model)
        if not versions_in(self._adapter.client, model):
            raise NotFound(f"Project {model} has no predictions, and so no model.")
        return _model_in(self._adapter.client, project)

    def _list(self, query: str | None, order: str | None, cursor: str | None, size: int) -> Page[Model]:
        client = self._adapter.client
        page: Page[Dataset] = self._adapter.datasets._list(cursor, size) if order is None else self._all()
        predicted = [one.id for one in page.items if versions_in(client, one.id)]
        return Page(select([_model_in(client, project_of(client, one)) for one in predicted], query, order), page.next)

    def _all(self) -> Page[Dataset]:
        """Return all projects: what is sorted cannot be paged."""
        found: list[Dataset] = []
        cursor: str | None = None
        while True:
            page = self._adapter.datasets._list(cursor, self._adapter.limits.page_size)
            found += page.items
            if (cursor := page.next) is None:
                return Page(found)

    _update = Gap.impossible(_NO_MODELS)

    def _delete(self, model: str) -> None:
        """Delete all predictions of the project."""
        self._get(model)
        for counted in versions_in(self._adapter.client, model):
            clear(self._adapter.client, model, counted.model_version or "")


def _model_in(client: LabelStudioClient, project: OfProject) -> Model:
    features = project.ontology.features
    return Model(
        id=str(project.id),
        name=project.title,
        task=_task_of(features),
        features=tuple(feature.name for feature in features),
        # Two servers count their projects alike.
        key=f"labelstudio-{client.host}-{project.id}",
    )


def _task_of(features: Iterable[Feature]) -> Task:
    """Return what predicting such features is, by the most that they are drawn as."""
    kinds = {kind for feature in features for kind in feature.geometries}
    if kinds & {"mask", "polygon"}:
        return Task.INSTANCE_SEGMENTATION
    return Task.OBJECT_DETECTION if kinds - {"whole"} else Task.CLASSIFICATION
