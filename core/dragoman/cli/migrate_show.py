"""How `dragoman migrate` shows plans, runs, verifications and rollbacks on a terminal."""

from __future__ import annotations

import time
from pathlib import Path

from rich.live import Live
from rich.table import Table

from dragoman.cli.show import out, table
from dragoman.migrate import Applied, Ledger, Plan, RolledBack, State, Verification
from dragoman.migrate.report import Summary
from dragoman.schema import encode_rows

SHOWN = 20
"""Most problems that a table shows; the files and `--json` have all."""
REFRESH_SECONDS = 1.0


def save_outcomes(applied: Applied, path: Path) -> None:
    """Write every outcome as NDJSON, each with the kind of its row."""
    with path.open("wb") as file:
        for kind, report in applied.reports.items():
            for outcome in report:
                # The kind leads, so that `grep` finds the rows of one step.
                file.write(b'{"kind":"' + kind.encode() + b'",' + encode_rows([outcome])[1:])


def show_plan(made: Plan) -> None:
    """Print a plan: steps, losses, features that change their name, refusals and costs."""
    table(
        f"Plan: {made.source} -> {made.target}",
        ["what", "name", "rows#", "on the target", "of which"],
        [(step.kind, step.name, step.rows, _exists(step), _parts(step.geometries)) for step in made.steps],
    )
    if made.losses:
        table(
            "Not exact",
            ["what", "rows#", "becomes", "how", "worst IoU#", "features"],
            [(x.what, x.rows, x.survival, x.how, _figure(x.worst_iou), _parts(x.features)) for x in made.losses],
        )
    else:
        out.print("Nothing is lost.")
    if renamed := [(here, there) for here, there in made.features.items() if here != there]:
        table("Features under another name; edit them in the plan", ["here", "there"], renamed)
    for step in made.steps:
        for reason, count in step.refusals.items():
            out.print(f"{count} {step.kind} cannot be sent: {reason}", soft_wrap=True)
    costs = made.estimate
    out.print(f"About {costs.reads} requests to read, {costs.writes} to write, {costs.seconds:.0f} s.")


def _exists(step: object) -> str:
    from dragoman.migrate import PlannedStep

    assert isinstance(step, PlannedStep)
    if step.present:
        return _parts(step.present)
    return {None: "", True: "exists, is used", False: "is created"}[step.exists]


def _parts(counts: dict[str, int]) -> str:
    return ", ".join(f"{count} {name}" for name, count in counts.items())


def _figure(value: float | None) -> str:
    return "" if value is None else f"{value:.3f}"


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
        out.print(f"{outcome.status} {kind} {outcome.key} {outcome.reason}", soft_wrap=True)


def show_verification(verification: Verification) -> None:
    """Print the counts, then one line per difference."""
    verdicts = ("same", "lossy", "twin", "changed", "missing", "extra")
    table(
        "Verified" if verification.ok else "Different",
        ["what", *(f"{verdict}#" for verdict in verdicts)],
        [(kind, *(verification.counts(kind).get(verdict, 0) for verdict in verdicts)) for kind in verification.same],
    )
    losses = [(kind, loss) for kind in verification.same for loss in verification.losses(kind)]
    if losses:
        table(
            "Measured losses",
            ["kind", "what", "rows#", "worst IoU#", "mean IoU#"],
            [(kind, x.what, x.rows, _figure(x.worst_iou), _figure(x.mean_iou)) for kind, x in losses],
        )
    for difference in verification.differences:
        out.print(str(difference), soft_wrap=True)


def show_status(summary: Summary) -> None:
    """Print how far a migration is, or what it did."""
    out.print(status_table(summary))
    for kind, losses in summary.losses.items():
        for loss in losses:
            out.print(f"lossy {kind} {loss.rows} {loss.what}: {loss.how} {_figure(loss.worst_iou)}", soft_wrap=True)
    for letter in summary.letters[:SHOWN]:
        out.print(f"rejected {letter.kind} {letter.key} {letter.reason}", soft_wrap=True)
    if summary.verified is not None:
        out.print("Verified." if summary.verified["ok"] else "Verified, and NOT everything is the same.")


def watch_status(made: Plan, book: Ledger) -> None:
    """Show how far a run is until it has ended."""
    summary = Summary.of(made, book)
    with Live(status_table(summary), console=out, auto_refresh=False) as live:
        while not summary.ended:
            # The ledger is another process's, which tells nobody when it writes.
            time.sleep(REFRESH_SECONDS)
            summary = Summary.of(made, book)
            live.update(status_table(summary), refresh=True)


def status_table(summary: Summary) -> Table:
    """Return the states of the rows as a table."""
    left = f", about {summary.seconds_left:.0f} s left" if summary.seconds_left is not None else ""
    state = "ended" if summary.ended else "under way or broken off"
    if summary.rolled_back is not None:
        state = "rolled back"
    shown = Table(
        title=f"{summary.plan.source} -> {summary.plan.target}: {state}{left}", title_justify="left", title_style="bold"
    )
    shown.add_column("what", overflow="fold")
    for column in ("rows", *State):
        shown.add_column(column, justify="right")
    for step in summary.plan.steps:
        if step.kind in summary.counts:
            counts = summary.counts[step.kind]
            shown.add_row(step.kind, str(step.rows), *(str(counts[state]) for state in State))
    return shown


def show_rolled_back(done: RolledBack) -> None:
    """Print what was deleted and what is left."""
    table("Rolled back", ["what", "deleted#"], list(done.deleted.items()))
    for kind, reason in done.left.items():
        out.print(f"left {kind} {reason}", soft_wrap=True)
