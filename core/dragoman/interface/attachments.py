"""Attachments: models bound to projects by a feature mapping."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Literal

from dragoman.errors import InvalidData
from dragoman.interface.base import Facet, operation, ref
from dragoman.schema import AttachedVersions, Attachment, Model, Version

POLICIES: dict[str, Literal["latest", "all"]] = {"latest": "latest", "all": "all"}


class Attachments(Facet, name="attachments"):
    """Attach models to projects, change and end it."""

    @operation(repeatable=False)
    def attach(
        self,
        model: str | Model,
        *,
        project: str,
        features: Mapping[str, str],
        versions: str | Sequence[str | Version] = "latest",
    ) -> Attachment:
        """Attach a model to a project.

        Args:
            model: The model or its id.
            project: The project's id.
            features: Model feature to project feature.
            versions: Which of the model's versions the project uses: `"latest"` follows the newest, `"all"` has every
                one, those to come included; or the chosen versions or their ids.

        Raises:
            NotFound: There is no such model or project.
            InvalidData: The mapping names an unknown feature, or a version is of another model.
        """
        return self._call("attach", ref(model), project, dict(features), _chosen(versions))

    @operation()
    def list(self, project: str, *, page_size: int | None = None) -> Iterator[Attachment]:
        """Iterate over the attachments of a project."""
        return self._pages("list", project, size=page_size)

    @operation()
    def update(
        self,
        attachment: str | Attachment,
        *,
        features: Mapping[str, str] | None = None,
        versions: str | Sequence[str | Version] | None = None,
    ) -> Attachment:
        """Change what is given and return the attachment as it is then.

        Args:
            attachment: The attachment or its id.
            features: Model feature to project feature; replaces the mapping.
            versions: Which versions the project uses, as `attach` takes it.

        Raises:
            NotFound: There is no such attachment.
            InvalidData: The mapping names an unknown feature, or a version is of another model.
        """
        chosen = None if versions is None else _chosen(versions)
        changes = {"features": None if features is None else dict(features), "versions": chosen}
        return self._call(
            "update", ref(attachment), {name: value for name, value in changes.items() if value is not None}
        )

    @operation()
    def detach(self, attachment: str | Attachment) -> None:
        """End an attachment."""
        self._call("detach", ref(attachment))


def _chosen(versions: str | Sequence[str | Version]) -> AttachedVersions:
    if isinstance(versions, str) and versions in POLICIES:
        return POLICIES[versions]
    if isinstance(versions, str) or not versions:
        raise InvalidData(
            f"versions is {versions!r}, which names none.",
            hint='Give "latest", "all", or a list of versions.',
            field="versions",
        )
    return tuple(map(ref, versions))
