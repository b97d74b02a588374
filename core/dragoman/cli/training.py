"""`dragoman training` and `dragoman predict`."""

from __future__ import annotations

import json as json_module
from itertools import count
from pathlib import Path
from typing import Annotated, Any

import typer

from dragoman.adapter import Adapter
from dragoman.cli.backend import (
    DryRun,
    Json,
    Limit,
    about_backend,
    done,
    listed,
    shown,
    streamed,
    would,
)
from dragoman.cli.show import bars, out, settings
from dragoman.schema import Item, Status, Training

training = typer.Typer(help="Training jobs.", no_args_is_help=True)

Job = Annotated[str, typer.Argument(help="Id of the job.")]
Wait = Annotated[bool, typer.Option("--wait", help="Stay until it has ended; Ctrl-C leaves it running.")]
Timeout = Annotated[float | None, typer.Option(help="Seconds to wait at most; the job goes on.", min=0)]
COLUMNS = ["id", "model", "status", "version", "error"]


@about_backend(training, "submit")
def submit(
    backend: Adapter,
    model: Annotated[str, typer.Argument(help="Id of the model.")],
    dataset: Annotated[list[str], typer.Argument(help="Id of a dataset, or of several.")],
    feature: Annotated[
        list[str], typer.Option(metavar="LABEL=FEATURE", help="A label's feature and what the model calls it.")
    ] = [],
    pretrained: Annotated[str | None, typer.Option(help="Id of a version to start from.")] = None,
    parameter: Annotated[
        list[str], typer.Option(metavar="NAME=VALUE", help="A hyper-parameter; values are read as JSON.")
    ] = [],
    wait: Wait = False,
    dry_run: DryRun = False,
    json: Json = False,
) -> None:
    """Start a training."""
    if dry_run:
        would(f"train a version of {model} on {', '.join(dataset)}", json=json)
        return
    mapping: dict[str, list[str]] = {}
    for pair in feature:
        for label, name in settings([pair]).items():
            mapping.setdefault(label, []).append(name)
    parameters = {name: _value(text) for name, text in settings(parameter).items()}
    job = backend.training.submit(
        model, dataset=dataset, features=mapping, pretrained=pretrained, parameters=parameters
    )
    shown(_waited(backend, job.id, None) if wait else job, json=json)


@about_backend(training, "list")
def list_jobs(
    backend: Adapter,
    status: Annotated[Status | None, typer.Option(help="Only jobs in this state.")] = None,
    json: Json = False,
) -> None:
    """List the jobs, the newest first."""
    listed("Trainings", backend.training.list(status=status), COLUMNS, json=json)


@about_backend(training, "get")
def get_job(
    backend: Adapter,
    job: Job,
    json: Json = False,
) -> None:
    """Show a job as it is now."""
    shown(backend.training.get(job), json=json)


@about_backend(training, "wait")
def wait_for(
    backend: Adapter,
    job: Job,
    timeout: Timeout = None,
    json: Json = False,
) -> None:
    """Stay until a job has ended."""
    shown(_waited(backend, job, timeout), json=json)


@about_backend(training, "logs")
def logs(
    backend: Adapter,
    job: Job,
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Go on until the job has ended.")] = False,
    json: Json = False,
) -> None:
    """Print the log of a job; with --json each line as a string."""
    printed = 0
    for _ in count():
        ended = backend.training.get(job).status.ended
        for number, line in enumerate(backend.training.logs(job)):
            if number >= printed:
                out.print(json_module.dumps(line) if json else line, soft_wrap=True)
                printed += 1
        # Looked at before the log was read, so that its last lines are not missed.
        if ended or not follow:
            return
        backend.sleep(backend.training.poll_seconds)


@about_backend(training, "cancel")
def cancel(
    backend: Adapter,
    job: Job,
    dry_run: DryRun = False,
    json: Json = False,
) -> None:
    """Stop a job."""
    if dry_run:
        would(f"cancel the training {job}", json=json)
        return
    shown(backend.training.cancel(job), json=json)


@about_backend(training, "delete")
def delete_job(
    backend: Adapter,
    job: Job,
    dry_run: DryRun = False,
    json: Json = False,
) -> None:
    """Delete a job that has ended; its version stays."""
    if dry_run:
        would(f"delete the training {job}", json=json)
        return
    backend.training.delete(job)
    done(f"Deleted the training {job}", json=json, deleted=job)


def predict(
    backend: Adapter,
    version: Annotated[str, typer.Argument(help="Id of the version.")],
    files: Annotated[list[Path], typer.Argument(help="Images, videos, or folders of them.")],
    confidence: Annotated[float, typer.Option(help="Least confidence.", min=0, max=1)] = 0.25,
    iou: Annotated[float, typer.Option(help="Overlap above which the weaker is left out.", min=0, max=1)] = 0.5,
    limit: Limit = None,
    json: Json = False,
) -> None:
    """Predict on files; with --json one line for each prediction, as it is made."""
    found = backend.inference.predict(version, _media(files), confidence=confidence, iou=iou)
    columns = ["item", "feature", "geometry", "frame", "confidence#"]
    streamed(found, json=json, limit=limit, title="Predictions", columns=columns)


def _media(files: list[Path]) -> Any:
    from dragoman.media import items_from_folder

    for path in files:
        if path.is_dir():
            yield from items_from_folder(path)
        else:
            yield Item(str(path), uri=str(path))


def _waited(backend: Adapter, job: str, timeout: float | None) -> Training:
    with bars() as progress:
        task = progress.add_task("training", total=None, note="")

        def look(training: Training) -> None:
            now = training.progress
            progress.update(task, completed=now.step, total=now.steps or None, note=str(training.status))

        return backend.training.wait(job, timeout=timeout, on_progress=look)


def _value(text: str) -> Any:
    """Return a parameter's value: JSON where it is some, else the text."""
    try:
        return json_module.loads(text)
    except ValueError:
        return text
