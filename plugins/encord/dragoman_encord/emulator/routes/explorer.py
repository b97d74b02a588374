"""Routes about what helps to choose frames and labels of one project: collections of them, and presets of filters."""

from __future__ import annotations

from typing import Any

import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from dragoman.emulate.app import ApiError
from dragoman_encord.emulator.curation import Changes, ProjectCollection, ProjectPreset
from dragoman_encord.emulator.legacy.metadata import listed
from dragoman_encord.emulator.routes.names import (
    base_url,
    convert,
    delete,
    flag,
    get,
    page,
    page_size,
    patch,
    post,
    read,
)
from dragoman_encord.emulator.state import Project, State, found

FRAME, LABEL = "FRAME", "LABEL"
TOLD = {"include_uninitialised_labels": True, "include_workflow_graph_node": True}
"""What is told of a label row beside its frames."""
UNHEARD = dict.fromkeys(("audio_codec", "audio_sample_rate", "audio_bit_depth", "audio_num_channels"))
"""Facts about sound, which must be told here of what has none."""


class NewCollection(msgspec.Struct):
    name: str
    collection_type: str
    description: str | None = ""


class Chosen(msgspec.Struct):
    items: list[dict[str, Any]]


class Instance(msgspec.Struct):
    data_uuid: str
    frame: int
    annotation_id: str | None = None


class NewPreset(msgspec.Struct):
    name: str
    filter_preset_json: dict[str, Any]


class Explorer:
    """The handlers of this module."""

    def __init__(self, state: State) -> None:
        self._state = state

    def routes(self) -> list[Route]:
        collections, presets = "active/{project}/collections", "active/{project}/presets"
        one, preset = f"{collections}/{{collection}}", f"{presets}/{{preset}}"
        return [
            get(collections, self.collections),
            post(collections, self.create),
            patch(one, self.update),
            delete(one, self.delete),
            get(f"{one}/items", self.items),
            post(f"{one}/add-items", self.add),
            post(f"{one}/remove-items", self.remove),
            get(presets, self.presets),
            post(presets, self.create_preset),
            get(f"{preset}/raw", self.filters),
            patch(preset, self.update_preset),
            delete(preset, self.delete_preset),
        ]

    def _project(self, request: Request) -> Project:
        return self._state.project(request.path_params["project"])

    # -- collections --------------------------------------------------------------------------------------------------

    def _named(self, request: Request) -> ProjectCollection:
        return found(self._project(request).collections, request.path_params["collection"], "collection")

    async def collections(self, request: Request) -> object:
        project, keys = self._project(request), request.query_params.getlist("uuids")
        shown = [
            {
                "collectionUuid": one.id,
                "name": one.name,
                "description": one.description,
                "createdAt": one.created.isoformat(),
                "lastEditedAt": one.edited.isoformat(),
                "projectUuid": project.id,
                "collectionType": one.kind,
            }
            for one in project.collections.values()
            if not keys or one.id in keys
        ]
        return page(request, shown, self._state.settings.page_limit, page_size(request))

    async def create(self, request: Request) -> object:
        project, wanted = self._project(request), await read(request, NewCollection)
        if wanted.collection_type not in (FRAME, LABEL):
            raise ApiError(400, f"There are no collections of {wanted.collection_type}.")
        now = self._state.clock.now()
        collection = ProjectCollection(
            id=self._state.new_id(),
            name=wanted.name,
            description=wanted.description or "",
            kind=wanted.collection_type,
            created=now,
            edited=now,
        )
        project.collections[collection.id] = collection
        return collection.id

    async def update(self, request: Request) -> object:
        (await read(request, Changes)).make(self._named(request), self._state.clock.now())
        return Response(status_code=204)

    async def delete(self, request: Request) -> object:
        self._project(request).collections.pop(request.path_params["collection"], None)
        return Response(status_code=204)

    # -- what is in them ----------------------------------------------------------------------------------------------

    async def items(self, request: Request) -> object:
        """List label rows with the frames or, where labels are asked for, the labels of each that are collected."""
        collection, labels = self._named(request), flag(request, "getLabels")
        if labels != (collection.kind == LABEL):
            raise ApiError(400, f"The collection is one of {collection.kind}.")
        held: dict[str, list[dict[str, Any]]] = {}
        for data_hash, frame, label in collection.items:
            held.setdefault(data_hash, []).append({"frame": frame} | ({"annotationId": label} if labels else {}))
        rows = listed(self._state, self._project(request), {**TOLD, "data_hashes": held}, base_url(request))
        by_data = {row["data_hash"]: row for row in rows}
        shown = [
            {"labelRowMetadata": UNHEARD | by_data[data_hash], "instances": instances}
            for data_hash, instances in held.items()
            if data_hash in by_data
        ]
        return page(request, shown, self._state.settings.page_limit, page_size(request))

    async def add(self, request: Request) -> object:
        collection, project = self._named(request), self._project(request)
        wanted, failed = (await read(request, Chosen)).items, []
        for item in wanted:
            instance = convert(item, Instance)
            if self._is_there(project, collection, instance):
                collection.items[instance.data_uuid, instance.frame, instance.annotation_id] = None
            else:
                failed.append(item)
        return {"failedItems": failed}

    def _is_there(self, project: Project, collection: ProjectCollection, instance: Instance) -> bool:
        """Return whether a project has a frame or a label, and the collection takes such."""
        if (instance.annotation_id is not None) != (collection.kind == LABEL):
            return False
        try:
            _, item = self._state.place(project, instance.data_uuid)
        except ApiError:
            return False
        if not 0 <= instance.frame < (item.frames or 1):
            return False
        row = project.rows.get(("main", instance.data_uuid))
        known = {*row.object_answers, *row.classification_answers} if row else set()
        return instance.annotation_id is None or instance.annotation_id in known

    async def remove(self, request: Request) -> object:
        collection = self._named(request)
        wanted, failed = (await read(request, Chosen)).items, []
        for item in wanted:
            instance = convert(item, Instance)
            place = (instance.data_uuid, instance.frame, instance.annotation_id)
            if place in collection.items:
                del collection.items[place]
            else:
                failed.append(item)
        return {"failedItems": failed}

    # -- presets ------------------------------------------------------------------------------------------------------

    def _preset(self, request: Request) -> ProjectPreset:
        return found(self._project(request).presets, request.path_params["preset"], "preset")

    async def presets(self, request: Request) -> object:
        keys = request.query_params.getlist("presetUuids")
        shown = [one.to_json() for one in self._project(request).presets.values() if not keys or one.id in keys]
        return page(request, shown, self._state.settings.page_limit, page_size(request))

    async def create_preset(self, request: Request) -> object:
        project, wanted = self._project(request), await read(request, NewPreset)
        now = self._state.clock.now()
        preset = ProjectPreset(
            id=self._state.new_id(), name=wanted.name, filters=wanted.filter_preset_json, created=now, edited=now
        )
        project.presets[preset.id] = preset
        return preset.id

    async def filters(self, request: Request) -> object:
        return self._preset(request).filters

    async def update_preset(self, request: Request) -> object:
        (await read(request, Changes)).make(self._preset(request), self._state.clock.now())
        return Response(status_code=204)

    async def delete_preset(self, request: Request) -> object:
        self._project(request).presets.pop(request.path_params["preset"], None)
        return Response(status_code=204)
