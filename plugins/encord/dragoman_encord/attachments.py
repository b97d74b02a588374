"""Attachments on Encord: a model bound to a project. An id names the project and the binding."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from encord.objects.ml_models import (
    ModelIterationPolicy,
    ProjectModelsListRequest,
    ProjectModelWithIterations,
)

from dragoman.calls.pipeline import Page
from dragoman.errors import InvalidData, NotFound
from dragoman.interface import Attachments
from dragoman.schema import AttachedVersions, Attachment
from dragoman_encord.ids import checked, pair, parts
from dragoman_encord.models import TASKS
from dragoman_encord.training import GEOMETRY

POLICIES = {"latest": ModelIterationPolicy.USE_LATEST, "all": ModelIterationPolicy.USE_ALL}
"""Ours to Encord's; versions that are named are Encord's manual selection."""


class EncordAttachments(Attachments):
    """Attachments through `MlModelsClient`; a project may be named by its id or by that of its dataset."""

    _adapter: Any

    def _attach(self, model: str, project: str, features: Mapping[str, str], versions: AttachedVersions) -> Attachment:
        home = self._adapter.projects.resolve(project)
        known = self._adapter.models._get(model)
        policy, trainings = _policy(model, versions)
        made = self._adapter.client.ml.create_model_attachment(
            project_uuid=home,
            features_mapping=self._hashes(home, known.features, GEOMETRY[known.task], features),
            iteration_policy=policy,
            model_uuid=model,
            training_uuids=trainings,
        )
        return attachment_in(made)

    def _hashes(self, project: str, known: Sequence[str], kind: str, features: Mapping[str, str]) -> dict[str, str]:
        structure = self._adapter.projects.structure(project)
        for feature in features:
            if feature not in known:
                raise InvalidData(
                    f"The model knows no feature {feature!r}.", hint=f"It knows: {', '.join(known)}.", field="features"
                )
        return {feature: structure.target(target, kind) for feature, target in features.items()}

    def _list(self, project: str, cursor: str | None, size: int) -> Page[Attachment]:
        home = self._adapter.projects.resolve(project)
        found, token = _page(self._adapter.client, home, cursor)
        return Page(map(attachment_in, found), token)

    def _update(self, attachment: str, changes: Mapping[str, Any]) -> Attachment:
        project, key = parts(attachment, "attachment")
        held = self._held(project, key)
        now = attachment_in(held)
        # Encord takes the whole binding: what is not changed is sent as it is there.
        hashes = {name: target.feature_node_uuid for name, target in held.project_model.features_mapping.items()}
        if "features" in changes:
            kind = GEOMETRY[TASKS[held.model_group.type.value]]
            hashes = self._hashes(project, held.model_group.features, kind, changes["features"])
        policy, trainings = _policy(now.model, changes.get("versions", now.versions))
        made = self._adapter.client.ml.update_model_attachment(
            project_uuid=project,
            project_model_uuid=key,
            features_mapping=hashes,
            iteration_policy=policy,
            training_uuids=trainings,
        )
        return attachment_in(made)

    def _held(self, project: str, key: str) -> ProjectModelWithIterations:
        # Encord gives no attachment by its id.
        for held in bindings(self._adapter.client, project):
            if str(held.project_model.project_model_uuid) == key:
                return held
        raise NotFound(f"The project {project} has no attachment {key}.")

    def _detach(self, attachment: str) -> None:
        project, key = parts(attachment, "attachment")
        self._adapter.client.ml.delete_model_attachment(project_uuid=project, project_model_uuid=key)


def bindings(client: Any, project: str) -> Iterator[ProjectModelWithIterations]:
    """Yield all attachments of a project as the SDK has them."""
    token: str | None = None
    while True:
        found, token = _page(client, project, token)
        yield from found
        if token is None:
            return


def _page(client: Any, project: str, cursor: str | None) -> tuple[list[ProjectModelWithIterations], str | None]:
    params = ProjectModelsListRequest(page_token=cursor)
    page: tuple[list[ProjectModelWithIterations], str | None] = client.page(
        f"projects/{project}/models-attachments", params, ProjectModelWithIterations
    )
    return page


def _policy(model: str, versions: AttachedVersions) -> tuple[ModelIterationPolicy, list[str] | None]:
    if isinstance(versions, str):
        return POLICIES[versions], None
    named = [parts(version, "version") for version in versions]
    if other := next((version for version, (owner, _) in zip(versions, named, strict=True) if owner != model), None):
        raise InvalidData(f"The version {other} is of another model.", field="versions")
    return ModelIterationPolicy.MANUAL_SELECTION, [training for _, training in named]


def attachment_in(found: ProjectModelWithIterations) -> Attachment:
    """Return one of the SDK's attachments as ours; `features` has the names of the project's features."""
    binding = found.project_model
    model = str(binding.model_uuid)
    versions: AttachedVersions = "latest"
    if binding.iteration_policy is ModelIterationPolicy.USE_ALL:
        versions = "all"
    elif binding.iteration_policy is ModelIterationPolicy.MANUAL_SELECTION:
        versions = tuple(pair(model, iteration.training_uuid) for iteration in found.project_model_iterations)
    return Attachment(
        id=pair(checked(str(binding.project_uuid), "project"), binding.project_model_uuid),
        model=model,
        project=str(binding.project_uuid),
        features={feature: target.name for feature, target in binding.features_mapping.items()},
        versions=versions,
    )
