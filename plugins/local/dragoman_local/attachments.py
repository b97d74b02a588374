"""Attachments on the local backend: a project is a dataset, and features are mapped to those of its ontology."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from dragoman.calls.pipeline import Page
from dragoman.errors import InvalidData, NotFound
from dragoman.interface import Attachments
from dragoman.schema import AttachedVersions, Attachment
from dragoman_local.home import Home, home_of


class LocalAttachments(Attachments):
    """Keeps attachments in the state. `project` is the id of a dataset."""

    def _attach(self, model: str, project: str, features: dict[str, str], versions: AttachedVersions) -> Attachment:
        home = home_of(self)
        _check_features(home, project, features)
        return home.attachments.add(
            Attachment(id="", model=model, project=project, features=features, versions=versions)
        )

    def _list(self, project: str, cursor: str | None, size: int) -> Page[Attachment]:
        return home_of(self).attachments.of_dataset(project, cursor, size)

    def _update(self, attachment: str, changes: Mapping[str, Any]) -> Attachment:
        home = home_of(self)
        if "features" in changes:
            _check_features(home, home.attachments.get(attachment).project, changes["features"])
        return home.attachments.change(attachment, changes)

    def _detach(self, attachment: str) -> None:
        home_of(self).attachments.drop(attachment)


def _check_features(home: Home, dataset: str, features: Mapping[str, str]) -> None:
    """Refuse a mapping to features that the dataset's ontology, where it has one, does not know."""
    try:
        known = {feature.name for feature in home.catalog.ontology(dataset).features}
    except NotFound:
        home.catalog.dataset(dataset)
        return
    for feature in features.values():
        if feature not in known:
            raise InvalidData(
                f"The project knows no feature {feature!r}.",
                hint=f"It knows: {', '.join(sorted(known))}.",
                field="features",
            )
