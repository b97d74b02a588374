"""Versions on Synapse: entries of the model list that name their model, those that plugins trained among them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from dragoman.calls.pipeline import Page
from dragoman.errors import NotFound
from dragoman.interface import Versions
from dragoman.schema import Item, Version
from dragoman_synapse.client import SynapseRefused
from dragoman_synapse.entries import Entry, model_in, version_facts, version_in
from dragoman_synapse.uploads import OnProgress


class SynapseVersions(Versions):
    """Versions through the calls for models; the file of one through the chunked upload."""

    _adapter: Any

    def _create(self, version: Version) -> Version:
        model = model_in(self._adapter.entries.get(version.model))
        return version_in(self._adapter.entries.create(wire_name(model.name, version.name), version_facts(version)))

    def _get(self, version: str) -> Version:
        return version_in(self._adapter.entries.get(version))

    def _list(self, model: str, cursor: str | None, size: int) -> Page[Version]:
        model_in(self._adapter.entries.get(model))
        # Synapse does not know which entries belong together, so all are looked at.
        return Page(list(map(version_in, self.of(model))))

    def of(self, model: str) -> list[Entry]:
        """Return the entries of a model's versions, the oldest first."""
        entries = (entry for entry in self._adapter.entries.all() if entry.is_version)
        return sorted((entry for entry in entries if version_in(entry).model == model), key=lambda entry: int(entry.id))

    def _update(self, version: str, changes: dict[str, Any]) -> Version:
        entry = self._adapter.entries.get(version)
        before = version_in(entry)
        facts = {name: list(value) if name == "tags" else value for name, value in changes.items()}
        renamed = None
        if "name" in changes and before.model != entry.id:
            renamed = wire_name(self._adapter.entries.get(before.model).name, changes["name"])
        return version_in(self._adapter.entries.change(entry, facts, name=renamed))

    def _delete(self, version: str) -> None:
        entry = self._adapter.entries.get(version)
        version_in(entry)
        self.forget(entry)

    def forget(self, entry: Entry) -> None:
        """Delete the entry of a version, and that of its file."""
        if entry.weights != entry.id:
            self._without(entry.weights)
        self._adapter.entries.delete(entry.id)

    def _download_weights(self, version: str, path: Path) -> Path:
        entry = self._adapter.entries.get(version)
        version_in(entry)
        held = entry if entry.weights == entry.id else self._adapter.entries.get(entry.weights)
        if not held.file:
            raise NotFound(f"The version {version} has no weights.", hint="versions.upload_weights gives it some.")
        saved: Path = self._adapter.client.download(held.file, path)
        return saved

    def _upload_weights(self, version: str, path: Path) -> Version:
        return self.store_weights(version, path, None)

    def store_weights(self, version: str, path: Path, on_progress: OnProgress | None) -> Version:
        """Store a file with a version; see `upload_weights`."""
        entry = self._adapter.entries.get(version)
        version_in(entry)
        upload = self._adapter.send_file(path, on_progress)
        name = f"{entry.name} / weights {upload[:8]}"
        held = self._adapter.entries.create_once(name, {"weights_of": entry.id}, upload=upload)
        try:
            changed = version_in(self._adapter.entries.change(entry, {"weights": held.id}))
        except SynapseRefused:
            self._without(held.id)
            raise
        if entry.weights not in (entry.id, held.id):
            self._without(entry.weights)
        self._adapter.uploads.forget(path.resolve())
        return changed

    def _without(self, key: str) -> None:
        """Delete the entry of a file; one that is gone already is no matter."""
        try:
            self._adapter.entries.delete(key)
        except SynapseRefused as refusal:
            if refusal.status != 404:
                raise

    def _data(self, version: str, cursor: str | None, size: int) -> Page[Item]:
        found = version_in(self._adapter.entries.get(version))
        dataset = found.dataset or self._ancestry(version)
        if dataset is None:
            return Page([])
        page: Page[Item] = self._adapter.datasets._read_items(dataset, cursor, size)
        return page

    def _ancestry(self, version: str) -> str | None:
        """Return the dataset with the version that Synapse itself knows a version to be trained on, if it does."""
        known = self._adapter.client.get(f"v2/models/{version}/lineage/")["data"].get("dataset_version")
        return f"{known['ground_truth_dataset_id']}@{known['id']}" if known else None


def wire_name(model: str, version: str) -> str:
    """Return the name of a version's entry: names are unique in a tenant, those of versions within their model."""
    return f"{model} / {version}"
