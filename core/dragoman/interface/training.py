"""Training: jobs that make versions."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from math import isnan
from typing import Any

from dragoman.errors import InvalidData, PlatformError, Timeout, Unsupported
from dragoman.interface.base import Facet, operation, ref, status_of
from dragoman.schema import Dataset, Item, Model, Status, Training, TrainingSource, Version


class Trainings(Facet, name="training"):
    """Submit, follow and end training jobs."""

    poll_seconds = 0.5
    """How long `wait` rests between two looks at a job."""

    @operation(repeatable=False)
    def submit(
        self,
        model: str | Model,
        *,
        dataset: str | Dataset | TrainingSource | Sequence[str | Dataset | TrainingSource],
        features: Mapping[str, str | Sequence[str]] | None = None,
        pretrained: str | Version | None = None,
        parameters: Mapping[str, Any] | None = None,
    ) -> Training:
        """Start a job that trains a version of `model` on the labels of datasets, and return at once.

        Args:
            model: The model or its id.
            dataset: The dataset or its id, or several. Items whose split is `"train"`, or that have none, are trained
                on; a `TrainingSource` chooses others, or single labels, and has a mapping of its own.
            features: Label feature to the model's feature that it stands for, or to several, where the names differ.
            pretrained: A version to start from.
            parameters: Hyper-parameters of the platform, such as `{"epochs": 8, "batch_size": 16}`.

        Raises:
            NotFound: There is no such model or dataset.
            InvalidData: A parameter is unknown or bad, or the mapping names an unknown feature.
            Unsupported: The platform trains on one dataset at a time, or on all of its labels.
        """
        start = ref(pretrained) if pretrained is not None else None
        return self._call("submit", ref(model), _sources(dataset, features or {}), start, dict(parameters or {}))

    @operation()
    def get(self, training: str | Training) -> Training:
        """Return the job as it is now, with its progress.

        Raises:
            NotFound: There is none of that id.
        """
        return self._call("get", ref(training))

    @operation()
    def list(self, *, status: Status | str | None = None, page_size: int | None = None) -> Iterator[Training]:
        """Iterate over the jobs, the newest first; only those in `status` if it is given.

        Raises:
            InvalidData: There is no such status.
        """
        return self._pages("list", status_of(status), size=page_size)

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
            InvalidData: The timeout is no number.
            PlatformError: The job failed; the message says why.
            Timeout: It has not ended in time.
        """
        if timeout is not None and (not isinstance(timeout, int | float) or isnan(timeout)):
            raise InvalidData(f"timeout is {timeout!r}; it is a number of seconds.", field="timeout")
        deadline = time.monotonic() + timeout if timeout is not None else None
        while True:
            job = self.get(training)
            if on_progress is not None:
                on_progress(job)
            if job.status is Status.FAILED:
                hint = "Its log says more." if self._adapter.capabilities()["training.logs"].supported else None
                raise PlatformError(f"Training {job.id} failed: {job.error}", hint=hint)
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


def _sources(
    datasets: str | Dataset | TrainingSource | Sequence[str | Dataset | TrainingSource],
    features: Mapping[str, str | Sequence[str]],
) -> tuple[TrainingSource, ...]:
    several = [datasets] if isinstance(datasets, str | Dataset | TrainingSource) else datasets
    if not several:
        raise InvalidData("There is no dataset to train on.", field="dataset")
    return tuple(_source(one, features) for one in several)


def _source(dataset: str | Dataset | TrainingSource, features: Mapping[str, str | Sequence[str]]) -> TrainingSource:
    if not isinstance(dataset, TrainingSource):
        return TrainingSource(dataset=ref(dataset), features=features)
    if features and dataset.features:
        raise InvalidData("A source with a mapping of its own takes no other.", field="features")
    return TrainingSource(**{**dataset.model_dump(), "features": features or dataset.features})


def whole_dataset(sources: Sequence[TrainingSource]) -> TrainingSource:
    """Return the only source, for a platform that trains on one whole dataset.

    Raises:
        Unsupported: There are several, or it chooses among items or labels.
    """
    if len(sources) > 1:
        raise Unsupported(f"A training here learns from one dataset, and {len(sources)} are given.")
    (source,) = sources
    for field in ("items", "labels"):
        if getattr(source, field) is not None:
            raise Unsupported(f"A training here learns from a whole dataset; its {field} cannot be chosen.")
    return source


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
