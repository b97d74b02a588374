"""`dragoman models` and `dragoman versions`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

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
from dragoman.schema import Task

models = typer.Typer(help="Models of a backend.", no_args_is_help=True)
versions = typer.Typer(help="Versions of a model, and their weights.", no_args_is_help=True)

Model = Annotated[str, typer.Argument(help="Id of the model.")]
Version = Annotated[str, typer.Argument(help="Id of the version.")]


@about_backend(models, "list")
def list_models(
    backend: Adapter,
    query: Annotated[str | None, typer.Option(help="Only models whose name has this in it.")] = None,
    order: Annotated[Literal["name", "created_at"] | None, typer.Option(help="What they are sorted by.")] = None,
    json: Json = False,
) -> None:
    """List the models."""
    found = backend.models.list(query=query, order=order)
    listed("Models", found, ["id", "name", "task", "features"], json=json)


@about_backend(models, "get")
def get_model(
    backend: Adapter,
    model: Model,
    json: Json = False,
) -> None:
    """Show a model."""
    shown(backend.models.get(model), json=json)


@about_backend(models, "create")
def create_model(
    backend: Adapter,
    name: Annotated[str, typer.Argument(help="Its name.")],
    task: Annotated[Task, typer.Option(help="What it does.")],
    feature: Annotated[list[str], typer.Option(help="A class that it knows; once for each, in their order.")],
    key: Annotated[str | None, typer.Option(help="Your own reference; the name by default.")] = None,
    description: Annotated[str, typer.Option(help="Free text.")] = "",
    dry_run: DryRun = False,
    json: Json = False,
) -> None:
    """Create a model."""
    if dry_run:
        would(f"create the model {name!r} on {backend.name}", json=json)
        return
    made = backend.models.create(name, task=task, features=feature, key=key, description=description)
    shown(made, json=json)


@about_backend(models, "delete")
def delete_model(
    backend: Adapter,
    model: Model,
    dry_run: DryRun = False,
    json: Json = False,
) -> None:
    """Delete a model with its versions and predictions."""
    found = backend.models.get(model)
    if dry_run:
        would(f"delete the model {found.name!r} ({model})", json=json)
        return
    backend.models.delete(model)
    done(f"Deleted the model {found.name!r} ({model})", json=json, deleted=model)


@about_backend(versions, "list")
def list_versions(
    backend: Adapter,
    model: Model,
    json: Json = False,
) -> None:
    """List the versions of a model."""
    found = backend.versions.list(model)
    listed("Versions", found, ["id", "name", "status", "metrics", "created_at"], json=json)


@about_backend(versions, "get")
def get_version(
    backend: Adapter,
    version: Version,
    json: Json = False,
) -> None:
    """Show a version."""
    shown(backend.versions.get(version), json=json)


@about_backend(versions, "data")
def version_data(
    backend: Adapter,
    version: Version,
    limit: Limit = None,
    json: Json = False,
) -> None:
    """Show the items that a version was trained on."""
    found = backend.versions.data(version)
    streamed(found, json=json, limit=limit, title="Items", columns=["key", "split", "id"])


@about_backend(versions, "download")
def download_weights(
    backend: Adapter,
    version: Version,
    path: Annotated[Path, typer.Argument(help="Where to write them.")],
    dry_run: DryRun = False,
    json: Json = False,
) -> None:
    """Download the weights of a version."""
    if dry_run:
        would(f"write the weights of {version} to {path}", json=json)
        return
    written = backend.versions.download_weights(version, path)
    done(f"Wrote {written} ({written.stat().st_size:,} bytes)", json=json, path=str(written))


@about_backend(versions, "upload")
def upload_weights(
    backend: Adapter,
    version: Version,
    path: Annotated[Path, typer.Argument(help="A file of weights.")],
    dry_run: DryRun = False,
    json: Json = False,
) -> None:
    """Store weights with a version."""
    if dry_run:
        would(f"store {path} with {version}", json=json)
        return
    shown(backend.versions.upload_weights(version, path), json=json)


@about_backend(versions, "delete")
def delete_version(
    backend: Adapter,
    version: Version,
    dry_run: DryRun = False,
    json: Json = False,
) -> None:
    """Delete a version and its predictions."""
    if dry_run:
        would(f"delete the version {version}", json=json)
        return
    backend.versions.delete(version)
    done(f"Deleted the version {version}", json=json, deleted=version)
