"""The asynchronous facets: which operation is awaited, and which is iterated over."""

from __future__ import annotations

from dragoman.aio.twins import AsyncFacet, Call, Stream, Write
from dragoman.interface import (
    Attachments,
    Datasets,
    Evaluations,
    Handoff,
    Inference,
    Labels,
    Models,
    Ontologies,
    Predictions,
    Trainings,
    Versions,
)


class AsyncModels(AsyncFacet):
    """Create, find, change and delete models."""

    create = Call(Models.create)
    get = Call(Models.get)
    list = Stream(Models.list)
    update = Call(Models.update)
    delete = Call(Models.delete)
    find = Call(Models.find)


class AsyncVersions(AsyncFacet):
    """Create, find, change and delete versions; move their weights."""

    create = Call(Versions.create)
    get = Call(Versions.get)
    list = Stream(Versions.list)
    update = Call(Versions.update)
    delete = Call(Versions.delete)
    download_weights = Call(Versions.download_weights)
    upload_weights = Call(Versions.upload_weights)
    data = Stream(Versions.data)


class AsyncTrainings(AsyncFacet):
    """Submit, follow and end training jobs. What `wait` reports to is called in a worker thread."""

    submit = Call(Trainings.submit)
    get = Call(Trainings.get)
    list = Stream(Trainings.list)
    wait = Call(Trainings.wait)
    cancel = Call(Trainings.cancel)
    delete = Call(Trainings.delete)
    logs = Stream(Trainings.logs)
    data = Stream(Trainings.data)


class AsyncInference(AsyncFacet):
    """Predict."""

    predict = Stream(Inference.predict)


class AsyncPredictions(AsyncFacet):
    """Write, read and delete predictions."""

    write = Write(Predictions.write)
    read = Stream(Predictions.read)
    delete = Call(Predictions.delete)


class AsyncEvaluations(AsyncFacet):
    """Evaluate versions and compare the results."""

    evaluate = Call(Evaluations.evaluate)
    get = Call(Evaluations.get)


class AsyncAttachments(AsyncFacet):
    """Attach models to projects, change and end it."""

    attach = Call(Attachments.attach)
    list = Stream(Attachments.list)
    update = Call(Attachments.update)
    detach = Call(Attachments.detach)


class AsyncDatasets(AsyncFacet):
    """Create, find and delete datasets; write and read their items."""

    create = Call(Datasets.create)
    get = Call(Datasets.get)
    list = Stream(Datasets.list)
    delete = Call(Datasets.delete)
    read_items = Stream(Datasets.read_items)
    write_items = Write(Datasets.write_items)
    splits = Call(Datasets.splits)
    find = Call(Datasets.find)


class AsyncLabels(AsyncFacet):
    """Write and read labels."""

    versions = Call(Labels.versions)
    read = Stream(Labels.read)
    write = Write(Labels.write)
    export = Call(Labels.export)


class AsyncOntologies(AsyncFacet):
    """Create and read ontologies."""

    create = Call(Ontologies.create)
    get = Call(Ontologies.get)


class AsyncHandoff(AsyncFacet):
    """Send work to annotation projects."""

    send_predictions = Call(Handoff.send_predictions)
    send_items = Call(Handoff.send_items)


FACETS: dict[str, type[AsyncFacet]] = {
    "models": AsyncModels,
    "versions": AsyncVersions,
    "training": AsyncTrainings,
    "inference": AsyncInference,
    "predictions": AsyncPredictions,
    "evaluations": AsyncEvaluations,
    "attachments": AsyncAttachments,
    "datasets": AsyncDatasets,
    "labels": AsyncLabels,
    "ontologies": AsyncOntologies,
    "handoff": AsyncHandoff,
}
