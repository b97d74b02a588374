"""Versions on a server: what its repository has of a model."""

from __future__ import annotations

from typing import Any

from dragoman.calls.pipeline import Page
from dragoman.capability import Gap
from dragoman.errors import Unsupported
from dragoman.interface import Versions
from dragoman.schema import Version
from dragoman_openinference.facts import Entry, Place, by_age
from dragoman_openinference.models import FILES, described


class ServedVersions(Versions):
    """Versions through the repository's index and the versions' metadata. Their ids are NAME/VERSION."""

    _adapter: Any

    _create = Gap.impossible(FILES)

    def _get(self, version: str) -> Version:
        place = Place.of(version)
        facts = self._adapter.server.model(place)
        return Version(
            id=str(place),
            model=place.model,
            name=place.version or "",
            metadata=described(facts) | {"state": "READY" if self._adapter.server.ready(place) else "UNAVAILABLE"},
        )

    def _list(self, model: str, cursor: str | None, size: int) -> Page[Version]:
        facts = self._adapter.server.model(Place.of(model))
        return Page([_listed(entry) for entry in self._entries(facts.name, facts.versions)])

    def _entries(self, model: str, versions: list[str]) -> list[Entry]:
        try:
            found = [entry for entry in self._adapter.server.index() if entry.name == model]
        except Unsupported:
            # Without a repository to look into, the metadata may name the versions.
            found = [Entry(model, version) for version in versions or [""]]
        return sorted(found, key=by_age)

    _update = Gap.impossible(FILES)
    _delete = Gap.impossible(FILES, instead="repository.unload, after which the model takes no more requests")
    _download_weights = Gap.impossible("The protocol moves tensors; weights stay where the server is.")
    _upload_weights = Gap.impossible("The protocol moves tensors; weights come to the server by other ways.")
    _data = Gap.impossible("A server does not know what a model was trained on.")


def _listed(entry: Entry) -> Version:
    facts = {"state": entry.condition, "reason": entry.reason}
    return Version(
        id=str(Place(entry.name, entry.version or None)),
        model=entry.name,
        name=entry.version,
        metadata={name: value for name, value in facts.items() if value},
    )
