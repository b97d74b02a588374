"""`dragoman new-plugin`: a fresh plugin package, made of the template that is tested as `examples/plugin-template`."""

from __future__ import annotations

import re
import shlex
from importlib.resources import files
from pathlib import Path
from typing import Annotated

import typer

from dragoman.cli.backend import DryRun, Json, given, would
from dragoman.errors import Conflict, NotFound

TEMPLATE_NAME = "acme"
KEPT = (".py", ".toml", ".md")


def new_plugin(
    name: Annotated[str, typer.Argument(help="Name of the platform: lower-case letters and digits.")],
    folder: Annotated[Path | None, typer.Option(help="Where to put it; dragoman-NAME by default.")] = None,
    dry_run: DryRun = False,
    json: Json = False,
) -> None:
    """Make a plugin package that already passes the conformance kit, to be changed into the platform's."""
    if not re.fullmatch(r"[a-z][a-z0-9]*", name):
        raise typer.BadParameter(f"{name!r} is not lower-case letters and digits, beginning with a letter.")
    target = folder or Path(f"dragoman-{name}")
    if target.exists() and any(target.iterdir()):
        raise Conflict(f"{target} exists and is not empty.", hint="Choose another place with --folder.")
    if dry_run:
        would(f"write a plugin for {name} to {target}", json=json)
        return
    made = [str(path) for path in write_plugin(name, target)]
    place = str(target)
    install = f"pip install -e {shlex.quote(f'{place}[test]')} && pytest {shlex.quote(place)}"
    given("\n".join([*made, f"Next: {install}"]), json=json, files=made)


def write_plugin(name: str, target: Path) -> list[Path]:
    """Write the template under another name and return the files.

    Args:
        name: Lower-case name of the platform.
        target: Folder to write to.

    Raises:
        NotFound: This installation has no template.
    """
    template = template_folder()
    made = []
    for source in sorted(template.rglob("*")):
        if source.suffix not in KEPT or any(part.startswith((".", "__pycache__")) for part in source.parts[-2:-1]):
            continue
        path = target / renamed(str(source.relative_to(template)), name)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(renamed(source.read_text(encoding="utf-8"), name), encoding="utf-8")
        made.append(path)
    return made


def renamed(text: str, name: str) -> str:
    """Return a text of the template with the platform's name in place of the template's, in every case."""
    for case in (str.lower, str.title, str.upper):
        text = text.replace(case(TEMPLATE_NAME), case(name))
    return text


def template_folder() -> Path:
    """Return where the template is: inside an installed distribution, or in the repository of an editable one.

    Raises:
        NotFound: There is none.
    """
    package = Path(str(files("dragoman")))
    for place in (package / "cli" / "template", package.parents[1] / "examples" / "plugin-template"):
        if place.is_dir():
            return place
    raise NotFound("This installation of dragoman has no plugin template.", hint="Install it again.")
