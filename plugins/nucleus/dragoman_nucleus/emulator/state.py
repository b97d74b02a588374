"""What an emulated Nucleus account holds: models, runs, datasets with their items, and slices.

Plain objects that tests may look at (`emulation.state.datasets[...]`). Lookups by id raise the refusal that
a client gets. All changes happen on the one loop of the server; jobs and uploaded files have their own
modules.
"""

from __future__ import annotations

import bisect
import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, TypeVar

from dragoman.emulate.app import ApiError
from dragoman.emulate.clock import Clock
from dragoman.emulate.emulation import Settings
from dragoman_nucleus.emulator.blobs import Blobs
from dragoman_nucleus.emulator.ids import Ids
from dragoman_nucleus.emulator.jobs import Jobs
from dragoman_nucleus.emulator.rows import Row, Rows

T = TypeVar("T")
Json = dict[str, Any]


@dataclass(kw_only=True)
class Model:
    """A registered model. `predictions` are those uploaded without a run."""

    id: str
    name: str
    reference_id: str
    metadata: Json
    bundle_name: str | None = None
    tags: list[str] = field(default_factory=list)
    trained_slice_ids: list[str] = field(default_factory=list)
    predictions: Rows = field(default_factory=Rows)

    def to_json(self) -> Json:
        return {
            "id": self.id,
            "name": self.name,
            "ref_id": self.reference_id,
            "metadata": self.metadata,
            "tags": self.tags,
            "trained_slice_ids": self.trained_slice_ids,
        }


@dataclass(kw_only=True)
class Run:
    """One run of a model over the items of one or more datasets."""

    id: str
    model_id: str
    name: str | None = None
    reference_id: str | None = None
    metadata: Json = field(default_factory=dict)
    dataset_ids: list[str] = field(default_factory=list)
    status: str = "pending"
    matching: Json | None = None
    """Options of the latest commit; `None` before the first."""
    trained_slice_id: str | None = None
    predictions: Rows = field(default_factory=Rows)

    def cover(self, dataset_id: str) -> None:
        """Widen the run to a dataset."""
        if dataset_id not in self.dataset_ids:
            self.dataset_ids.append(dataset_id)


@dataclass(kw_only=True)
class Item:
    """One image. `number` orders the items of a dataset and never changes."""

    number: int
    id: str
    dataset_id: str
    reference_id: str
    image_url: str
    metadata: Json
    width: int | None = None
    height: int | None = None
    embedding_info: Json | None = None

    def to_json(self) -> Json:
        """Return the item as it is shown; the platform does not give size and embedding back."""
        return {
            "id": self.id,
            "dataset_item_id": self.id,
            "reference_id": self.reference_id,
            "image_url": self.image_url,
            "original_image_url": self.image_url,
            "metadata": self.metadata,
        }


class Items:
    """The items of one dataset, by reference id, by id and in a stable order."""

    def __init__(self) -> None:
        self.by_reference: dict[str, Item] = {}
        self.by_id: dict[str, Item] = {}
        self._ordered: list[Item] = []
        self._numbers = itertools.count(1)

    def __len__(self) -> int:
        return len(self._ordered)

    def __iter__(self) -> Iterator[Item]:
        return iter(self._ordered)

    def next_number(self) -> int:
        return next(self._numbers)

    def add(self, item: Item) -> None:
        self._ordered.append(item)
        self.by_reference[item.reference_id] = item
        self.by_id[item.id] = item

    def remove(self, item_ids: set[str]) -> None:
        for item_id in item_ids:
            del self.by_reference[self.by_id.pop(item_id).reference_id]
        self._ordered = [item for item in self._ordered if item.id not in item_ids]

    def reference(self, reference_id: str) -> Item:
        return _found(self.by_reference, reference_id, "Item with reference id")

    def id(self, item_id: str) -> Item:
        return _found(self.by_id, item_id, "Item with id")

    def at(self, position: int) -> Item:
        if not 0 <= position < len(self._ordered):
            raise ApiError(404, f"Item number {position} does not exist.")
        return self._ordered[position]

    def ordered(self) -> list[Item]:
        return self._ordered


@dataclass(kw_only=True)
class Dataset:
    id: str
    name: str
    is_scene: bool = False
    use_privacy_mode: bool = False
    item_metadata_schema: Json | None = None
    annotation_metadata_schema: Json | None = None
    tags: list[str] = field(default_factory=list)
    taxonomies: dict[str, Json] = field(default_factory=dict)
    items: Items = field(default_factory=Items)
    ground_truth: Rows = field(default_factory=Rows)

    def find(self, row: Row) -> Item | None:
        """Return the item that a row is for, or `None`; an item id goes before a reference id."""
        if row.item_id is not None:
            return self.items.by_id.get(row.item_id)
        return self.items.by_reference.get(row.reference_id) if row.reference_id is not None else None


