"""Attachments on Label Studio: machine-learning backends that projects are connected to. A model is its address."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from dragoman.calls.pipeline import Page
from dragoman.capability import Gap
from dragoman.errors import InvalidData, NotFound, Unsupported
from dragoman.interface import Attachments
from dragoman.schema import AttachedVersions, Attachment
from dragoman_labelstudio.client import LabelStudioRefused
from dragoman_labelstudio.errors import said
from dragoman_labelstudio.projects import number_of, path_of
from dragoman_labelstudio.wire import Connection, Project

_ADDRESS = re.compile(r"https?://[^/?#\s]")


class LabelStudioAttachments(Attachments):
    """Connections through `api/ml`. Label Studio asks the backend at once whether it is well, and sets it up."""

    _adapter: Any

    def _attach(self, model: str, project: str, features: Mapping[str, str], versions: AttachedVersions) -> Attachment:
        if not _ADDRESS.match(model):
            raise InvalidData(f"{model!r} is no address of a machine-learning backend.", field="model")
        if renamed := [name for name, here in features.items() if name != here]:
            raise InvalidData(
                f"Label Studio maps no features, so {renamed[0]!r} stays as it is.",
                hint="A backend is told the project's configuration and answers in its labels.",
                field="features",
            )
        if versions != "latest":
            raise Unsupported("A backend of Label Studio chooses its version itself.", hint="Leave versions out.")
        body = {"project": number_of(project), "url": model, "title": model}
        try:
            return _attachment_in(self._adapter.client.post("api/ml", body, Connection))
        except LabelStudioRefused as error:
            message, field = said(error.detail)
            if error.status == 400 and field == "project":
                raise NotFound(f"Label Studio has no project {project!r}: {message}", field=field) from error
            raise

    def _list(self, project: str, cursor: str | None, size: int) -> Page[Attachment]:
        self._adapter.client.get(path_of(project), Project, {"include": "id"})
        found = self._adapter.client.get("api/ml", list[Connection], {"project": number_of(project)})
        return Page([_attachment_in(wire) for wire in found])

    _update = Gap.impossible(
        "A connection of Label Studio is an address, and has nothing to be changed.",
        instead="attachments.detach and attachments.attach",
    )

    def _detach(self, attachment: str) -> None:
        self._adapter.client.delete(f"api/ml/{number_of(attachment)}")


def _attachment_in(wire: Connection) -> Attachment:
    return Attachment(id=str(wire.id), model=wire.url, project=str(wire.project))
