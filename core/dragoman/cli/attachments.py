"""`dragoman attachments`."""

from __future__ import annotations

from typing import Annotated

import typer

from dragoman.adapter import Adapter
from dragoman.cli.backend import DryRun, Json, about_backend, done, listed, shown, would
from dragoman.cli.show import settings

attachments = typer.Typer(help="Models bound to projects.", no_args_is_help=True)

Project = Annotated[str, typer.Argument(help="Id of the project.")]
Attachment = Annotated[str, typer.Argument(help="Id of the attachment.")]
Features = Annotated[
    list[str], typer.Option("--feature", metavar="MODEL=PROJECT", help="A feature and what it is there.")
]
Versions = Annotated[list[str], typer.Option("--version", help="latest, all, or the id of a version; may be several.")]


@about_backend(attachments, "list")
def list_attachments(
    backend: Adapter,
    project: Project,
    json: Json = False,
) -> None:
    """List the models that are attached to a project."""
    listed("Attachments", backend.attachments.list(project), ["id", "model", "features", "versions"], json=json)


@about_backend(attachments, "attach")
def attach(
    backend: Adapter,
    model: Annotated[str, typer.Argument(help="Id of the model.")],
    project: Project,
    feature: Features,
    version: Versions = ["latest"],
    dry_run: DryRun = False,
    json: Json = False,
) -> None:
    """Attach a model to a project."""
    if dry_run:
        would(f"attach {model} to {project}", json=json)
        return
    made = backend.attachments.attach(model, project=project, features=settings(feature), versions=_chosen(version))
    shown(made, json=json)


@about_backend(attachments, "update")
def update(
    backend: Adapter,
    attachment: Attachment,
    feature: Features = [],
    version: Versions = [],
    dry_run: DryRun = False,
    json: Json = False,
) -> None:
    """Change an attachment; what is not given stays."""
    if dry_run:
        would(f"change the attachment {attachment}", json=json)
        return
    made = backend.attachments.update(
        attachment,
        features=settings(feature) if feature else None,
        versions=_chosen(version) if version else None,
    )
    shown(made, json=json)


@about_backend(attachments, "detach")
def detach(
    backend: Adapter,
    attachment: Attachment,
    dry_run: DryRun = False,
    json: Json = False,
) -> None:
    """End an attachment."""
    if dry_run:
        would(f"end the attachment {attachment}", json=json)
        return
    backend.attachments.detach(attachment)
    done(f"Ended the attachment {attachment}", json=json, detached=attachment)


def _chosen(versions: list[str]) -> str | list[str]:
    return versions[0] if versions in (["latest"], ["all"]) else versions
