"""What an `apply` did."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import islice

from dragoman.migrate.ledger import Ledger
from dragoman.migrate.scope import Kind
from dragoman.migrate.states import STATES, State
from dragoman.schema import Outcome, OutcomeStatus, Report


@dataclass(slots=True)
class Applied:
    """One report per step of rows, and the ids of what was made or found on the target."""

    reports: dict[Kind, Report] = field(default_factory=dict)
    ids: dict[Kind, str] = field(default_factory=dict)

    @property
    def ok(self) -> bool:
        """Whether every row is on the target."""
        return all(report.ok for report in self.reports.values())

    def problems(self) -> Iterator[tuple[Kind, Outcome]]:
        """Yield the outcomes of the rows that did not arrive, with their kind."""
        for kind, report in self.reports.items():
            for outcome in report.problems():
                yield kind, outcome


AT_ONCE = 1000
"""Outcomes that are put into a report at once."""
_STATUS: dict[State, OutcomeStatus] = {
    State.CONFIRMED: "created",
    State.IGNORED: "ignored",
    State.REJECTED: "rejected",
}


def report_of(ledger: Ledger, kind: Kind) -> Report:
    """Return what a ledger has of the rows of a kind as a report, in the order in which they were entered."""
    report = Report()
    outcomes = (
        Outcome(place, entry.key, _STATUS.get(entry.state, "unknown"), entry.id, entry.reason)
        for place, entry in enumerate(ledger.rows(*STATES, kind=kind))
    )
    while some := list(islice(outcomes, AT_ONCE)):
        report.add(some)
    report.losses = ledger.losses(kind)
    return report
