"""`viam.app.mltraining.v1.MLTrainingService`: training jobs and the containers that they run in."""

from __future__ import annotations

import re
from typing import Any

from dragoman_viam.emulator.catalog import check_name, find_item, find_package
from dragoman_viam.emulator.filters import token_start
from dragoman_viam.emulator.jobs import cancel, ended, look, status
from dragoman_viam.emulator.records import Job
from dragoman_viam.emulator.refusals import invalid, missing, too_early
from dragoman_viam.emulator.routes import Answer, Routes
from dragoman_viam.emulator.rules import check
from dragoman_viam.messages import modules, name_of, number

LOG_PAGE = 2
"""Entries of a page of logs, few so that paging shows."""
CONTAINERS = {"tf:2.16": "TensorFlow 2.16", "tf:2.17": "TensorFlow 2.17", "tf:2.21": "TensorFlow 2.21"}
ARGUMENT = re.compile(r"[A-Za-z0-9_-]+")
_MANAGED = ("MODEL_FRAMEWORK_TFLITE", "MODEL_FRAMEWORK_TENSORFLOW")


class Trainings(Routes):
    """The methods about jobs."""

    service = "training"

    def SubmitTrainingJob(self, request: Any) -> Answer:
        """Start a managed training, if the dataset keeps the rules."""
        self._check(request)
        if name_of("training", "ModelType", request.model_type) in ("0", "MODEL_TYPE_UNSPECIFIED"):
            raise invalid("model_type is missing", "model_type")
        framework = request.model_framework or number("training", "ModelFramework", "MODEL_FRAMEWORK_TFLITE")
        if name_of("training", "ModelFramework", framework) not in _MANAGED:
            raise invalid("managed training makes TFLite and TensorFlow models only", "model_framework")
        detection = request.model_type == number("training", "ModelType", "MODEL_TYPE_OBJECT_DETECTION")
        images = [image.metadata for image in self.state.images_of(request.dataset_id)]
        labels = check(images, list(request.tags), detection=detection)
        fields = {"model_type": request.model_type, "model_framework": framework, "tags": request.tags}
        return {"id": self._submitted(request, labels, **fields)}

    def SubmitCustomTrainingJob(self, request: Any) -> Answer:
        """Start a training by a script of the registry."""
        self._check(request)
        item = find_item(self.state, request.registry_item_id)
        if item.WhichOneof("metadata") != "ml_training_metadata":
            raise invalid("the registry item is no training script", "registry_item_id")
        package = request.registry_item_id.replace(":", "/", 1)
        find_package(self.state, package, request.registry_item_version)
        for key in request.arguments:
            if not ARGUMENT.fullmatch(key):
                raise invalid(f"argument {key!r} is not letters, digits, '-' and '_'", "arguments")
        self._check_container(request)
        script = item.ml_training_metadata
        fields = {
            "is_custom_job": True,
            "model_type": script.model_type,
            "model_framework": script.model_framework or number("training", "ModelFramework", "MODEL_FRAMEWORK_TFLITE"),
            "registry_item_id": request.registry_item_id,
            "registry_item_version": request.registry_item_version,
            "arguments": request.arguments,
            "container_version": request.container_version,
            "container_id": request.container_id,
        }
        images = self.state.images_of(request.dataset_id)
        labels = {box.label for image in images for box in image.metadata.annotations.bboxes}
        return {"id": self._submitted(request, tuple(sorted(labels)), **fields)}

    def GetTrainingJob(self, request: Any) -> Answer:
        """Return a job after this look at it."""
        return {"metadata": look(self.state, self._job(request.id))}

    def ListTrainingJobs(self, request: Any) -> Answer:
        """List the jobs, the newest first; a listing is no look at them."""
        wanted = self.state.check_organization(request.organization_id)
        jobs = [job.metadata for job in reversed(self.state.jobs.values())]
        return {"jobs": [job for job in jobs if job.organization_id == wanted and request.status in (0, job.status)]}

    def CancelTrainingJob(self, request: Any) -> Answer:
        """Ask a job to stop."""
        job = self._job(request.id)
        if ended(job):
            raise too_early("the training job has ended already")
        cancel(self.state, job)
        return {}

    def DeleteCompletedTrainingJob(self, request: Any) -> Answer:
        """Forget a job that has ended; its model stays."""
        if not ended(self._job(request.id)):
            raise too_early("the training job has not ended")
        del self.state.jobs[request.id]
        return {}

    def GetTrainingJobLogs(self, request: Any) -> Answer:
        """Return a page of a job's log."""
        logs = self._job(request.id).logs
        start = token_start(request.page_token)
        end = start + (self.state.settings.page_limit or LOG_PAGE)
        return {
            "logs": [{"level": level, "time": time, "message": text} for level, time, text in logs[start:end]],
            "next_page_token": str(end) if end < len(logs) else "",
        }

    def _job(self, job_id: str) -> Job:
        if job_id not in self.state.jobs:
            raise missing("training job", job_id)
        return self.state.jobs[job_id]

    def _check(self, request: Any) -> None:
        self.state.check_organization(request.organization_id)
        self.state.dataset(request.dataset_id)
        for name in ("model_name", "model_version"):
            if not getattr(request, name):
                raise invalid(f"{name} is missing", name)
        check_name(request.model_name, "model_name")

    def _check_container(self, request: Any) -> None:
        if request.container_version and request.container_version not in CONTAINERS:
            raise invalid(f"there is no container {request.container_version!r}", "container_version")
        if request.container_id and request.container_id not in (*CONTAINERS, *self.state.containers):
            raise missing("container", request.container_id)

    def _submitted(self, request: Any, labels: tuple[str, ...], **fields: Any) -> str:
        now = self.state.clock.now()
        metadata = modules()["training"].TrainingJobMetadata(
            id=self.state.new_id(),
            dataset_id=request.dataset_id,
            organization_id=request.organization_id,
            model_name=request.model_name,
            model_version=request.model_version,
            status=status("PENDING"),
            created_on=now,
            last_modified=now,
            **fields,
        )
        job = Job(metadata, labels, fails_with=self.state.take_failure())
        job.logs.append(("INFO", now, "training job submitted"))
        self.state.jobs[metadata.id] = job
        return str(metadata.id)


