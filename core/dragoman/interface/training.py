"""Training: jobs that make versions."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from dragoman.errors import InvalidData, PlatformError, Timeout
from dragoman.interface.base import Facet, operation, ref
from dragoman.schema import Dataset, Item, Model, Status, Training, Version


class Trainings(Facet, name="training"):
    """Submit, follow and end training jobs."""

    poll_seconds = 0.5
    """How long `wait` rests between two looks at a job."""

    @operation(repeatable=False)
    def submit(
        self,
        model: str | Model,
        *,
        dataset: str | Dataset,
        features: Mapping[str, str] | None = None,
        pretrained: str | Version | None = None,
        parameters: Mapping[str, Any] | None = None,
    ) -> Training:
        """Start a job that trains a version of `model` on the labels of `dataset`, and return at once.

        Args:
            model: The model or its id.
            dataset: The dataset or its id. Items whose split is `"train"`, or that have none, are trained on.
            features: Label feature to model feature, where the names differ.
            pretrained: A version to start from.
            parameters: Hyper-parameters of the platform, such as `{"epochs": 8, "batch_size": 16}`.

        Raises:
            NotFound: There is no such model or dataset.
            InvalidData: A parameter is unknown or bad, or the mapping names an unknown feature.
        """
        start = ref(pretrained) if pretrained is not None else None
        arguments = (ref(model), ref(dataset), dict(features or {}), start, dict(parameters or {}))
        return self._call("submit", *arguments)

    @operation()
    def get(self, training: str | Training) -> Training:
        """Return the job as it is now, with its progress.

        Raises:
            NotFound: There is none of that id.
        """
        return self._call("get", ref(training))

    @operation()
    def list(self, *, status: Status | str | None = None, page_size: int | None = None) -> Iterator[Training]:
        """Iterate over the jobs, the newest first; only those in `status` if it is given."""
        return self._pages("list", Status(status) if status is not None else None, size=page_size)

    @operation(composed_of=("training.get",))
    def wait(
        self,
        training: str | Training,
        *,
        timeout: float | None = None,
        on_progress: Callable[[Training], None] | None = None,
    ) -> Training:
        """Return the job when it has succeeded or was cancelled.

        Args:
            training: The job or its id.
            timeout: Seconds to wait at most; the job itself goes on.
            on_progress: Called with the job after every look at it.

        Raises:
            PlatformError: The job failed; the message says why.
            Timeout: It has not ended in time.
        """
        deadline = time.monotonic() + timeout if timeout is not None else None
        while True:
            job = self.get(training)
            if on_progress is not None:
                on_progress(job)
            if job.status is Status.FAILED:
                raise PlatformError(f"Training {job.id} failed: {job.error}", hint="Its log says more.")
            if job.status.ended:
                return job
            if deadline is not None and time.monotonic() >= deadline:
                raise Timeout(f"Training {job.id} is still {job.status} after {timeout} s.")
            self._adapter.sleep(self.poll_seconds)

    @operation()
    def cancel(self, training: str | Training) -> Training:
        """Stop a job and return it. A job that has ended stays as it is."""
        return self._call("cancel", ref(training))

    @operation()
    def delete(self, training: str | Training) -> None:
        """Delete a job that has ended; its version stays.

        Raises:
            Conflict: It has not ended.
        """
        self._call("delete", ref(training))

    @operation()
    def logs(self, training: str | Training, *, page_size: int | None = None) -> Iterator[str]:
        """Iterate over the lines of the job's log so far."""
        return self._pages("logs", ref(training), size=page_size)

    @operation()
    def data(self, training: str | Training, *, page_size: int | None = None) -> Iterator[Item]:
        """Iterate over the items that the job trains on; each has its `split`."""
        return self._pages("data", ref(training), size=page_size)


def check_parameters(given: Mapping[str, Any], known: Mapping[str, Any]) -> None:
    """Refuse hyper-parameters that a platform does not know.

    Raises:
        InvalidData: One is unknown; the error names it and the known ones.
    """
    for name in given:
        if name not in known:
            raise InvalidData(
                f"There is no training parameter {name!r}.",
                hint=f"The parameters are: {', '.join(sorted(known))}.",
                field=f"parameters.{name}",
            )
