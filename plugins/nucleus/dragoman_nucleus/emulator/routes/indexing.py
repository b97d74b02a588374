"""Routes about embeddings: indexes of images and objects, their progress, and exports of vectors."""

from __future__ import annotations

from functools import partial
from typing import Any

import msgspec
from starlette.requests import Request
from starlette.routing import Route

from dragoman.emulate.app import ApiError, read_json
from dragoman_nucleus.emulator.datasets import Dataset
from dragoman_nucleus.emulator.indexes import EmbeddingIndex, embeddings
from dragoman_nucleus.emulator.items import Item
from dragoman_nucleus.emulator.jobs import Outcome
from dragoman_nucleus.emulator.overlap import comparable
from dragoman_nucleus.emulator.phash import BITS
from dragoman_nucleus.emulator.routes.names import delete, get, post
from dragoman_nucleus.emulator.rows import Rows
from dragoman_nucleus.emulator.state import State
from dragoman_nucleus.emulator.wire import encode

IMAGE_JOB, OBJECT_JOB, CUSTOM_JOB = "indexingImage", "indexingObject", "customIndexing"
DELETION_JOB, EXPORT_JOB = "embeddingDelete", "exportEmbeddings"


class CustomIndex(msgspec.Struct):
    embeddings_urls: list[str]
    embedding_dimension: int


class ObjectIndex(msgspec.Struct):
    model_run_id: str | None = None
    ingest_gt_only: bool = False


class Level(msgspec.Struct):
    """Which indexes are meant."""

    image: bool
    custom: bool = False
    model_run_id: str | None = None


class Continuous(msgspec.Struct):
    enable: bool


CUSTOM_INDEX = msgspec.json.Decoder(CustomIndex)
OBJECT_INDEX = msgspec.json.Decoder(ObjectIndex)
LEVEL = msgspec.json.Decoder(Level)
CONTINUOUS = msgspec.json.Decoder(Continuous)


