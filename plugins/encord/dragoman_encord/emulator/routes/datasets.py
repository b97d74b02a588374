"""Routes about datasets and cloud integrations in the v2 protocol; rows of a dataset are read in the older one."""

from __future__ import annotations

import msgspec
from starlette.requests import Request
from starlette.routing import Route

from dragoman_encord.emulator.filters import chosen
from dragoman_encord.emulator.routes.names import get, post, read
from dragoman_encord.emulator.state import Dataset, Folder, State


class NewDataset(msgspec.Struct):
    title: str
    description: str | None = None
    create_backing_folder: bool = True


class Datasets:
    """The handlers of this module."""

    def __init__(self, state: State) -> None:
        self._state = state

    def routes(self) -> list[Route]:
        return [
            post("datasets", self.create),
            get("datasets/list", self.list),
            get("cloud-integrations", self.integrations),
        ]

    async def create(self, request: Request) -> object:
        wanted = await read(request, NewDataset)
        now = self._state.clock.now()
        dataset = Dataset(
            id=self._state.new_id(),
            title=wanted.title,
            description=wanted.description or "",
            folder=None,
            created=now,
            edited=now,
        )
        self._state.datasets[dataset.id] = dataset
        if wanted.create_backing_folder:
            folder = Folder(
                id=self._state.new_id(),
                name=wanted.title,
                description="",
                metadata=None,
                created=now,
                edited=now,
                dataset=dataset.id,
            )
            self._state.folders[folder.id] = folder
            dataset.folder = folder.id
        return {"datasetUuid": dataset.id, "backingFolderUuid": dataset.folder}

    async def list(self, request: Request) -> object:
        shown = [
            {
                "datasetUuid": dataset.id,
                "title": dataset.title,
                "description": dataset.description,
                "createdAt": dataset.created.isoformat(),
                "lastEditedAt": dataset.edited.isoformat(),
                "userRole": "admin",
                "storageLocation": 0,
                "backingFolderUuid": dataset.folder,
            }
            for dataset in chosen(self._state.datasets.values(), request.query_params, "description")
        ]
        return {"result": shown}

    async def integrations(self, request: Request) -> object:
        query = request.query_params
        keys, titles = query.getlist("filterIntegrationUuids"), query.getlist("filterIntegrationTitles")
        return {
            "result": [
                {"integrationUuid": key, "title": title}
                for key, title in self._state.integrations.items()
                if (not keys or key in keys) and (not titles or title in titles)
            ]
        }
