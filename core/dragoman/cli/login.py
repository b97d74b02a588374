"""`dragoman login`."""

from __future__ import annotations

from typing import Annotated, Any

import typer
from pydantic import SecretStr

from dragoman.adapter import Adapter
from dragoman.cli.backend import Backend, DryRun, Json, Settings, done, would
from dragoman.cli.show import settings
from dragoman.connecting import connect
from dragoman.plugins import installed
from dragoman.profiles import DEFAULT, save_profile
from dragoman.settings import PlatformSettings, resolve


def login(
    backend: Backend,
    set_: Settings = [],
    profile: Annotated[str | None, typer.Option(help="Profile to keep it in; the default one if not given.")] = None,
    check: Annotated[bool, typer.Option("--check/--no-check", help="Ask the platform whether it lets you in.")] = True,
    dry_run: DryRun = False,
    json: Json = False,
) -> None:
    """Keep the settings of a backend for later; what it needs and was not given is asked for.

    Keys go into the system's keyring, or, where there is none, into a file that only you can read.
    """
    kind: type[PlatformSettings] = installed().platform(backend).load("settings")
    given: dict[str, Any] = dict(settings(set_))
    for name, field in kind.model_fields.items():
        if field.is_required() and name not in given:
            given[name] = typer.prompt(name, hide_input=_is_secret(kind, name), err=True)
    resolve(kind, backend, None, given)
    if check:
        with connect(backend, **given) as opened:
            _knock(opened)
    if dry_run:
        would(f"keep {', '.join(given) or 'nothing'} for {backend} in the profile {profile or DEFAULT!r}", json=json)
        return
    secrets = {name: value for name, value in given.items() if _is_secret(kind, name)}
    values = {name: value for name, value in given.items() if name not in secrets}
    where = save_profile(backend, values, secrets, profile=profile)
    done(f"Kept {', '.join(given) or 'nothing'}; keys are {where}", json=json, backend=backend, secrets=where)


def _is_secret(kind: type[PlatformSettings], name: str) -> bool:
    field = kind.model_fields.get(name)
    return field is not None and SecretStr.__name__ in str(field.annotation)


def _knock(backend: Adapter) -> None:
    """Ask for something small."""
    for facet in (backend.datasets, backend.models):
        if facet.supports("list"):
            next(iter(facet.list()), None)
            return
