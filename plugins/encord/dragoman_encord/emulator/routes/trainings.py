"""Routes about trainings and the iterations that they make: start, long poll, data, weights, deletion.

A training ends when its time on the clock is over and its status was asked `settings.job_polls` times in vain. A long
poll holds the request until then, but no longer than the client says.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from dragoman.emulate.app import ApiError
from dragoman_encord.emulator.label_row import LabelRow
from dragoman_encord.emulator.ml import Model, Training
from dragoman_encord.emulator.routes.names import base_url, delete, get, page, post, read
from dragoman_encord.emulator.state import Project, State

LONGEST_HOLD = 60


class NewTraining(msgspec.Struct):
    batch_size: int
    epochs: int
    features_mapping: dict[str, dict[str, list[str]]]
    labels_uuids: list[str]
    pretrained_training_uuid: str | None = None
    pretrained_weights_type: str | None = None


class Trainings:
    """The handlers of this module."""

    def __init__(self, state: State) -> None:
        self._state = state

    def routes(self) -> list[Route]:
        one = "ml-models/{model}/iterations/{training}"
        return [
            post("ml-models/{model}/trainings", self.start),
            get(f"{one}/training", self.status),
            get(f"{one}/training-data", self.data),
            get(f"{one}/weights-link", self.weights),
            delete(one, self.delete),
        ]

    def _named(self, request: Request) -> tuple[Model, Training]:
        given = request.path_params
        return self._state.model(given["model"]), self._state.training(given["model"], given["training"])

    async def start(self, request: Request) -> object:
        model = self._state.model(request.path_params["model"])
        wanted = await read(request, NewTraining)
        data = self._checked(model, wanted)
        now = self._state.clock.now()
        training = Training(
            id=self._state.new_id(),
            batch_size=wanted.batch_size,
            epochs=wanted.epochs,
            features_mapping=wanted.features_mapping,
            labels=wanted.labels_uuids,
            data=data,
            pretrained_training=wanted.pretrained_training_uuid,
            pretrained_weights=wanted.pretrained_weights_type,
            created=now,
            ends=now + timedelta(seconds=self._state.training_seconds),
            polls_left=self._state.settings.job_polls,
            fails=self._state.fail_trainings,
        )
        model.trainings[training.id] = training
        return training.id

    def _checked(self, model: Model, wanted: NewTraining) -> list[dict[str, str]]:
        """Refuse a training that cannot be, and return the data that one which can be is trained on."""
        if wanted.batch_size < 1 or wanted.epochs < 1 or not wanted.labels_uuids:
            raise ApiError(400, "A training needs labels, and at least one epoch and one label per batch.")
        known: dict[str, tuple[Project, LabelRow]] = {}
        for project_id, mapping in wanted.features_mapping.items():
            project = self._state.project(project_id)
            known |= {key: (project, row) for key, row in project.by_label().items()}
            hashes = _hashes(self._state.ontology(project.ontology).editor)
            for feature, targets in mapping.items():
                if feature not in hashes:
                    raise ApiError(400, f"The ontology has no feature {feature}.")
                if unknown := set(targets) - set(model.features):
                    raise ApiError(400, f"The model has no feature {unknown.pop()}.")
        if missing := set(wanted.labels_uuids) - set(known):
            raise ApiError(404, f"There is no label row {missing.pop()}.")
        earlier = wanted.pretrained_training_uuid
        if earlier is not None and all(earlier not in one.trainings for one in self._state.models.values()):
            raise ApiError(404, f"There is no training {earlier}.")
        return [self._used(*known[key]) for key in wanted.labels_uuids]

    async def status(self, request: Request) -> object:
        model, training = self._named(request)
        hold = min(int(request.query_params.get("timeoutSeconds", 0)), LONGEST_HOLD)
        left = (training.ends - self._state.clock.now()).total_seconds()
        if hold > 0 and left > 0:
            await self._state.clock.sleep(min(hold, left))
        return self._look(model, training)

    def _look(self, model: Model, training: Training) -> Any:
        if training.id in model.done:
            return {"status": "done", "result": training.iteration()}
        over = self._state.clock.now() >= training.ends
        if not over or training.polls_left:
            training.polls_left = max(0, training.polls_left - over)
            return {"status": "pending", "result": None}
        if training.fails:
            return {"status": "error", "result": None}
        model.done.append(training.id)
        return {"status": "done", "result": training.iteration()}

    async def data(self, request: Request) -> object:
        _, training = self._named(request)
        return page(request, training.data, self._state.settings.page_limit)

    def _used(self, project: Project, row: LabelRow) -> dict[str, str]:
        dataset, item = self._state.place(project, row.data_hash)
        return {
            "dataUuid": row.data_hash,
            "datasetTitle": dataset.title,
            "datasetUuid": dataset.id,
            "fileTitle": item.name,
            "itemType": item.kind,
            "labelUuid": row.label_hash,
            "projectTitle": project.title,
            "projectUuid": project.id,
        }

    async def weights(self, request: Request) -> object:
        model, training = self._named(request)
        if training.id not in model.done:
            raise ApiError(404, "The training is not done.")
        key = f"weights-{training.id}"
        self._state.blobs.content.setdefault(key, f"weights of {training.id}\n".encode() * 64)
        return self._state.blobs.sign(base_url(request), key)

    async def delete(self, request: Request) -> object:
        model, training = self._named(request)
        del model.trainings[training.id]
        model.done = [key for key in model.done if key != training.id]
        return Response(status_code=204)


def _hashes(editor: dict[str, Any]) -> set[str]:
    """Return the hashes of all objects and of all options of an ontology."""
    found = {entry["featureNodeHash"] for entry in editor["objects"]}
    pending = [attribute for entry in editor["classifications"] for attribute in entry["attributes"]]
    while pending:
        for option in pending.pop().get("options") or ():
            found.add(option["featureNodeHash"])
            pending += option.get("options") or ()
    return found
