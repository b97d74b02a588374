"""The commands, put together: Dragoman's own and those of the installed plugins."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING, Annotated, Any

import typer

from dragoman.cli import (
    attachments,
    convert,
    data,
    evaluate,
    login,
    matrix,
    migrate,
    models,
    new_plugin,
    serve,
    training,
)
from dragoman.cli.backend import about_backend
from dragoman.cli.show import as_json, err, table

if TYPE_CHECKING:
    from dragoman.emulate import Live
    from dragoman.plugins import Platform

Json = Annotated[bool, typer.Option("--json", help="Print JSON for scripts.")]
EXIT_CODES = (
    "Exit codes: 0 done; 1 done, and something differs or was not accepted; 2 the command line is wrong; 3 a Dragoman "
    "error; 130 interrupted."
)


def build() -> typer.Typer:
    """Return the whole command line."""
    from dragoman.plugins import installed

    cli = typer.Typer(
        name="dragoman",
        help="One API for machine-learning and annotation platforms.",
        epilog=EXIT_CODES,
        no_args_is_help=True,
        pretty_exceptions_enable=False,
        context_settings={"help_option_names": ["-h", "--help"]},
    )
    cli.callback()(_root)
    cli.command()(backends)
    cli.command()(doctor)
    cli.command()(emulate)
    cli.command()(serve.serve)
    cli.command()(login.login)
    cli.command()(convert.convert)
    cli.command()(convert.formats)
    cli.command()(evaluate.evaluate)
    cli.command()(evaluate.compare)
    cli.command()(matrix.matrix)
    cli.command()(new_plugin.new_plugin)
    about_backend(cli, "predict")(training.predict)
    cli.add_typer(migrate.cli, name="migrate")
    for name, commands in (
        ("models", models.models),
        ("versions", models.versions),
        ("training", training.training),
        ("datasets", data.datasets),
        ("labels", data.labels),
        ("predictions", data.predictions),
        ("attachments", attachments.attachments),
    ):
        cli.add_typer(commands, name=name)
    installed().hooks.hook.dragoman_commands(cli=cli)
    return cli


def _root(
    debug: Annotated[bool, typer.Option("--debug", help="Show tracebacks and log every call.")] = False,
) -> None:
    """Speak to every platform through one API, and move between them without losing anything silently."""
    if debug:
        import logging

        logging.basicConfig(level=logging.INFO)
        logging.getLogger("dragoman").setLevel(logging.DEBUG)


def backends(json: Json = False) -> None:
    """List the installed backends. Nothing of a platform is imported."""
    from dragoman.connecting import backends as list_backends

    found = list_backends()
    if json:
        as_json(found)
    else:
        table("Backends", ["name", "description"], found.items())


def doctor(json: Json = False) -> None:
    """Load every plugin and its parts, and say what is broken and why."""
    from dragoman.plugins import installed

    loaded = installed()
    found = {name: _check(platform) for name, platform in loaded.platforms.items()}
    found |= {name: (False, f"{type(error).__name__}: {error}") for name, error in loaded.failures.items()}
    if json:
        as_json({name: {"ok": ok, "reason": reason} for name, (ok, reason) in sorted(found.items())})
    else:
        rows = [(name, "ok" if ok else "broken", reason) for name, (ok, reason) in sorted(found.items())]
        table("Plugins", ["name", "state", "reason"], rows)
    if not all(ok for ok, _ in found.values()):
        raise typer.Exit(1)


def _check(platform: Platform) -> tuple[bool, str | None]:
    """Return whether a platform's parts can be imported, and what is to be said of it."""
    from dragoman.errors import PluginError

    try:
        for part in ("settings", "adapter"):
            platform.load(part)
        if platform.emulator is not None:
            platform.load("emulator")
    except PluginError as error:
        missing = error.__cause__
        if platform.emulator is not None and platform.emulator in error.message and _is_missing(missing):
            return True, f"Its emulator needs the extra `emulator`: {missing}."
        return False, error.message
    return True, None


def _is_missing(error: BaseException | None) -> bool:
    """Return whether an import failed because a package of somebody else's is not installed."""
    return isinstance(error, ModuleNotFoundError) and not str(error.name).startswith("dragoman")


def emulate(
    platform: Annotated[str, typer.Argument(help="A backend with an emulator.")],
    port: Annotated[int, typer.Option(help="Port on 127.0.0.1; 0 takes a free one.", min=0, max=65535)] = 0,
) -> None:
    """Serve an emulator of a platform on loopback until it is interrupted.

    One line of JSON on standard output says when it is ready, where it is, with which key, and which environment
    variables lead to it.
    """
    from dragoman.emulate import running
    from dragoman.emulate.process import hold_announced
    from dragoman.plugins import installed
    from dragoman.testing import leading_to

    def announcement(live: Live[Any]) -> dict[str, object]:
        _, variables = leading_to(live)
        exports = "\n".join(f"export {name}={shlex.quote(value)}" for name, value in variables.items())
        err.print(f"In the shell that is to reach it:\n{exports}", soft_wrap=True)
        return {"platform": platform, "url": live.url, "credentials": live.credentials, "variables": variables}

    emulation = installed().platform(platform).load("emulator")()
    err.print(f"Emulating {platform}; nothing of it leaves this machine. Ctrl-C stops it.")
    hold_announced(running(emulation, port=port), announcement)
