"""Versions on Label Studio: the names of model versions that predictions of a project have.

A version's id is `"<project>:<name>"`. Where a project is known anyway, as in `predictions.write`, the name will do.
"""

from __future__ import annotations

from typing import Any

from dragoman.calls.pipeline import Page
from dragoman.capability import Gap
from dragoman.errors import NotFound
from dragoman.interface import Versions
from dragoman.schema import Version
from dragoman_labelstudio.drafts import clear, versions_in
from dragoman_labelstudio.wire import Counted

_A_NAME = "A version of Label Studio is a name on predictions, and nothing is kept of it."


class LabelStudioVersions(Versions):
    """Versions through a project's `model-versions`."""

    _adapter: Any

    _create = Gap.impossible(_A_NAME, instead="predictions.write with the name as the version")

    def _get(self, version: str) -> Version:
        project, name = project_in(version), name_of(version)
        if project is not None:
            for counted in versions_in(self._adapter.client, project):
                if counted.model_version == name:
                    return _version_in(project, counted)
        raise NotFound(f"No prediction of Label Studio names the version {version!r}.")

    def _list(self, model: str, cursor: str | None, size: int) -> Page[Version]:
        found = [_version_in(model, counted) for counted in versions_in(self._adapter.client, model)]
        start = int(cursor or 0)
        end = start + size
        return Page(found[start:end], str(end) if end < len(found) else None)

    _update = Gap.impossible(_A_NAME)

    def _delete(self, version: str) -> None:
        found = self._get(version)
        clear(self._adapter.client, found.model, found.name)

    _download_weights = Gap.impossible("Label Studio stores no weights.")
    _upload_weights = Gap.impossible("Label Studio stores no weights.")
    _data = Gap.impossible("Label Studio does not know what a version was trained on.")


def project_in(version: str) -> str | None:
    """Return the project that a version's id names, or None for a name alone."""
    head, mark, _ = version.partition(":")
    return head if mark and head.isascii() and head.isdigit() else None


def name_of(version: str) -> str:
    """Return the name of a version."""
    return version if project_in(version) is None else version.partition(":")[2]


def _version_in(project: str, counted: Counted) -> Version:
    name = counted.model_version or ""
    return Version(id=f"{project}:{name}", model=project, name=name, dataset=project, created_at=counted.latest)
