"""`dragoman migrate plan | apply | status | retry | verify | report | rollback`.

What a migration keeps is beside its plan: `plan.ledger`, `plan.outcomes.ndjson`, `plan.dead.ndjson` and
`plan.verified.json`.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Literal

import typer

from dragoman.cli import EXIT_DIFFERENT
from dragoman.cli.backend import DryRun, would
from dragoman.cli.migrate_show import (
    save_outcomes,
    show_applied,
    show_plan,
    show_rolled_back,
    show_status,
    show_verification,
    watch_status,
)
from dragoman.cli.migrate_sides import beside, connected, going_on, migration_of, open_ledger, remaining
from dragoman.cli.options import writable
from dragoman.cli.show import as_json, out, settings
from dragoman.errors import InvalidData
from dragoman.migrate import Plan, Scope, letters
from dragoman.migrate.expect import Choice
from dragoman.migrate.report import Summary
from dragoman.migrate.rollback import made_by
from dragoman.migrate.scope import Kind
from dragoman.migrate.shards import Endpoint, apply_sharded

__all__ = ["cli", "save_outcomes"]

cli = typer.Typer(help="Move datasets, labels, models and predictions between platforms.", no_args_is_help=True)

PlanFile = Annotated[Path, typer.Argument(help="A file that `migrate plan` wrote.")]
SourceSet = Annotated[list[str], typer.Option("--source-set", help="Setting of the source, name=value.")]
TargetSet = Annotated[list[str], typer.Option("--target-set", help="Setting of the target, name=value.")]
SourceProfile = Annotated[str | None, typer.Option(help="Profile of the source's settings.")]
TargetProfile = Annotated[str | None, typer.Option(help="Profile of the target's settings.")]
LedgerFile = Annotated[Path | None, typer.Option("--ledger", help="The ledger; beside the plan by default.")]
InFlight = Annotated[
    int | None, typer.Option(help="Most requests to the target at once; what its limits say by default.", min=1)
]
MediaFolder = Annotated[
    Path | None, typer.Option(help="Fetch media that lie behind links into this folder, for targets that take files.")
]
EngineName = Literal["threads", "processes", "ray"]
Json = Annotated[bool, typer.Option("--json", help="Print JSON for scripts.")]
OnLoss = Annotated[
    list[str],
    typer.Option(
        help="Rows that would not be kept exactly. raise: refuse them. convert: write what comes closest. store: that, "
        "with the original beside it in the metadata. drop: that, and leave out what has no place. For one form of "
        "geometry: rotated_box=drop. May be given several times."
    ),
]


@cli.command()
def plan(
    source: Annotated[str, typer.Option(help="Backend to read from, or a file as FORMAT:PATH.")],
    target: Annotated[str, typer.Option(help="Backend to write to, or a file as FORMAT:PATH.")],
    dataset: Annotated[str | None, typer.Option(help="Id or name of the dataset; none moves a model only.")] = None,
    model: Annotated[str | None, typer.Option(help="Id, key or name of the model; none moves data only.")] = None,
    version: Annotated[str | None, typer.Option(help="Id or name of the version; the newest by default.")] = None,
    output: Annotated[Path, typer.Option("--output", "-o", callback=writable, help="Where to write the plan.")] = Path(
        "plan.json"
    ),
    on_loss: OnLoss = [],
    only: Annotated[list[str], typer.Option(help="Move only this kind; may be given several times.")] = [],
    where: Annotated[
        list[str], typer.Option(help="Move only rows like this: items.split=train, predictions.confidence>=0.5.")
    ] = [],
    limit: Annotated[int | None, typer.Option(help="Move only so many items, with what is on them.", min=1)] = None,
    rename: Annotated[list[str], typer.Option(help="Name of a feature on the target, OLD=NEW.")] = [],
    source_set: SourceSet = [],
    target_set: TargetSet = [],
    source_profile: SourceProfile = None,
    target_profile: TargetProfile = None,
    json: Json = False,
) -> None:
    """Say what would move and what would be lost, and write that as a plan. Nothing else is written."""
    try:
        choice = Choice.parse(on_loss)
        scope = Scope.of(
            dataset=dataset,
            model=model,
            version=version,
            only=only,
            where=where,
            limit=limit,
            rename=settings(rename),
        )
    except InvalidData as error:
        raise typer.BadParameter(str(error)) from error
    here = Endpoint(source, source_profile, settings(source_set))
    there = Endpoint(target, target_profile, settings(target_set))
    with connected(here, there, scope) as migration:
        migration.on_loss, migration.on_loss_of = choice.default, dict(choice.forms)
        made = migration.plan()
    found = made.step("version")
    if found is not None:
        # Of the newest version, which a newer one does not take the place of later.
        scope = scope.model_copy(update={"version": version or found.name})
    made = made.model_copy(update={"source": source, "target": target, "scope": scope})
    made.save(output)
    if json:
        as_json(made.model_dump(mode="json"))
    else:
        show_plan(made)
        out.print(f"Plan written to {output}. Next: dragoman migrate apply {output}", soft_wrap=True)


@cli.command()
def apply(
    plan_file: PlanFile,
    source_set: SourceSet = [],
    target_set: TargetSet = [],
    source_profile: SourceProfile = None,
    target_profile: TargetProfile = None,
    ledger: LedgerFile = None,
    in_flight: InFlight = None,
    media_folder: MediaFolder = None,
    engine: Annotated[
        EngineName, typer.Option(help="Where the rows are carried: threads here, processes here, or Ray tasks.")
    ] = "threads",
    shards: Annotated[
        int, typer.Option(help="Parts of the work, each with a ledger, for processes and Ray.", min=1)
    ] = 4,
    recheck: Annotated[
        bool, typer.Option(help="Read both sides once more before writing, to see whether the plan still fits.")
    ] = True,
    dry_run: DryRun = False,
    json: Json = False,
) -> None:
    """Carry out a plan, or go on with it where it was. Outcomes go to a file beside the plan."""
    made = Plan.load(plan_file)
    if dry_run:
        would(f"write to {made.target}: {_counted(remaining(made, plan_file, ledger))}", json=json)
        return
    file = beside(plan_file, "dead.ndjson")
    # What somebody has begun to mend there is kept until `retry` takes it.
    mended = list(letters.load(file)) if file.exists() else []
    with (
        going_on(),
        open_ledger(plan_file, ledger) as book,
        migration_of(
            made, source_set, target_set, source_profile, target_profile, in_flight, media_folder
        ) as migration,
    ):
        try:
            if engine == "threads":
                applied = migration.apply(made, ledger=book, recheck=recheck)
            else:
                applied = apply_sharded(
                    Endpoint(made.source, source_profile, settings(source_set)),
                    Endpoint(made.target, target_profile, settings(target_set)),
                    made,
                    ledger=book.path,
                    shards=shards,
                    engine=engine,
                    in_flight=in_flight,
                    media=media_folder,
                    recheck=recheck,
                )
        finally:
            dead = letters.save(book, file, mended)
    outcomes = beside(plan_file, "outcomes.ndjson")
    save_outcomes(applied, outcomes)
    if json:
        as_json({kind: report.to_dict() for kind, report in applied.reports.items()})
    else:
        show_applied(applied)
        if dead:
            out.print(f"Refused rows are in {file}; mend them and use migrate retry.", soft_wrap=True)
        out.print(f"Every row's outcome is in {outcomes}. Next: dragoman migrate verify {plan_file}", soft_wrap=True)
    if not applied.ok:
        raise typer.Exit(EXIT_DIFFERENT)


@cli.command()
def retry(
    plan_file: PlanFile,
    source_set: SourceSet = [],
    target_set: TargetSet = [],
    source_profile: SourceProfile = None,
    target_profile: TargetProfile = None,
    ledger: LedgerFile = None,
    in_flight: InFlight = None,
    media_folder: MediaFolder = None,
    dry_run: DryRun = False,
    json: Json = False,
) -> None:
    """Send the refused rows once more, as they are in the dead-letter file by now, and no others."""
    made, file = Plan.load(plan_file), beside(plan_file, "dead.ndjson")
    if dry_run:
        count = sum(1 for _ in letters.load(file)) if file.exists() else 0
        would(f"send {count} refused rows to {made.target} once more", json=json)
        return
    with (
        going_on(),
        open_ledger(plan_file, ledger, of=made) as book,
        migration_of(
            made, source_set, target_set, source_profile, target_profile, in_flight, media_folder
        ) as migration,
    ):
        applied = migration.retry(made, ledger=book, letters=letters.load(file) if file.exists() else None)
        # Not when it broke off: what was mended is in the file alone, and is sent when this is called again.
        letters.save(book, file)
    if json:
        as_json({kind: report.to_dict() for kind, report in applied.reports.items()})
    else:
        show_applied(applied)
    if not applied.ok:
        raise typer.Exit(EXIT_DIFFERENT)


@cli.command()
def status(
    plan_file: PlanFile,
    ledger: LedgerFile = None,
    watch: Annotated[bool, typer.Option("--watch", help="Show it until the run has ended.")] = False,
    json: Json = False,
) -> None:
    """Say how far a migration is, also while it runs in another process."""
    made = Plan.load(plan_file)
    with open_ledger(plan_file, ledger, of=made) as book:
        if json:
            as_json(Summary.of(made, book).to_dict())
        elif watch:
            watch_status(made, book)
        else:
            show_status(Summary.of(made, book))


@cli.command()
def verify(
    plan_file: PlanFile,
    media: Annotated[bool, typer.Option("--media", help="Compare the bytes of the media, too.")] = False,
    source_set: SourceSet = [],
    target_set: TargetSet = [],
    source_profile: SourceProfile = None,
    target_profile: TargetProfile = None,
    json: Json = False,
) -> None:
    """Read the target back and compare it with the source, row by row; one line per difference."""
    made = Plan.load(plan_file)
    with migration_of(made, source_set, target_set, source_profile, target_profile) as migration:
        verification = migration.verify(made, media=media)
    verification.save(beside(plan_file, "verified.json"))
    if json:
        found = verification.to_dict()
        del found["examples"]
        as_json({name: value for name, value in found.items() if value or name != "losses"})
    else:
        show_verification(verification)
    if not verification.ok:
        raise typer.Exit(EXIT_DIFFERENT)


@cli.command()
def report(
    plan_file: PlanFile,
    ledger: LedgerFile = None,
    html: Annotated[Path | None, typer.Option(callback=writable, help="Write one self-contained page here.")] = None,
    json_file: Annotated[
        Path | None, typer.Option("--json-file", callback=writable, help="Write everything as JSON here.")
    ] = None,
    json: Json = False,
) -> None:
    """Say what a migration did: counts, losses, timing, refused rows, and what the last verification found."""
    made = Plan.load(plan_file)
    with open_ledger(plan_file, ledger, of=made) as book:
        summary = Summary.of(made, book, verified=beside(plan_file, "verified.json"))
    if html is not None:
        html.write_text(summary.page(), encoding="utf-8")
    if json_file is not None:
        json_file.write_text(summary.to_json(), encoding="utf-8")
    if json:
        as_json(summary.to_dict())
    else:
        show_status(summary)
    if not summary.ok:
        raise typer.Exit(EXIT_DIFFERENT)


@cli.command()
def rollback(
    plan_file: PlanFile,
    source_set: SourceSet = [],
    target_set: TargetSet = [],
    source_profile: SourceProfile = None,
    target_profile: TargetProfile = None,
    ledger: LedgerFile = None,
    dry_run: DryRun = False,
    json: Json = False,
) -> None:
    """Delete what this migration has made on the target, where the target can, and nothing else."""
    made = Plan.load(plan_file)
    if dry_run:
        with open_ledger(plan_file, ledger, of=made) as book:
            there = made_by(book)
        would(f"delete from {made.target}, where it can: {_counted(there)}", json=json)
        return
    with (
        going_on(),
        open_ledger(plan_file, ledger, of=made) as book,
        migration_of(made, source_set, target_set, source_profile, target_profile) as migration,
    ):
        done = migration.rollback(made, ledger=book)
    # It is of what is not there any more.
    beside(plan_file, "verified.json").unlink(missing_ok=True)
    if json:
        as_json({"deleted": done.deleted, "left": done.left})
    else:
        show_rolled_back(done)
    if not done.ok:
        raise typer.Exit(EXIT_DIFFERENT)


def _counted(counts: Mapping[Kind, int]) -> str:
    return ", ".join(f"{count} {kind}" for kind, count in counts.items() if count) or "nothing"
