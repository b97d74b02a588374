"""`dragoman training` and `dragoman predict`."""

from __future__ import annotations

import json as json_module
from itertools import count
from pathlib import Path
from typing import Annotated, Any

import typer

from dragoman.adapter import Adapter
from dragoman.cli.backend import (
    Backend,
    DryRun,
    Json,
    Limit,
    Profile,
    Settings,
    done,
    listed,
    opened,
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


@training.command("submit")
def submit(
    backend: Backend,
    model: Annotated[str, typer.Argument(help="Id of the model.")],
    dataset: Annotated[list[str], typer.Argument(help="Id of a dataset, or of several.")],
    feature: Annotated[
        list[str], typer.Option(metavar="LABEL=FEATURE", help="A label's feature and what the model calls it.")
    ] = [],  # noqa: B006 - typer reads the default and never changes it
    pretrained: Annotated[str | None, typer.Option(help="Id of a version to start from.")] = None,
    parameter: Annotated[
        list[str], typer.Option(metavar="NAME=VALUE", help="A hyper-parameter; values are read as JSON.")
    ] = [],  # noqa: B006
    wait: Wait = False,
    set_: Settings = [],  # noqa: B006
    profile: Profile = None,
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
    with opened(backend, set_, profile) as open_backend:
        job = open_backend.training.submit(
            model, dataset=dataset, features=mapping, pretrained=pretrained, parameters=parameters
        )
        shown(_waited(open_backend, job.id, None) if wait else job, json=json)


@training.command("list")
def list_jobs(
    backend: Backend,
    status: Annotated[Status | None, typer.Option(help="Only jobs in this state.")] = None,
    set_: Settings = [],  # noqa: B006
    profile: Profile = None,
    json: Json = False,
) -> None:
    """List the jobs, the newest first."""
    with opened(backend, set_, profile) as open_backend:
        listed("Trainings", open_backend.training.list(status=status), COLUMNS, json=json)


@training.command("get")
def get_job(
    backend: Backend,
    job: Job,
    set_: Settings = [],  # noqa: B006
    profile: Profile = None,
    json: Json = False,
) -> None:
    """Show a job as it is now."""
    with opened(backend, set_, profile) as open_backend:
        shown(open_backend.training.get(job), json=json)


@training.command("wait")
def wait_for(
    backend: Backend,
    job: Job,
    timeout: Timeout = None,
    set_: Settings = [],  # noqa: B006
    profile: Profile = None,
    json: Json = False,
) -> None:
    """Stay until a job has ended."""
    with opened(backend, set_, profile) as open_backend:
        shown(_waited(open_backend, job, timeout), json=json)


@training.command("logs")
def logs(
    backend: Backend,
    job: Job,
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Go on until the job has ended.")] = False,
    set_: Settings = [],  # noqa: B006
    profile: Profile = None,
) -> None:
    """Print the log of a job."""
    with opened(backend, set_, profile) as open_backend:
        printed = 0
        for _ in count():
            ended = open_backend.training.get(job).status.ended
            for number, line in enumerate(open_backend.training.logs(job)):
                if number >= printed:
                    out.print(line, markup=False, soft_wrap=True)
                    printed += 1
            # Looked at before the log was read, so that its last lines are not missed.
            if ended or not follow:
                return
            open_backend.sleep(open_backend.training.poll_seconds)


@training.command("cancel")
def cancel(
    backend: Backend,
    job: Job,
    set_: Settings = [],  # noqa: B006
    profile: Profile = None,
    dry_run: DryRun = False,
    json: Json = False,
) -> None:
    """Stop a job."""
    if dry_run:
        would(f"cancel the training {job}", json=json)
        return
    with opened(backend, set_, profile) as open_backend:
        shown(open_backend.training.cancel(job), json=json)


@training.command("delete")
def delete_job(
    backend: Backend,
    job: Job,
    set_: Settings = [],  # noqa: B006
    profile: Profile = None,
    dry_run: DryRun = False,
    json: Json = False,
) -> None:
    """Delete a job that has ended; its version stays."""
    if dry_run:
        would(f"delete the training {job}", json=json)
        return
    with opened(backend, set_, profile) as open_backend:
        open_backend.training.delete(job)
    done(f"Deleted the training {job}", json=json, deleted=job)


def predict(
    backend: Backend,
    version: Annotated[str, typer.Argument(help="Id of the version.")],
    files: Annotated[list[Path], typer.Argument(help="Images, videos, or folders of them.")],
    confidence: Annotated[float, typer.Option(help="Least confidence.", min=0, max=1)] = 0.25,
    iou: Annotated[float, typer.Option(help="Overlap above which the weaker is left out.", min=0, max=1)] = 0.5,
    limit: Limit = None,
    set_: Settings = [],  # noqa: B006
    profile: Profile = None,
    json: Json = False,
) -> None:
    """Predict on files; with --json one line for each prediction, as it is made."""
    with opened(backend, set_, profile) as open_backend:
        found = open_backend.inference.predict(version, _media(files), confidence=confidence, iou=iou)
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
