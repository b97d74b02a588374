"""Predictions under a name of ours that are about to become annotations, and the other model versions of a project."""

from __future__ import annotations

from dragoman_labelstudio.client import LabelStudioClient
from dragoman_labelstudio.projects import path_of
from dragoman_labelstudio.tasks import PREDICTED, page
from dragoman_labelstudio.wire import Counted, ModelVersions

DRAFT = "dragoman draft "
"""How the names begin under which labels are on their way. Those of a run that was ended are deleted by the next."""
_TASKS = 100
"""Tasks that are looked through at once."""


def versions_in(client: LabelStudioClient, dataset: str) -> list[Counted]:
    """Return the model versions that predictions of a project name, the oldest first."""
    return [counted for counted in _all(client, dataset) if not (counted.model_version or "").startswith(DRAFT)]


def drafts_in(client: LabelStudioClient, dataset: str) -> list[str]:
    """Return the names of drafts that are there."""
    names = (counted.model_version or "" for counted in _all(client, dataset))
    return [name for name in names if name.startswith(DRAFT)]


def clear(client: LabelStudioClient, dataset: str, version: str) -> None:
    """Delete the predictions of a model version; none is fine."""
    if version:
        client.delete(f"{path_of(dataset)}model-versions/", {"model_version": version})
    else:
        _clear_unnamed(client, dataset)


def _clear_unnamed(client: LabelStudioClient, dataset: str) -> None:
    """Delete the predictions that name no model version, which Label Studio does one by one only."""
    last = 0
    while tasks := page(client, dataset, last, _TASKS, PREDICTED):
        for prediction in (one for task in tasks for one in task.predictions if not one.version):
            client.delete(f"api/predictions/{prediction.id}/")
        last = tasks[-1].id


def _all(client: LabelStudioClient, dataset: str) -> list[Counted]:
    found = client.get(f"{path_of(dataset)}model-versions/", ModelVersions, {"extended": "true"}).static
    return sorted(found, key=lambda counted: (counted.latest is None, counted.latest, counted.model_version))
