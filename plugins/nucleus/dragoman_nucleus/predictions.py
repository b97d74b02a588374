"""Predictions on Nucleus: rows of a model run on a dataset's items."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from functools import cached_property
from typing import Any

import requests

from dragoman.calls.pipeline import Page
from dragoman.capability import Gap
from dragoman.errors import NotFound
from dragoman.interface import Predictions
from dragoman.schema import Label, Prediction, RowResult
from dragoman_nucleus.codec import STEPS, escape
from dragoman_nucleus.listing import every_item, scene_keys
from dragoman_nucleus.store import SINGLY, UNSAFE, Store
from dragoman_nucleus.wire import FoundMask, Groups, OnItem, Ungrouped


class RunPredictions(Store):
    """Predictions of a run through the routes of `upload_predictions_for_model_run` and `ModelRun`."""

    noun = "prediction"
    kind = Prediction

    def __init__(self, adapter: Any, dataset: str, run: str) -> None:
        super().__init__(adapter, dataset)
        self.run = run
        self.upload = f"dataset/{dataset}/modelRun/{run}/uploadPredictions"

    def on_item(self, key: str) -> Groups:
        if self._only_here and not UNSAFE.intersection(key):
            return self.connection.read(OnItem, f"modelRun/{self.run}/refloc/{escape(key)}").annotations
        self.check(key)
        return self.export().where(lambda row: row.reference_id == key)

    def export(self) -> Groups:
        """Return all predictions of the run on the dataset, in one answer; Nucleus pages them only by slice.

        Those of a scene as a whole name its key alone: where two datasets of a run have it, both show them.
        """
        answer = self.connection.read(Ungrouped, f"modelRun/{self.run}/ungrouped")
        groups = answer.annotations or answer
        if self._only_here:
            return groups
        client, dataset = self.adapter.client, self.dataset
        ids = {item.id for item in every_item(client, dataset)}
        on_scenes = any(row.dataset_item_id is None for row in groups.category)
        scenes = scene_keys(client, dataset) if on_scenes else ()
        return groups.where(
            lambda row: row.reference_id in scenes if row.dataset_item_id is None else row.dataset_item_id in ids
        )

    def masks_on(self, keys: Iterable[str]) -> Iterator[tuple[str, Sequence[FoundMask] | None]]:
        asked = list(keys)
        if self._only_here and not any(map(UNSAFE.intersection, asked)):
            yield from super().masks_on(asked)
            return
        # `on_item` would ask for all predictions of the run for each of these.
        present = self.adapter.datasets._present(self.dataset, set(asked).difference(STEPS))
        found: dict[str | None, list[FoundMask]] = {}
        for mask in self.export().masks():
            found.setdefault(mask.reference_id, []).append(mask)
        for key in asked:
            yield key, found.get(key, []) if key in present else None

    @cached_property
    def _only_here(self) -> bool:
        """Whether the run covers this dataset and no other, so that a key means one item."""
        info = self.adapter.client.make_request(None, f"modelRun/{self.run}/info", requests.get)
        return bool(info.get("dataset_ids") == [self.dataset])

    def everything(self) -> Iterator[tuple[str | None, Groups]]:
        yield None, self.export()


class NucleusPredictions(Predictions):
    """Predictions of runs; see `RunPredictions`."""

    _adapter: Any

    def _write(self, version: str, dataset: str, rows: Sequence[Prediction], update: bool) -> list[RowResult]:
        return RunPredictions(self._adapter, dataset, version).write(rows, update=update)

    def _read(
        self, version: str, dataset: str, items: Sequence[str] | None, cursor: str | None, size: int
    ) -> Page[Label]:
        store = RunPredictions(self._adapter, dataset, version)
        if items is None:
            groups = store.export()
            rows = store.rows(groups, None)
            # Masks have to be fetched, which belongs to this call; the rest can be made as it is asked for.
            return Page(list(rows) if groups.masks() else rows)
        wanted = dict.fromkeys(items)
        if len(wanted) <= SINGLY and not any(map(UNSAFE.intersection, wanted)):
            return Page([row for key in wanted for row in store.of(key)])
        missing = wanted.keys() - {item.key for item in every_item(self._adapter.client, dataset)}
        if missing and (missing := missing - scene_keys(self._adapter.client, dataset)):
            raise NotFound(f"Dataset {dataset} has no item {min(missing)!r}.")
        return Page(list(store.all(wanted.keys())))

    def _find(self, version: str, dataset: str, rows: Sequence[Prediction]) -> list[RowResult | None]:
        return RunPredictions(self._adapter, dataset, version).find(rows)

    _delete = Gap.impossible("Nucleus deletes predictions only with their run.", instead="versions.delete")