class Indexing:
    """The handlers of this module."""

    def __init__(self, state: State) -> None:
        self._state = state

    def routes(self) -> list[Route]:
        return [
            get("dataset/{dataset}/embeddingIndexes", self.all),
            post("indexing/{dataset}", self.create_custom),
            delete("indexing/{dataset}", self.delete_custom),
            post("indexing/{dataset}/setPrimary", self.set_primary),
            post("indexing/{dataset}/setContinuous", self.set_continuous),
            post("indexing/{dataset}/internal/image", self.create_image),
            post("indexing/{dataset}/internal/object", self.create_object),
            post("dataset/{dataset}/indexingStatus", self.status),
            get("dataset/{dataset}/embeddings", self.of_dataset),
            get("slice/{slice}/embeddings", self.of_slice),
            post("dataset/{source}/async_export_embeddings", self.export),
        ]

    def _named(self, request: Request) -> Dataset:
        return self._state.dataset(request.path_params["dataset"])

    async def all(self, request: Request) -> object:
        return {"embedding_indexes": [index.to_json() for index in self._named(request).indexes]}

    def _index(self, dataset: Dataset, level: str, kind: str, dimension: int, run_id: str | None) -> EmbeddingIndex:
        """Return the index of a kind, made if there is none."""
        for index in dataset.indexes:
            if (index.level, index.type, index.run_id) == (level, kind, run_id):
                return index
        index = EmbeddingIndex(
            id=self._state.ids.new("idx"), level=level, type=kind, dimension=dimension, run_id=run_id
        )
        dataset.indexes.append(index)
        return index

    async def create_custom(self, request: Request) -> object:
        """Make an index of embeddings at URLs. They are not fetched, so it holds none."""
        dataset = self._named(request)
        wanted = await read_json(request, CUSTOM_INDEX)
        index = self._index(dataset, "Image", "Custom", wanted.embedding_dimension, None)

        def finish() -> Outcome:
            index.status = "Completed"
            return Outcome({"index_id": index.id, "embedding_count": 0})

        return self._state.jobs.submit(CUSTOM_JOB, dataset.id, finish)

    async def delete_custom(self, request: Request) -> object:
        dataset = self._named(request)
        level = "Image" if (await read_json(request, LEVEL)).image else "Object"

        def remove() -> Outcome:
            dataset.indexes = [one for one in dataset.indexes if (one.level, one.type) != (level, "Custom")]
            return Outcome({"dataset_id": dataset.id})

        job = self._state.jobs.submit(DELETION_JOB, dataset.id, remove)
        return {"dataset_id": dataset.id, "job_id": job["job_id"], "message": "Deleting the custom index."}

    async def set_primary(self, request: Request) -> object:
        dataset = self._named(request)
        wanted = await read_json(request, LEVEL)
        kind = ("Image" if wanted.image else "Object", "Custom" if wanted.custom else "Internal")
        if kind not in {(index.level, index.type) for index in dataset.indexes}:
            raise ApiError(400, f"Dataset {dataset.id} has no such index.")
        return {"success": True}

    async def set_continuous(self, request: Request) -> object:
        dataset = self._named(request)
        dataset.continuous_indexing = (await read_json(request, CONTINUOUS)).enable
        state = "enabled" if dataset.continuous_indexing else "disabled"
        answer = {"dataset_id": dataset.id, "message": f"Continuous indexing {state}."}
        return answer | (self._cover_images(dataset) if dataset.continuous_indexing else {})

    async def create_image(self, request: Request) -> object:
        return self._cover_images(self._named(request))

    def _cover_images(self, dataset: Dataset) -> dict[str, str]:
        index = self._index(dataset, "Image", "Internal", BITS, None)

        def cover() -> Outcome:
            index.covered = frozenset(item.id for item in dataset.items if item.image_url is not None)
            index.status = "Completed"
            return Outcome({"index_id": index.id, "embedding_count": len(index.covered)})

        return self._state.jobs.submit(IMAGE_JOB, dataset.id, cover)

    async def create_object(self, request: Request) -> object:
        dataset = self._named(request)
        wanted = await read_json(request, OBJECT_INDEX)
        if (wanted.model_run_id is None) != wanted.ingest_gt_only:
            raise ApiError(400, "Either model_run_id or ingest_gt_only is needed.")
        rows = self._objects(dataset, wanted.model_run_id)
        index = self._index(dataset, "Object", "Internal", BITS, wanted.model_run_id)
        work = partial(self._cover_objects, dataset, index, rows)
        return self._state.jobs.submit(OBJECT_JOB, dataset.id, work)

    def _objects(self, dataset: Dataset, run_id: str | None) -> Rows:
        return dataset.ground_truth if run_id is None else self._state.run(run_id).predictions

    def _cover_objects(self, dataset: Dataset, index: EmbeddingIndex, rows: Rows) -> Outcome:
        keys = [f"{item.id} {row.key()}" for item in dataset.items for row in comparable(rows.on(item.id))]
        index.covered, index.status = frozenset(keys), "Completed"
        return Outcome({"index_id": index.id, "embedding_count": len(keys)})

    async def status(self, request: Request) -> object:
        dataset = self._named(request)
        wanted = await read_json(request, LEVEL)
        run_id = None if wanted.image else wanted.model_run_id
        if wanted.image:
            noun, total = "image_count", sum(item.image_url is not None for item in dataset.items)
        else:
            rows = self._objects(dataset, run_id)
            noun, total = "object_count", sum(len(comparable(rows.on(item.id))) for item in dataset.items)
        level = "Image" if wanted.image else "Object"
        indexes = [one for one in dataset.indexes if (one.level, one.run_id) == (level, run_id)]
        covered = max((len(index.covered) for index in indexes), default=0)
        return {
            "embedding_count": covered,
            noun: total,
            "percent_indexed": 100 * covered / total if total else 0.0,
            "additional_context": "",
        }

    async def of_dataset(self, request: Request) -> object:
        dataset = self._named(request)
        return embeddings(dataset.items, dataset.indexes)

    async def of_slice(self, request: Request) -> object:
        dataset, items = self._source(request.path_params["slice"])
        return embeddings(items, dataset.indexes)

    def _source(self, source_id: str) -> tuple[Dataset, list[Item]]:
        """Return what is exported; the SDK sends the id of a slice where that of a dataset belongs."""
        if source_id in self._state.datasets:
            dataset = self._state.dataset(source_id)
            return dataset, dataset.items.ordered()
        part = self._state.slice(source_id)
        return self._state.dataset(part.dataset_id), self._state.slice_items(part)

    async def export(self, request: Request) -> object:
        source_id, base = request.path_params["source"], str(request.base_url)
        dataset, _ = self._source(source_id)
        work = partial(self._export, source_id, base)
        return self._state.jobs.submit(EXPORT_JOB, dataset.id, work)

    def _export(self, source_id: str, base: str) -> Outcome:
        dataset, items = self._source(source_id)
        rows: list[dict[str, Any]] = embeddings(items, dataset.indexes)
        path = self._state.blobs.add_media(encode(rows), "application/json")
        return Outcome({"result": [f"{base}{path}"]})