class Containers(Routes):
    """The methods about containers: those of the platform, and those that an organisation registers."""

    service = "training"

    def ListSupportedContainers(self, request: Any) -> Answer:
        """List the platform's own containers."""
        return {"container_map": {key: self._own(key) for key in CONTAINERS}}

    def ListContainers(self, request: Any) -> Answer:
        """List the platform's containers and the organisation's."""
        wanted = self.state.check_organization(request.organization_id)
        registered = [one for one in self.state.containers.values() if one.organization_id == wanted]
        return {"containers": [*map(self._own, CONTAINERS), *registered]}

    def GetContainer(self, request: Any) -> Answer:
        """Return one of the platform's containers or a registered one."""
        return {"container": self._own(request.id) if request.id in CONTAINERS else self._registered(request.id)}

    def RegisterCustomTrainingContainer(self, request: Any) -> Answer:
        """Register an image as a container."""
        self.state.check_organization(request.organization_id)
        if not request.image_uri:
            raise invalid("image_uri is missing", "image_uri")
        if not request.description:
            raise invalid("description is missing", "description")
        container = modules()["training"].Container(
            id=self.state.new_id(),
            key=request.image_uri.rpartition("/")[2],
            uri=request.image_uri,
            description=request.description,
            organization_id=request.organization_id,
            created_on=self.state.clock.now(),
            visibility="VISIBILITY_PRIVATE",
        )
        self.state.containers[container.id] = container
        return {"id": container.id}

    def DeleteCustomTrainingContainer(self, request: Any) -> Answer:
        """Delete a registered container."""
        del self.state.containers[self._registered(request.id).id]
        return {}

    def _registered(self, container_id: str) -> Any:
        if container_id not in self.state.containers:
            raise missing("container", container_id)
        return self.state.containers[container_id]

    def _own(self, key: str) -> Any:
        kind = modules()["training"].Container
        return kind(
            key=key, id=key, framework="tensorflow", description=CONTAINERS[key], visibility="VISIBILITY_PUBLIC"
        )
