"""`dragoman models` and `dragoman versions`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

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
from dragoman.schema import Task

models = typer.Typer(help="Models of a backend.", no_args_is_help=True)
versions = typer.Typer(help="Versions of a model, and their weights.", no_args_is_help=True)

Model = Annotated[str, typer.Argument(help="Id of the model.")]
Version = Annotated[str, typer.Argument(help="Id of the version.")]


@models.command("list")
def list_models(
    backend: Backend,
    query: Annotated[str | None, typer.Option(help="Only models whose name has this in it.")] = None,
    order: Annotated[Literal["name", "created_at"] | None, typer.Option(help="What they are sorted by.")] = None,
    set_: Settings = [],  # noqa: B006 - typer reads the default and never changes it
    profile: Profile = None,
    json: Json = False,
) -> None:
    """List the models."""
    with opened(backend, set_, profile) as open_backend:
        found = open_backend.models.list(query=query, order=order)
        listed("Models", found, ["id", "name", "task", "features"], json=json)


@models.command("get")
def get_model(
    backend: Backend,
    model: Model,
    set_: Settings = [],  # noqa: B006
    profile: Profile = None,
    json: Json = False,
) -> None:
    """Show a model."""
    with opened(backend, set_, profile) as open_backend:
        shown(open_backend.models.get(model), json=json)


@models.command("create")
def create_model(
    backend: Backend,
    name: Annotated[str, typer.Argument(help="Its name.")],
    task: Annotated[Task, typer.Option(help="What it does.")],
    feature: Annotated[list[str], typer.Option(help="A class that it knows; once for each, in their order.")],
    key: Annotated[str | None, typer.Option(help="Your own reference; the name by default.")] = None,
    description: Annotated[str, typer.Option(help="Free text.")] = "",
    set_: Settings = [],  # noqa: B006
    profile: Profile = None,
    dry_run: DryRun = False,
    json: Json = False,
) -> None:
    """Create a model."""
    if dry_run:
        would(f"create the model {name!r} on {backend}", json=json)
        return
    with opened(backend, set_, profile) as open_backend:
        made = open_backend.models.create(name, task=task, features=feature, key=key, description=description)
        shown(made, json=json)


@models.command("delete")
def delete_model(
    backend: Backend,
    model: Model,
    set_: Settings = [],  # noqa: B006
    profile: Profile = None,
    dry_run: DryRun = False,
    json: Json = False,
) -> None:
    """Delete a model with its versions and predictions."""
    with opened(backend, set_, profile) as open_backend:
        found = open_backend.models.get(model)
        if dry_run:
            would(f"delete the model {found.name!r} ({model})", json=json)
            return
        open_backend.models.delete(model)
    done(f"Deleted the model {found.name!r} ({model})", json=json, deleted=model)


@versions.command("list")
def list_versions(
    backend: Backend,
    model: Model,
    set_: Settings = [],  # noqa: B006
    profile: Profile = None,
    json: Json = False,
) -> None:
    """List the versions of a model."""
    with opened(backend, set_, profile) as open_backend:
        found = open_backend.versions.list(model)
        listed("Versions", found, ["id", "name", "status", "metrics", "created_at"], json=json)


@versions.command("get")
def get_version(
    backend: Backend,
    version: Version,
    set_: Settings = [],  # noqa: B006
    profile: Profile = None,
    json: Json = False,
) -> None:
    """Show a version."""
    with opened(backend, set_, profile) as open_backend:
        shown(open_backend.versions.get(version), json=json)


@versions.command("data")
def version_data(
    backend: Backend,
    version: Version,
    limit: Limit = None,
    set_: Settings = [],  # noqa: B006
    profile: Profile = None,
    json: Json = False,
) -> None:
    """Show the items that a version was trained on."""
    with opened(backend, set_, profile) as open_backend:
        found = open_backend.versions.data(version)
        streamed(found, json=json, limit=limit, title="Items", columns=["key", "split", "id"])


@versions.command("download")
def download_weights(
    backend: Backend,
    version: Version,
    path: Annotated[Path, typer.Argument(help="Where to write them.")],
    set_: Settings = [],  # noqa: B006
    profile: Profile = None,
    dry_run: DryRun = False,
    json: Json = False,
) -> None:
    """Download the weights of a version."""
    if dry_run:
        would(f"write the weights of {version} to {path}", json=json)
        return
    with opened(backend, set_, profile) as open_backend:
        written = open_backend.versions.download_weights(version, path)
    done(f"Wrote {written} ({written.stat().st_size:,} bytes)", json=json, path=str(written))


@versions.command("upload")
def upload_weights(
    backend: Backend,
    version: Version,
    path: Annotated[Path, typer.Argument(help="A file of weights.")],
    set_: Settings = [],  # noqa: B006
    profile: Profile = None,
    dry_run: DryRun = False,
    json: Json = False,
) -> None:
    """Store weights with a version."""
    if dry_run:
        would(f"store {path} with {version}", json=json)
        return
    with opened(backend, set_, profile) as open_backend:
        shown(open_backend.versions.upload_weights(version, path), json=json)


@versions.command("delete")
def delete_version(
    backend: Backend,
    version: Version,
    set_: Settings = [],  # noqa: B006
    profile: Profile = None,
    dry_run: DryRun = False,
    json: Json = False,
) -> None:
    """Delete a version and its predictions."""
    if dry_run:
        would(f"delete the version {version}", json=json)
        return
    with opened(backend, set_, profile) as open_backend:
        open_backend.versions.delete(version)
    done(f"Deleted the version {version}", json=json, deleted=version)
