"""`dragoman migrate plan | apply | verify`."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Annotated

import typer

from dragoman.cli import EXIT_DIFFERENT
from dragoman.cli.options import OnLoss
from dragoman.cli.show import Bars, as_json, err, out, settings, table
from dragoman.connecting import connect
from dragoman.errors import DragomanError
from dragoman.migrate import Applied, Migration, Plan, Scope, Verification
from dragoman.schema import encode_rows

cli = typer.Typer(help="Move datasets, labels, models and predictions between platforms.", no_args_is_help=True)

PlanFile = Annotated[Path, typer.Argument(help="A file that `migrate plan` wrote.")]
SourceSet = Annotated[list[str], typer.Option("--source-set", help="Setting of the source, name=value.")]
TargetSet = Annotated[list[str], typer.Option("--target-set", help="Setting of the target, name=value.")]
SourceProfile = Annotated[str | None, typer.Option(help="Profile of the source's settings.")]
TargetProfile = Annotated[str | None, typer.Option(help="Profile of the target's settings.")]
Json = Annotated[bool, typer.Option("--json", help="Print JSON for scripts.")]

SHOWN = 20
"""Most problems or differences that a table shows; the files and `--json` have all."""


@cli.command()
def plan(
    source: Annotated[str, typer.Option(help="Backend to read from.")],
    target: Annotated[str, typer.Option(help="Backend to write to.")],
    dataset: Annotated[str, typer.Option(help="Id or name of the dataset.")],
    model: Annotated[str | None, typer.Option(help="Id, key or name of the model; none moves data only.")] = None,
    version: Annotated[str | None, typer.Option(help="Id or name of the version; the newest by default.")] = None,
    output: Annotated[Path, typer.Option("--output", "-o", help="Where to write the plan.")] = Path("plan.json"),
    on_loss: OnLoss = "raise",
    source_set: SourceSet = [],  # noqa: B006 - typer reads the default and never changes it
    target_set: TargetSet = [],  # noqa: B006
    source_profile: SourceProfile = None,
    target_profile: TargetProfile = None,
    json: Json = False,
) -> None:
    """Say what would move and what would be lost, and write that as a plan. Nothing else is written."""
    scope = Scope(dataset=dataset, model=model, version=version)
    with _connected(source, target, scope, source_set, target_set, source_profile, target_profile) as migration:
        migration.on_loss = on_loss
        made = migration.plan()
    made.save(output)
    if json:
        as_json(made.model_dump(mode="json"))
    else:
        show_plan(made)
        out.print(f"Plan written to {output}. Next: dragoman migrate apply {output}")


@cli.command()
def apply(
    plan_file: PlanFile,
    source_set: SourceSet = [],  # noqa: B006
    target_set: TargetSet = [],  # noqa: B006
    source_profile: SourceProfile = None,
    target_profile: TargetProfile = None,
    json: Json = False,
) -> None:
    """Carry out a plan. Running it again adds nothing twice. Outcomes go to a file beside the plan."""
    made = Plan.load(plan_file)
    outcomes = plan_file.with_suffix(".outcomes.ndjson")
    with _connected(
        made.source, made.target, made.scope, source_set, target_set, source_profile, target_profile
    ) as migration:
        applied = migration.apply(made)
    save_outcomes(applied, outcomes)
    if json:
        as_json({kind: report.to_dict() for kind, report in applied.reports.items()})
    else:
        show_applied(applied)
        out.print(f"Every row's outcome is in {outcomes}. Next: dragoman migrate verify {plan_file}")
    if not applied.ok:
        raise typer.Exit(EXIT_DIFFERENT)


@cli.command()
def verify(
    plan_file: PlanFile,
    media: Annotated[bool, typer.Option("--media", help="Compare the bytes of the media, too.")] = False,
    source_set: SourceSet = [],  # noqa: B006
    target_set: TargetSet = [],  # noqa: B006
    source_profile: SourceProfile = None,
    target_profile: TargetProfile = None,
    json: Json = False,
) -> None:
    """Read the target back and compare it with the source, row by row; one line per difference."""
    made = Plan.load(plan_file)
    with _connected(
        made.source, made.target, made.scope, source_set, target_set, source_profile, target_profile
    ) as migration:
        verification = migration.verify(made, media=media)
    if json:
        as_json(
            {
                "ok": verification.ok,
                "counts": {kind: verification.counts(kind) for kind in verification.same},
                "differences": [str(difference) for difference in verification.differences],
            }
        )
    else:
        show_verification(verification)
    if not verification.ok:
        raise typer.Exit(EXIT_DIFFERENT)


@contextmanager
def _connected(
    source: str,
    target: str,
    scope: Scope,
    source_set: list[str],
    target_set: list[str],
    source_profile: str | None,
    target_profile: str | None,
) -> Iterator[Migration]:
    with ExitStack() as stack:
        here = stack.enter_context(connect(source, profile=source_profile, **settings(source_set)))
        there = stack.enter_context(connect(target, profile=target_profile, **settings(target_set)))
        try:
            yield Migration(here, there, scope, progress=Bars())
        except DragomanError as error:
            if error.report is not None:
                err.print(f"Before it stopped: {error.report}")
            raise


def save_outcomes(applied: Applied, path: Path) -> None:
    """Write every outcome as NDJSON, each with the kind of its row."""
    with path.open("wb") as file:
        for kind, report in applied.reports.items():
            for outcome in report:
                # The kind leads, so that `grep` finds the rows of one step.
                file.write(b'{"kind":"' + kind.encode() + b'",' + encode_rows([outcome])[1:])


def show_plan(made: Plan) -> None:
    """Print a plan: steps, then losses."""
    table(
        f"Plan: {made.source} -> {made.target}",
        ["what", "name", "rows#", "on the target", "of which"],
        [(step.kind, step.name, step.rows, _exists(step.exists), _parts(step.geometries)) for step in made.steps],
    )
    if made.losses:
        table(
            "Not exact", ["what", "rows#", "becomes", "how"], [(x.what, x.rows, x.survival, x.how) for x in made.losses]
        )
    else:
        out.print("Nothing is lost.")


def _exists(exists: bool | None) -> str:
    return {None: "", True: "exists, is used", False: "is created"}[exists]


def _parts(counts: dict[str, int]) -> str:
    return ", ".join(f"{count} {name}" for name, count in counts.items())


def show_applied(applied: Applied) -> None:
    """Print what an apply did, and the first problems."""
    verdicts = ("created", "updated", "ignored", "rejected", "unknown")
    table(
        "Moved",
        ["what", *(f"{verdict}#" for verdict in verdicts)],
        [(kind, *(report.counts[verdict] for verdict in verdicts)) for kind, report in applied.reports.items()],
    )
    for number, (kind, outcome) in enumerate(applied.problems()):
        if number == SHOWN:
            out.print("... and more; the outcomes file has all.")
            break
        out.print(f"{outcome.status} {kind} {outcome.key} {outcome.reason}", markup=False)


def show_verification(verification: Verification) -> None:
    """Print the counts, then one line per difference."""
    verdicts = ("same", "lossy", "changed", "missing", "extra")
    table(
        "Verified" if verification.ok else "Different",
        ["what", *(f"{verdict}#" for verdict in verdicts)],
        [(kind, *(verification.counts(kind).get(verdict, 0) for verdict in verdicts)) for kind in verification.same],
    )
    for difference in verification.differences:
        out.print(str(difference), markup=False, soft_wrap=True)
