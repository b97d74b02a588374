"""Routes about models that are attached to projects."""

from __future__ import annotations

from typing import Any

import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from dragoman.emulate.app import ApiError
from dragoman_encord.emulator.ml import Attachment, Model
from dragoman_encord.emulator.routes.names import delete, get, page, patch, post, read
from dragoman_encord.emulator.state import Project, State, found

POLICIES = ("manualSelection", "useAll", "useLatest")


class Binding(msgspec.Struct):
    features_mapping: dict[str, str]
    iteration_policy: str
    training_uuids: list[str] | None = None
    model_uuid: str = ""


class Attachments:
    """The handlers of this module."""

    def __init__(self, state: State) -> None:
        self._state = state

    def routes(self) -> list[Route]:
        return [
            post("projects/{project}/models-attachments", self.create),
            get("projects/{project}/models-attachments", self.list),
            patch("projects/{project}/models-attachments/{attachment}", self.update),
            delete("projects/{project}/models-attachments/{attachment}", self.delete),
        ]

    def _project(self, request: Request) -> Project:
        return self._state.project(request.path_params["project"])

    async def create(self, request: Request) -> object:
        project = self._project(request)
        wanted = await read(request, Binding)
        model = self._state.model(wanted.model_uuid)
        self._check(project, model, wanted)
        attachment = Attachment(
            id=self._state.new_id(),
            model=model.id,
            features=wanted.features_mapping,
            policy=wanted.iteration_policy,
            trainings=wanted.training_uuids or [],
            created=self._state.clock.now(),
        )
        project.attachments[attachment.id] = attachment
        return self._shown(project, attachment)

    async def list(self, request: Request) -> object:
        project = self._project(request)
        shown = [self._shown(project, attachment) for attachment in project.attachments.values()]
        return page(request, shown, self._state.settings.page_limit)

    async def update(self, request: Request) -> object:
        project = self._project(request)
        attachment = found(project.attachments, request.path_params["attachment"], "attachment")
        wanted = await read(request, Binding)
        self._check(project, self._state.model(attachment.model), wanted)
        attachment.features = wanted.features_mapping
        attachment.policy = wanted.iteration_policy
        attachment.trainings = wanted.training_uuids or []
        return self._shown(project, attachment)

    async def delete(self, request: Request) -> object:
        project = self._project(request)
        found(project.attachments, request.path_params["attachment"], "attachment")
        del project.attachments[request.path_params["attachment"]]
        return Response(status_code=204)

    def _check(self, project: Project, model: Model, wanted: Binding) -> None:
        if wanted.iteration_policy not in POLICIES:
            raise ApiError(400, f"There is no policy {wanted.iteration_policy}.")
        if wanted.iteration_policy == "manualSelection" and not wanted.training_uuids:
            raise ApiError(400, "Manual selection needs trainings.")
        for training in wanted.training_uuids or ():
            found(model.trainings, training, "training")
        known = features_of(self._state.ontology(project.ontology).editor)
        for feature, target in wanted.features_mapping.items():
            if feature not in model.features:
                raise ApiError(400, f"The model has no feature {feature}.")
            if target not in known:
                raise ApiError(400, f"The ontology has no feature {target}.")

    def _shown(self, project: Project, attachment: Attachment) -> dict[str, Any]:
        model = self._state.model(attachment.model)
        known = features_of(self._state.ontology(project.ontology).editor)
        return {
            "modelGroup": model.group(),
            "projectModel": {
                "createdAt": attachment.created.isoformat(),
                "iterationPolicy": attachment.policy,
                "modelUuid": model.id,
                "projectModelUuid": attachment.id,
                "projectUuid": project.id,
                "featuresMapping": {
                    feature: {"featureNodeUuid": target, **known[target]}
                    for feature, target in attachment.features.items()
                    if target in known
                },
            },
            "projectModelIterations": model.iterations(exposed(model, attachment)),
        }


def exposed(model: Model, attachment: Attachment) -> list[str]:
    """Return the ids of the iterations that an attachment lets a project use."""
    if attachment.policy == "useAll":
        return model.done
    if attachment.policy == "useLatest":
        return model.done[-1:]
    return [training for training in model.done if training in attachment.trainings]


def features_of(editor: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """Return what a model can be mapped to in an ontology: boxes, polygons, and options of classifications."""
    types = {"bounding_box": "boundingBox", "polygon": "polygon"}
    known = {
        entry["featureNodeHash"]: {"name": entry["name"], "type": types[entry["shape"]], "color": entry["color"]}
        for entry in editor["objects"]
        if entry["shape"] in types
    }
    for entry in editor["classifications"]:
        for option in entry["attributes"][0].get("options") or ():
            known[option["featureNodeHash"]] = {"name": option["label"], "type": "classificationOption", "color": None}
    return known