@dataclass(kw_only=True)
class Slice:
    """A named part of a dataset."""

    id: str
    name: str
    dataset_id: str
    created: datetime
    item_ids: set[str] = field(default_factory=set)
    tags: list[str] = field(default_factory=list)

    def to_json(self) -> Json:
        return {
            "id": self.id,
            "slice_id": self.id,
            "name": self.name,
            "dataset_id": self.dataset_id,
            "created_at": self.created.replace(tzinfo=None).isoformat() + "Z",
            "pending_job_count": 0,
            "type": "dataset_item",
            "description": None,
            "tags": self.tags,
        }


class State:
    """Everything that one emulated account holds."""

    def __init__(self, settings: Settings, clock: Clock) -> None:
        self.settings = settings
        self.clock = clock
        self.ids = Ids()
        self.blobs = Blobs()
        self.jobs = Jobs(self.ids, settings, clock)
        self.models: dict[str, Model] = {}
        self.runs: dict[str, Run] = {}
        self.datasets: dict[str, Dataset] = {}
        self.slices: dict[str, Slice] = {}

    def model(self, model_id: str) -> Model:
        return _found(self.models, model_id, "Model")

    def run(self, run_id: str) -> Run:
        return _found(self.runs, run_id, "Model run")

    def dataset(self, dataset_id: str) -> Dataset:
        return _found(self.datasets, dataset_id, "Dataset")

    def slice(self, slice_id: str) -> Slice:
        return _found(self.slices, slice_id, "Slice")

    def slice_items(self, chosen: Slice) -> list[Item]:
        """Return the items of a slice in the order of the dataset."""
        by_id = self.dataset(chosen.dataset_id).items.by_id
        return sorted((by_id[item_id] for item_id in chosen.item_ids), key=lambda item: item.number)

    def runs_on(self, dataset_id: str) -> list[Run]:
        """Return the runs that cover a dataset, oldest first."""
        return [run for run in self.runs.values() if dataset_id in run.dataset_ids]

    def latest_run(self, model_id: str, dataset_id: str) -> Run | None:
        """Return the run that the model-on-dataset routes mean, if there is one: the youngest."""
        runs = [run for run in self.runs_on(dataset_id) if run.model_id == model_id]
        return runs[-1] if runs else None

    def slices_of(self, dataset_id: str) -> list[Slice]:
        """Return the slices of a dataset, oldest first."""
        return [part for part in self.slices.values() if part.dataset_id == dataset_id]

    def forget_model(self, model: Model) -> None:
        """Delete a model with its runs."""
        del self.models[model.id]
        for run in [run for run in self.runs.values() if run.model_id == model.id]:
            del self.runs[run.id]

    def forget_dataset(self, dataset: Dataset) -> None:
        """Delete a dataset with its slices and all that hangs on its items; runs no longer cover it."""
        self.forget_items(dataset, list(dataset.items))
        for part in self.slices_of(dataset.id):
            del self.slices[part.id]
        for run in self.runs_on(dataset.id):
            run.dataset_ids.remove(dataset.id)
        del self.datasets[dataset.id]

    def forget_items(self, dataset: Dataset, items: Sequence[Item]) -> None:
        """Delete items with all that hangs on them: ground truth, predictions and places in slices."""
        stores = [dataset.ground_truth]
        stores += [run.predictions for run in self.runs_on(dataset.id)]
        stores += [model.predictions for model in self.models.values()]
        dataset.items.remove({item.id for item in items})
        for item in items:
            for store in stores:
                store.discard(item.id)
            for part in self.slices_of(dataset.id):
                part.item_ids.discard(item.id)


def page_of(items: Sequence[Item], token: str | None, size: int, limit: int | None) -> tuple[list[Item], str | None]:
    """Cut one page out of items that are sorted by number.

    Args:
        items: All items.
        token: Where the page before ended, as returned here; `None` for the first page.
        size: Page size that the client asks for.
        limit: Largest page that the server sends.

    Returns:
        The page, and the token of the next page or `None` after the last one. The token is the number of the
        last item, so items that are added or deleted between two pages move nothing.
    """
    if size < 1:
        raise ApiError(400, f"pageSize must be positive, not {size}.")
    if token is not None and not token.isdecimal():
        raise ApiError(400, f"pageToken {token} was not issued here.")
    start = bisect.bisect_right(items, int(token or 0), key=lambda item: item.number)
    end = start + min(size, limit or size)
    page = list(items[start:end])
    return page, str(page[-1].number) if end < len(items) else None


def _found(objects: dict[str, T], key: str, kind: str) -> T:
    if key not in objects:
        raise ApiError(404, f"{kind} {key} does not exist.")
    return objects[key]
