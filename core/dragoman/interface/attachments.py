"""Attachments: models bound to projects by a feature mapping."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from dragoman.interface.base import Facet, operation, ref
from dragoman.schema import Attachment, Model


class Attachments(Facet, name="attachments"):
    """Attach models to projects, change and end it."""

    @operation(repeatable=False)
    def attach(
        self, model: str | Model, *, project: str, features: Mapping[str, str], versions: Sequence[str] = ()
    ) -> Attachment:
        """Attach a model to a project.

        Args:
            model: The model or its id.
            project: The project's id.
            features: Model feature to project feature.
            versions: Ids of the versions to use; the newest if none is named.
        """
        return self._call("attach", ref(model), project, dict(features), tuple(versions))

    @operation()
    def list(self, project: str, *, page_size: int | None = None) -> Iterator[Attachment]:
        """Iterate over the attachments of a project."""
        return self._pages("list", project, size=page_size)

    @operation()
    def update(self, attachment: str | Attachment, *, features: Mapping[str, str]) -> Attachment:
        """Change the feature mapping and return the attachment as it is then."""
        return self._call("update", ref(attachment), dict(features))

    @operation()
    def detach(self, attachment: str | Attachment) -> None:
        """End an attachment."""
        self._call("detach", ref(attachment))
