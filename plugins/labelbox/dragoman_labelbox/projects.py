"""Projects: where Labelbox keeps labels and ontologies, neither of which a dataset has.

Each dataset has a project of its own for images and one for videos, found by name; the setting `project` names another
one instead. Data rows get into a project in batches.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Any, Literal

from dragoman.errors import NotFound
from dragoman_labelbox import queries
from dragoman_labelbox.jobs import Waiter
from dragoman_labelbox.nodes import Book
from dragoman_labelbox.sdk import MediaType, Project, exceptions

Media = Literal["image", "video"]

BATCH_ROWS = 999
"""Most data rows of a batch that is made while one waits; larger ones are a task that the SDK polls every 2 seconds."""
_MEDIA = {"image": MediaType.Image, "video": MediaType.Video}


class Projects:
    """The projects of datasets, for one connection."""

    def __init__(self, adapter: Any) -> None:
        self._adapter = adapter
        self._found: dict[tuple[str, Media], Any] = {}

    def of(self, dataset: str, media: Media = "image") -> Any:
        """Return the project of a dataset as the SDK's object, or None if there is none yet."""
        if (dataset, media) not in self._found:
            found = self._look_up(dataset, media)
            if found is None:
                return None
            self._found[dataset, media] = found
        return self._found[dataset, media]

    def _look_up(self, dataset: str, media: Media) -> Any:
        client = self._adapter.client
        if self._adapter.settings.project is not None:
            return client.get_project(self._adapter.settings.project)
        return next(iter(client.get_projects(where=Project.name == _name(dataset, media))), None)

    def all(self, dataset: str) -> list[Any]:
        """Return the projects that a dataset has."""
        found = [self.of(dataset, media) for media in ("image", "video")]
        return list({project.uid: project for project in found if project is not None}.values())

    def connected(self, project: Any) -> Any:
        """Return a project's ontology as the SDK's object.

        Raises:
            NotFound: It has none.
        """
        found = project.ontology()
        if found is None:
            hint = "Connect one on Labelbox; ontologies.create makes one for a dataset."
            raise NotFound(f"Project {project.uid} has no ontology.", hint=hint)
        return found

    def ontology(self, project: Any) -> str:
        """Return the id of a project's ontology, which it must have."""
        return str(self.connected(project).uid)

    def book(self, project: Any) -> Book | None:
        """Return a project's ontology as it is now; None if there is no project, or it has none."""
        found = project.ontology() if project is not None else None
        return Book(found.uid, found.normalized) if found is not None else None

    def make(self, dataset: str, media: Media, ontology: Any) -> Any:
        """Return the project of a dataset, made if need be, with an ontology connected to it."""
        project = self.of(dataset, media)
        if project is None:
            project = self._adapter.client.create_project(name=_name(dataset, media), media_type=_MEDIA[media])
            self._found[dataset, media] = project
        project.connect_ontology(ontology)
        return project

    def forget(self, dataset: str) -> None:
        """Delete the projects that are a dataset's own."""
        if self._adapter.settings.project is None:
            for project in self.all(dataset):
                project.delete()
        self._found = {key: project for key, project in self._found.items() if key[0] != dataset}

    def admit(self, project: Any, global_keys: Sequence[str]) -> None:
        """Put data rows into a project. Rows that are there, and keys that nobody has, are passed over."""
        for start in range(0, len(global_keys), BATCH_ROWS):
            chunk = list(global_keys[start : start + BATCH_ROWS])
            self._processed(chunk)
            digest = hashlib.blake2b("\n".join(chunk).encode(), digest_size=8).hexdigest()
            try:
                project.create_batch(f"dragoman-{digest}", global_keys=chunk)
            except exceptions.ResourceConflict:
                # The same rows were admitted before, by an attempt whose answer was lost.
                continue

    def _processed(self, global_keys: list[str]) -> None:
        """Wait until Labelbox has looked at all media; the SDK would look every 30 seconds only."""

        def look() -> bool:
            answer = self._adapter.client.execute(queries.PROCESSED, {"globalKeys": global_keys})
            return bool(answer["queryAllDataRowsHaveBeenProcessed"]["allDataRowsHaveBeenProcessed"])

        Waiter(self._adapter).until(look, lambda done: not done, "processing of media")


def _name(dataset: str, media: Media) -> str:
    return f"Dragoman {dataset}" if media == "image" else f"Dragoman {dataset} video"
