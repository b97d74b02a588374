"""Versions on Nucleus: model runs (`run_` ids), each of one model over one or more datasets."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import requests

from dragoman.calls.pipeline import Page
from dragoman.capability import Gap
from dragoman.interface import Versions
from dragoman.schema import Item, Version
from dragoman_nucleus.codec import joined, parted
from dragoman_nucleus.listing import page_of_items
from dragoman_nucleus.registry import download_weights, upload_weights


class NucleusVersions(Versions):
    """Runs through the routes of `model.create_run` and `ModelRun`, whose own calls warn that they are deprecated."""

    _adapter: Any

    def _create(self, version: Version) -> Version:
        client = self._adapter.client
        ours = {"config": version.config, "tags": list(version.tags), "dataset": version.dataset}
        metadata = joined(version.metadata, {name: value for name, value in ours.items() if value})
        model = client.get_model(model_id=version.model)
        if version.dataset is None:
            return version.model_copy(update={"id": model.create_run(version.name, metadata=metadata).model_run_id})
        payload = {"name": version.name, "reference_id": model.reference_id, "metadata": metadata}
        answer = client.make_request(payload, f"dataset/{version.dataset}/modelRun/create")
        return version.model_copy(update={"id": answer["model_run_id"]})

    def _get(self, version: str) -> Version:
        info = self._adapter.client.make_request(None, f"modelRun/{version}/info", requests.get)
        metadata, ours = parted(info.get("metadata") or {})
        return Version(
            id=version,
            model=info["model_id"],
            name=info.get("name") or "",
            dataset=ours.get("dataset"),
            config=ours.get("config", {}),
            tags=tuple(ours.get("tags", ())),
            metadata=metadata,
        )

    def _list(self, model: str, cursor: str | None, size: int) -> Page[Version]:
        # The listing has ids only; each run is then asked for.
        runs = self._adapter.client.get_model(model_id=model).model_runs()
        start = int(cursor or 0)
        end = start + size
        return Page([self._get(run) for run in runs[start:end]], str(end) if end < len(runs) else None)

    _update = Gap.impossible("Nucleus changes no run once it is made.", instead="versions.create")

    def _delete(self, version: str) -> None:
        # The SDK marks its own call for this route as deprecated; the run-based routes have no successor.
        self._adapter.client.connection.delete(f"modelRun/{version}")

    def _download_weights(self, version: str, path: Path) -> Path:
        return download_weights(self._adapter.client, self._get(version).model, version, path)

    def _upload_weights(self, version: str, path: Path) -> Version:
        found = self._get(version)
        upload_weights(self._adapter.client, found.model, version, path)
        return found

    def _data(self, version: str, cursor: str | None, size: int) -> Page[Item]:
        """Items of the slices that the model was trained on; the split of each is its own, or the slice's name."""
        client = self._adapter.client
        slices = client.get_model(model_id=self._get(version).model).trained_slice_ids or []
        if not slices:
            return Page([])
        number, token = int((cursor or "0").partition(":")[0]), (cursor or "").partition(":")[2] or None
        page = page_of_items(client, f"slice/{slices[number]}", token, size)
        name = client.make_request(None, f"slice/{slices[number]}/info", requests.get)["name"]
        items = [item if item.split else msgspec.structs.replace(item, split=name) for item in page.items]
        if page.next is not None:
            return Page(items, f"{number}:{page.next}")
        return Page(items, f"{number + 1}:" if number + 1 < len(slices) else None)
