"""`dragoman datasets`, `dragoman labels` and `dragoman predictions`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from dragoman.adapter import Adapter
from dragoman.cli.backend import (
    DryRun,
    Json,
    Limit,
    about_backend,
    done,
    given,
    listed,
    reported,
    rows_of,
    shown,
    streamed,
    would,
)
from dragoman.cli.options import OnLoss
from dragoman.cli.show import Bars
from dragoman.schema import Label, Prediction

datasets = typer.Typer(help="Datasets and their items.", no_args_is_help=True)
labels = typer.Typer(help="Ground truth on the items of a dataset.", no_args_is_help=True)
predictions = typer.Typer(help="Stored predictions of a version.", no_args_is_help=True)

Dataset = Annotated[str, typer.Argument(help="Id of the dataset.")]
Version = Annotated[str, typer.Argument(help="Id of the version.")]
File = Annotated[Path, typer.Argument(help="File or folder of a known format.")]
ReadAs = Annotated[str | None, typer.Option("--from", help="Format of the file; else recognised.")]
Update = Annotated[bool, typer.Option("--update", help="Overwrite rows of the same id instead of leaving them alone.")]
COLUMNS = ["item", "feature", "geometry", "frame", "id"]


@about_backend(datasets, "list")
def list_datasets(
    backend: Adapter,
    json: Json = False,
) -> None:
    """List the datasets."""
    listed("Datasets", backend.datasets.list(), ["id", "name", "items#", "created_at"], json=json)


@about_backend(datasets, "get")
def get_dataset(
    backend: Adapter,
    dataset: Dataset,
    json: Json = False,
) -> None:
    """Show a dataset."""
    shown(backend.datasets.get(dataset), json=json)


@about_backend(datasets, "create")
def create_dataset(
    backend: Adapter,
    name: Annotated[str, typer.Argument(help="Its name.")],
    dry_run: DryRun = False,
    json: Json = False,
) -> None:
    """Create an empty dataset."""
    if dry_run:
        would(f"create the dataset {name!r} on {backend.name}", json=json)
        return
    shown(backend.datasets.create(name), json=json)


@about_backend(datasets, "add")
def add_items(
    backend: Adapter,
    dataset: Dataset,
    folder: Annotated[Path, typer.Argument(help="A folder of media; each file becomes an item.")],
    dry_run: DryRun = False,
    json: Json = False,
) -> None:
    """Add the images and videos of a folder; those that are there already are left alone."""
    from dragoman.media import items_from_folder

    items = items_from_folder(folder)
    if dry_run:
        would(f"add {sum(1 for _ in items)} items to {dataset}", json=json)
        return
    reported(backend.datasets.write_items(Bars().track(items, "items"), dataset=dataset), json=json)


@about_backend(datasets, "items")
def read_items(
    backend: Adapter,
    dataset: Dataset,
    limit: Limit = None,
    json: Json = False,
) -> None:
    """Show the items of a dataset; with --json one line for each."""
    found = backend.datasets.read_items(dataset)
    columns = ["key", "media", "width#", "height#", "split"]
    streamed(found, json=json, limit=limit, title="Items", columns=columns)


@about_backend(datasets, "delete")
def delete_dataset(
    backend: Adapter,
    dataset: Dataset,
    dry_run: DryRun = False,
    json: Json = False,
) -> None:
    """Delete a dataset with its items, labels and predictions."""
    found = backend.datasets.get(dataset)
    if dry_run:
        would(f"delete the dataset {found.name!r} ({dataset})", json=json)
        return
    backend.datasets.delete(dataset)
    done(f"Deleted the dataset {found.name!r} ({dataset})", json=json, deleted=dataset)


@about_backend(labels, "read")
def read_labels(
    backend: Adapter,
    dataset: Dataset,
    item: Annotated[list[str], typer.Option(help="Only labels on the item of this key.")] = [],
    limit: Limit = None,
    json: Json = False,
) -> None:
    """Show the labels of a dataset; with --json one line for each."""
    found = backend.labels.read(dataset, items=item or None)
    streamed(found, json=json, limit=limit, title="Labels", columns=COLUMNS)


@about_backend(labels, "write")
def write_labels(
    backend: Adapter,
    dataset: Dataset,
    file: File,
    read_as: ReadAs = None,
    update: Update = False,
    on_loss: OnLoss = "raise",
    dry_run: DryRun = False,
    json: Json = False,
) -> None:
    """Write the labels of a file to items that the dataset has."""
    rows = rows_of(file, Label, read_as)
    if dry_run:
        would(f"write {sum(1 for _ in rows)} labels to {dataset}", json=json)
        return
    tracked = Bars().track(rows, "labels")
    reported(backend.labels.write(tracked, dataset=dataset, update=update, on_loss=on_loss), json=json)


@about_backend(labels, "versions")
def label_versions(
    backend: Adapter,
    dataset: Dataset,
    json: Json = False,
) -> None:
    """List the versions of a dataset's labels, the oldest first."""
    found = backend.labels.versions(dataset)
    given("\n".join(found) or "There are none.", json=json, versions=found)


@about_backend(labels, "export")
def export_labels(
    backend: Adapter,
    dataset: Dataset,
    dry_run: DryRun = False,
    json: Json = False,
) -> None:
    """Make the platform's own export and say where it can be fetched."""
    if dry_run:
        would(f"make an export of the labels of {dataset} on {backend.name}", json=json)
        return
    where = backend.labels.export(dataset)
    given(where, json=json, export=where)


@about_backend(predictions, "read")
def read_predictions(
    backend: Adapter,
    version: Version,
    dataset: Dataset,
    item: Annotated[list[str], typer.Option(help="Only predictions on the item of this key.")] = [],
    limit: Limit = None,
    json: Json = False,
) -> None:
    """Show the predictions of a version on a dataset; with --json one line for each."""
    found = backend.predictions.read(version, dataset=dataset, items=item or None)
    columns = [*COLUMNS[:4], "confidence#", "id"]
    streamed(found, json=json, limit=limit, title="Predictions", columns=columns)


@about_backend(predictions, "write")
def write_predictions(
    backend: Adapter,
    version: Version,
    dataset: Dataset,
    file: File,
    read_as: ReadAs = None,
    update: Update = False,
    on_loss: OnLoss = "raise",
    dry_run: DryRun = False,
    json: Json = False,
) -> None:
    """Write the predictions of a file, as those of a version."""
    rows = rows_of(file, Prediction, read_as)
    if dry_run:
        would(f"write {sum(1 for _ in rows)} predictions of {version}", json=json)
        return
    tracked = Bars().track(rows, "predictions")
    report = backend.predictions.write(tracked, version=version, dataset=dataset, update=update, on_loss=on_loss)
    reported(report, json=json)


@about_backend(predictions, "delete")
def delete_predictions(
    backend: Adapter,
    version: Version,
    dataset: Dataset,
    dry_run: DryRun = False,
    json: Json = False,
) -> None:
    """Delete the predictions of a version on a dataset."""
    if dry_run:
        would(f"delete the predictions of {version} on {dataset}", json=json)
        return
    backend.predictions.delete(version, dataset=dataset)
    done(f"Deleted the predictions of {version} on {dataset}", json=json, deleted=version)
