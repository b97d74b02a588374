"""The commands, put together: Dragoman's own and those of the installed plugins."""

from __future__ import annotations

from typing import Annotated

import typer

from dragoman.cli import attachments, convert, data, evaluate, login, matrix, migrate, models, new_plugin, training
from dragoman.cli.backend import about_backend
from dragoman.cli.show import as_json, err, table

Json = Annotated[bool, typer.Option("--json", help="Print JSON for scripts.")]


def build() -> typer.Typer:
    """Return the whole command line."""
    from dragoman.plugins import installed

    cli = typer.Typer(
        name="dragoman",
        help="One API for machine-learning and annotation platforms.",
        no_args_is_help=True,
        pretty_exceptions_enable=False,
        context_settings={"help_option_names": ["-h", "--help"]},
    )
    cli.callback()(_root)
    cli.command()(backends)
    cli.command()(doctor)
    cli.command()(emulate)
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
    from dragoman.plugins import Platform, installed

    def check(platform: Platform) -> str | None:
        from dragoman.errors import PluginError

        try:
            for part in ("settings", "adapter", *(["emulator"] if platform.emulator else [])):
                platform.load(part)
        except PluginError as error:
            return error.message
        return None

    loaded = installed()
    found = {name: check(platform) for name, platform in loaded.platforms.items()}
    found |= {name: f"{type(error).__name__}: {error}" for name, error in loaded.failures.items()}
    if json:
        as_json({name: {"ok": reason is None, "reason": reason} for name, reason in sorted(found.items())})
    else:
        table(
            "Plugins", ["name", "state", "reason"], [(n, "broken" if r else "ok", r) for n, r in sorted(found.items())]
        )
    if any(found.values()):
        raise typer.Exit(1)


def emulate(
    platform: Annotated[str, typer.Argument(help="A backend with an emulator.")],
    port: Annotated[int, typer.Option(help="Port on 127.0.0.1; 0 takes a free one.", min=0, max=65535)] = 0,
) -> None:
    """Serve an emulator of a platform on loopback until it is interrupted.

    One line of JSON on standard output says when it is ready, where it is and with which key.
    """
    from dragoman.emulate import serve
    from dragoman.plugins import installed

    emulation = installed().platform(platform).load("emulator")()
    err.print(f"Emulating {platform}; nothing of it leaves this machine. Ctrl-C stops it.")
    serve(emulation, port=port)
