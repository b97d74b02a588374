"""Routes about datasets as such: creation, properties, tags, taxonomies, class labels."""

from __future__ import annotations

from typing import Any, Literal

import msgspec
from starlette.requests import Request
from starlette.routing import Route

from dragoman.emulate.app import ApiError, read_json
from dragoman_nucleus.emulator.datasets import Dataset
from dragoman_nucleus.emulator.exports import class_labels
from dragoman_nucleus.emulator.routes.names import TAGS, added, delete, get, post
from dragoman_nucleus.emulator.rows import Category, MultiCategory, Row
from dragoman_nucleus.emulator.state import State


class NewDataset(msgspec.Struct):
    name: str
    is_scene: bool = False
    use_privacy_mode: bool = False
    item_metadata_schema: dict[str, Any] | None = None
    annotation_metadata_schema: dict[str, Any] | None = None


class NewTaxonomy(msgspec.Struct):
    taxonomy_name: str
    type: Literal["category"]
    labels: list[str]
    update: bool = False


NEW_DATASET = msgspec.json.Decoder(NewDataset)
NEW_TAXONOMY = msgspec.json.Decoder(NewTaxonomy)


class Datasets:
    """The handlers of this module."""

    def __init__(self, state: State) -> None:
        self._state = state

    def routes(self) -> list[Route]:
        return [
            get("dataset/", self.ids),
            get("dataset/details", self.details),
            post("dataset/create", self.create),
            delete("dataset/{dataset}", self.delete),
            get("dataset/{dataset}/name", self.name),
            get("dataset/{dataset}/is_scene", self.is_scene),
            get("dataset/{dataset}/use_privacy_mode", self.use_privacy_mode),
            get("dataset/{dataset}/info", self.info),
            get("dataset/{dataset}/size", self.size),
            get("dataset/{dataset}/model_runs", self.model_runs),
            get("dataset/{dataset}/tags", self.tags),
            post("dataset/{dataset}/tags", self.add_tags),
            delete("dataset/{dataset}/tags", self.remove_tags),
            post("dataset/{dataset}/add_taxonomy", self.add_taxonomy),
            delete("dataset/{dataset}/taxonomy/{taxonomy:text}", self.delete_taxonomy),
            get("dataset/{dataset}/class_labels", self.class_labels),
            get("dataset/{dataset}/labelSchema", self.label_schema),
        ]

    def _named(self, request: Request) -> Dataset:
        return self._state.dataset(request.path_params["dataset"])

    async def ids(self, request: Request) -> object:
        return list(self._state.datasets)

    async def details(self, request: Request) -> object:
        datasets = self._state.datasets.values()
        return [{"id": dataset.id, "name": dataset.name, "is_public": False} for dataset in datasets]

    async def create(self, request: Request) -> object:
        wanted = await read_json(request, NEW_DATASET)
        dataset = Dataset(id=self._state.ids.new("ds"), **msgspec.structs.asdict(wanted))
        self._state.datasets[dataset.id] = dataset
        return {"dataset_id": dataset.id}

    async def delete(self, request: Request) -> object:
        dataset = self._named(request)
        self._state.forget_dataset(dataset)
        return {"message": "Beginning dataset deletion..."}

    async def name(self, request: Request) -> object:
        return {"name": self._named(request).name}

    async def is_scene(self, request: Request) -> object:
        return {"is_scene": self._named(request).is_scene}

    async def use_privacy_mode(self, request: Request) -> object:
        return {"use_privacy_mode": self._named(request).use_privacy_mode}

    async def info(self, request: Request) -> object:
        dataset = self._named(request)
        return {
            "dataset_id": dataset.id,
            "name": dataset.name,
            "length": len(dataset.items),
            "model_run_ids": [run.id for run in self._state.runs_on(dataset.id)],
            "slice_ids": [part.id for part in self._state.slices_of(dataset.id)],
            "item_metadata_schema": dataset.item_metadata_schema,
            "annotation_metadata_schema": dataset.annotation_metadata_schema,
            "tags": dataset.tags,
        }

    async def size(self, request: Request) -> object:
        return {"count": len(self._named(request).items)}

    async def model_runs(self, request: Request) -> object:
        return [run.id for run in self._state.runs_on(self._named(request).id)]

    async def tags(self, request: Request) -> object:
        return {"tags": self._named(request).tags}

    async def add_tags(self, request: Request) -> object:
        dataset = self._named(request)
        dataset.tags = added(dataset.tags, (await read_json(request, TAGS)).tags)
        return {"tags": dataset.tags}

    async def remove_tags(self, request: Request) -> object:
        dataset = self._named(request)
        gone = (await read_json(request, TAGS)).tags
        dataset.tags = [tag for tag in dataset.tags if tag not in gone]
        return {"tags": dataset.tags}

    async def add_taxonomy(self, request: Request) -> object:
        dataset = self._named(request)
        wanted = await read_json(request, NEW_TAXONOMY)
        exists = wanted.taxonomy_name in dataset.taxonomies
        if exists and not wanted.update:
            status = "Taxonomy already exists"
        else:
            # Labels of a taxonomy are only ever added.
            known = dataset.taxonomies[wanted.taxonomy_name]["labels"] if exists else []
            labels = added(known, wanted.labels)
            dataset.taxonomies[wanted.taxonomy_name] = {"type": wanted.type, "labels": labels}
            status = "Taxonomy updated" if exists else "Taxonomy created"
        return {"dataset_id": dataset.id, "taxonomy_name": wanted.taxonomy_name, "status": status}

    async def delete_taxonomy(self, request: Request) -> object:
        dataset = self._named(request)
        name = request.path_params["taxonomy"]
        if dataset.taxonomies.pop(name, None) is None:
            raise ApiError(404, f"Taxonomy {name} does not exist.")
        self._discard_categories(dataset, name)
        return {"dataset_id": dataset.id, "taxonomy_name": name, "status": "Taxonomy successfully deleted"}

    def _discard_categories(self, dataset: Dataset, taxonomy: str) -> None:
        """Delete the annotations and predictions that belong to a taxonomy."""

        def belongs(row: Row) -> bool:
            return isinstance(row, Category | MultiCategory) and row.taxonomy_name == taxonomy

        for store in self._state.stores_of(dataset):
            store.discard_where(belongs, [target.id for target in dataset.targets()])

    async def class_labels(self, request: Request) -> object:
        return {"data": class_labels(self._named(request).ground_truth)}

    async def label_schema(self, request: Request) -> object:
        dataset = self._named(request)
        runs = self._state.runs_on(dataset.id)
        stores = [*(run.predictions for run in runs), *(model.predictions for model in self._state.models.values())]
        predictions = (row for store in stores for item in dataset.items for row in store.on(item.id))
        return {"gt_labels": class_labels(dataset.ground_truth), "prediction_labels": class_labels(predictions)}
