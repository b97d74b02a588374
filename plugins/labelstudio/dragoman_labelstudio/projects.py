"""Projects: what they are called, and what their labelling configuration says."""

from __future__ import annotations

from typing import Any

from dragoman.errors import Conflict, InvalidData, NotFound
from dragoman.formats.labelstudio.config import Config, read_config
from dragoman.schema import Ontology
from dragoman_labelstudio.client import LabelStudioClient, LabelStudioRefused
from dragoman_labelstudio.configuration import ontology_in
from dragoman_labelstudio.errors import said
from dragoman_labelstudio.wire import Project

FIELDS = "id,title,description,label_config,created_at"
COUNTED = f"{FIELDS},task_number"
"""With how many tasks there are, which Label Studio counts anew."""
EMPTY = "<View></View>"
"""The configuration of a project that was given none."""
DIGITS = 20
"""Digits that a project's number may have; Python refuses to read thousands."""


class OfProject:
    """A project with its configuration, read.

    Args:
        wire: The project.
    """

    def __init__(self, wire: Project) -> None:
        self.id = wire.id
        self.title = wire.name
        self.label_config = wire.label_config
        self.config = read_config(wire.label_config.encode(), f"the labelling configuration of project {wire.id}")

    @property
    def ontology(self) -> Ontology:
        """What can be labelled."""
        found = ontology_in(self.label_config, self.config, self.title)
        return found.model_copy(update={"id": str(self.id)})

    @property
    def configured(self) -> bool:
        """Whether its configuration says anything."""
        return bool(self.config.controls or self.config.media)


def number_of(dataset: str) -> int:
    """Return the number of a project.

    Raises:
        NotFound: It is no number: Label Studio would answer with a page.
    """
    if not (dataset.isascii() and dataset.isdigit() and len(dataset) <= DIGITS):
        raise NotFound(f"Label Studio has no project {dataset!r}; its projects have numbers.")
    return int(dataset)


def path_of(dataset: str) -> str:
    """Return the path of a project."""
    return f"api/projects/{number_of(dataset)}/"


def project_of(client: LabelStudioClient, dataset: str) -> OfProject:
    """Return a project with its configuration.

    Raises:
        NotFound: There is none of that number.
    """
    return OfProject(client.get(path_of(dataset), Project, {"include": FIELDS}))


def configure(client: LabelStudioClient, dataset: str, label_config: str) -> None:
    """Give a project its configuration. A PUT would do it too, and take the project away from who made it.

    Raises:
        Conflict: Annotations use what the new configuration lacks.
    """
    try:
        client.patch(path_of(dataset), {"label_config": label_config})
    except LabelStudioRefused as error:
        message, _ = said(error.detail)
        if error.status == 400 and "annotations" in message.lower():
            raise Conflict(f"Label Studio keeps the configuration: {message}", field="label_config") from error
        raise


def media_key(config: Config, medium: str) -> str:
    """Return the key of a task's data under which the configuration expects a medium.

    Raises:
        InvalidData: It shows other media only.
    """
    for tag, data_key in config.media.values():
        if tag == medium:
            return data_key
    if config.media:
        raise InvalidData(f"The project's configuration shows no {medium}.", field="media")
    return medium


def described(metadata: dict[str, Any]) -> str:
    """Return the description of a project.

    Raises:
        InvalidData: There is more than that.
    """
    rest = {name: value for name, value in metadata.items() if name != "description"}
    text = metadata.get("description", "")
    if rest or not isinstance(text, str):
        raise InvalidData(
            "A project of Label Studio holds a description, a text, and no other metadata.", field="metadata"
        )
    return text
