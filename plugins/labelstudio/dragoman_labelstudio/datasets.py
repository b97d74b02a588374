"""Datasets on Label Studio: projects. Items are tasks; an item's key is in a task's data, and the rest in its meta."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec

from dragoman.calls.pipeline import Page
from dragoman.errors import InvalidData
from dragoman.formats.labelstudio.tasks import medium_of, task_of
from dragoman.interface import Datasets
from dragoman.schema import IGNORED, UPDATED, Dataset, Item, RowResult
from dragoman_labelstudio.codec import without_media
from dragoman_labelstudio.configuration import own_ontology, written
from dragoman_labelstudio.projects import (
    COUNTED,
    OfProject,
    configure,
    described,
    media_key,
    path_of,
    project_of,
)
from dragoman_labelstudio.tasks import LIGHT, bare, items_in, page, present
from dragoman_labelstudio.uploads import UPLOADED, fetch, is_remote, send, unusable
from dragoman_labelstudio.wire import Imported, Project, Projects, StoredTask


class LabelStudioDatasets(Datasets):
    """Projects, their tasks through the data manager and the import."""

    _adapter: Any

    def _create(self, dataset: Dataset) -> Dataset:
        if not dataset.name.strip():
            raise InvalidData("A project of Label Studio has a title that is not all spaces.", field="name")
        body = {"title": dataset.name, "description": described(dataset.metadata)}
        return dataset.model_copy(update={"id": str(self._adapter.client.post("api/projects/", body, Project).id)})

    def _get(self, dataset: str) -> Dataset:
        return _dataset_in(self._adapter.client.get(path_of(dataset), Project, {"include": COUNTED}))

    def _list(self, cursor: str | None, size: int) -> Page[Dataset]:
        number = int(cursor or 1)
        params = {"page": number, "page_size": size, "ordering": "id", "include": COUNTED}
        found = self._adapter.client.get("api/projects/", Projects, params)
        return Page([_dataset_in(wire) for wire in found.results], str(number + 1) if found.next else None)

    def _delete(self, dataset: str) -> None:
        self._adapter.client.delete(path_of(dataset))

    # -- items ---------------------------------------------------------------------------------------------------------

    def _read_items(self, dataset: str, cursor: str | None, size: int) -> Page[Item]:
        project = project_of(self._adapter.client, dataset)
        tasks = page(self._adapter.client, dataset, int(cursor or 0), size, LIGHT)
        items = self._items_in(project, tasks)
        return Page(items, str(tasks[-1].id) if tasks else None)

    def _items_in(self, project: OfProject, tasks: Sequence[StoredTask]) -> list[Item]:
        """Return the items of tasks, with media that can be read from here."""
        by_id = self._adapter.settings.item_key == "id"
        items = items_in(self._adapter.client, str(project.id), tasks, project.config, by_id=by_id)
        uris = [medium_of(bare(task), project.config)[1] for task in tasks]
        places = self._adapter.pool.map(self._readable, uris)
        return [msgspec.structs.replace(items[task.id], uri=uri) for task, uri in zip(tasks, places, strict=True)]

    def _readable(self, uri: str) -> str:
        if not uri.startswith("/"):
            return uri
        if uri.startswith(UPLOADED) and self._adapter.settings.uploads == "file":
            return str(fetch(self._adapter.client, uri, self._adapter.folder))
        return self._adapter.client.base + uri

    def _write_items(self, dataset: str, rows: Sequence[Item], update: bool) -> list[RowResult]:
        project = self._suited(project_of(self._adapter.client, dataset), rows)
        there = self._present(dataset, project, [row.key for row in rows])
        results: dict[int, RowResult] = {}
        new: dict[str, int] = {}
        for place, row in enumerate(rows):
            if row.key in there:
                results[place] = self._leave(row, there[row.key], update)
            elif row.key in new:
                results[place] = IGNORED
            elif reason := _refusal(project, row):
                results[place] = RowResult("rejected", reason=reason)
            else:
                new[row.key] = place
        if new:
            numbers = self._add(dataset, project, [rows[place] for place in new.values()])
            results |= {
                place: RowResult("created", id=str(number)) for place, number in zip(new.values(), numbers, strict=True)
            }
        return [results[place] for place in range(len(rows))]

    def _suited(self, project: OfProject, rows: Sequence[Item]) -> OfProject:
        """Return the project, with a configuration of ours made anew for videos if those are its first items."""
        media = {row.media for row in rows}
        shown = {tag for tag, _ in project.config.media.values()}
        ontology = own_ontology(project.label_config)
        if len(media) != 1 or media <= shown or ontology is None:
            return project
        dataset = str(project.id)
        if page(self._adapter.client, dataset, 0, 1, LIGHT):
            return project
        configure(self._adapter.client, dataset, written(ontology, media.pop()))
        return project_of(self._adapter.client, dataset)

    def _leave(self, row: Item, task: StoredTask, update: bool) -> RowResult:
        if not update:
            return IGNORED
        meta = {**(task.meta or {}), **task_of(without_media(row))["meta"]}
        self._adapter.client.patch(f"api/tasks/{task.id}/", {"meta": meta})
        return UPDATED

    def _add(self, dataset: str, project: OfProject, rows: Sequence[Item]) -> list[int]:
        """Import items as tasks and return the tasks' numbers."""
        local = [row for row in rows if not is_remote(row)]
        sent = dict(zip((row.key for row in local), send(self._adapter.client, dataset, local), strict=True))
        return self.add_tasks(dataset, project, [(row, sent.get(row.key) or row.uri or "") for row in rows])

    def add_tasks(self, dataset: str, project: OfProject, rows: Sequence[tuple[Item, str]]) -> list[int]:
        """Import items whose media are at an address, and return the numbers of their tasks."""
        body = [
            task_of(without_media(row), uri=uri, data_key=media_key(project.config, row.media)) for row, uri in rows
        ]
        path, asked = f"{path_of(dataset)}import", {"return_task_ids": "true"}
        numbers: list[int] = self._adapter.client.post(path, body, Imported, asked).task_ids
        return numbers

    def _find(self, dataset: str, rows: Sequence[Item]) -> list[RowResult | None]:
        project = project_of(self._adapter.client, dataset)
        there = self._present(dataset, project, [row.key for row in rows])
        return [IGNORED if row.key in there else None for row in rows]

    def _present(self, dataset: str, project: OfProject, keys: Sequence[str]) -> dict[str, StoredTask]:
        index = self._adapter.index(dataset)
        return dict(present(self._adapter.client, dataset, index, keys, project.config, LIGHT))


def _dataset_in(wire: Project) -> Dataset:
    metadata = {"description": wire.description} if wire.description else {}
    return Dataset(
        id=str(wire.id), name=wire.name, items=wire.task_number, metadata=metadata, created_at=wire.created_at
    )


def _refusal(project: OfProject, row: Item) -> str | None:
    """Return why an item cannot become a task of a project, or None."""
    try:
        media_key(project.config, row.media)
    except InvalidData as error:
        return error.message
    return unusable(row)
