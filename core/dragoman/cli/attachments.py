"""`dragoman attachments`."""

from __future__ import annotations

from typing import Annotated

import typer

from dragoman.cli.backend import Backend, DryRun, Json, Profile, Settings, done, listed, opened, shown, would
from dragoman.cli.show import settings

attachments = typer.Typer(help="Models bound to projects.", no_args_is_help=True)

Project = Annotated[str, typer.Argument(help="Id of the project.")]
Attachment = Annotated[str, typer.Argument(help="Id of the attachment.")]
Features = Annotated[
    list[str], typer.Option("--feature", metavar="MODEL=PROJECT", help="A feature and what it is there.")
]
Versions = Annotated[list[str], typer.Option("--version", help="latest, all, or the id of a version; may be several.")]


@attachments.command("list")
def list_attachments(
    backend: Backend,
    project: Project,
    set_: Settings = [],  # noqa: B006 - typer reads the default and never changes it
    profile: Profile = None,
    json: Json = False,
) -> None:
    """List the models that are attached to a project."""
    with opened(backend, set_, profile) as open_backend:
        listed(
            "Attachments", open_backend.attachments.list(project), ["id", "model", "features", "versions"], json=json
        )


@attachments.command("attach")
def attach(
    backend: Backend,
    model: Annotated[str, typer.Argument(help="Id of the model.")],
    project: Project,
    feature: Features,
    version: Versions = ["latest"],  # noqa: B006
    set_: Settings = [],  # noqa: B006
    profile: Profile = None,
    dry_run: DryRun = False,
    json: Json = False,
) -> None:
    """Attach a model to a project."""
    if dry_run:
        would(f"attach {model} to {project}", json=json)
        return
    with opened(backend, set_, profile) as open_backend:
        made = open_backend.attachments.attach(
            model, project=project, features=settings(feature), versions=_chosen(version)
        )
        shown(made, json=json)


@attachments.command("update")
def update(
    backend: Backend,
    attachment: Attachment,
    feature: Features = [],  # noqa: B006
    version: Versions = [],  # noqa: B006
    set_: Settings = [],  # noqa: B006
    profile: Profile = None,
    dry_run: DryRun = False,
    json: Json = False,
) -> None:
    """Change an attachment; what is not given stays."""
    if dry_run:
        would(f"change the attachment {attachment}", json=json)
        return
    with opened(backend, set_, profile) as open_backend:
        made = open_backend.attachments.update(
            attachment,
            features=settings(feature) if feature else None,
            versions=_chosen(version) if version else None,
        )
        shown(made, json=json)


@attachments.command("detach")
def detach(
    backend: Backend,
    attachment: Attachment,
    set_: Settings = [],  # noqa: B006
    profile: Profile = None,
    dry_run: DryRun = False,
    json: Json = False,
) -> None:
    """End an attachment."""
    if dry_run:
        would(f"end the attachment {attachment}", json=json)
        return
    with opened(backend, set_, profile) as open_backend:
        open_backend.attachments.detach(attachment)
    done(f"Ended the attachment {attachment}", json=json, detached=attachment)


def _chosen(versions: list[str]) -> str | list[str]:
    return versions[0] if versions in (["latest"], ["all"]) else versions
