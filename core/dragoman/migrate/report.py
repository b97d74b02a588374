"""What a migration did or is doing, put together from its plan, its ledger and its last verification."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from typing import Any

import msgspec

from dragoman.errors import InvalidData
from dragoman.migrate import letters as dead
from dragoman.migrate.differences import Example
from dragoman.migrate.drawing import draw
from dragoman.migrate.ledger import Ledger
from dragoman.migrate.plan import Plan
from dragoman.migrate.scope import Kind
from dragoman.migrate.states import State
from dragoman.pages import render
from dragoman.schema import MeasuredLoss

LETTERS = 200
"""Most refused rows on a page; the dead-letter file has all."""
DIFFERENCES = 1000
"""Most differences on a page."""


@dataclass(frozen=True)
class Summary:
    """One migration, as it is now.

    Args:
        plan: What was to be done.
        counts: Rows of each kind by state.
        losses: What the rows lost on their way, by kind.
        letters: The first refused rows.
        begun: When it was begun first.
        ended: When it was done; None while it is not.
        seconds_left: About how long it will take, from the rate of this run.
        rate: Rows per second of this run.
        verified: What the last verification found, as plain values; None if there was none.
        rolled_back: When it was rolled back; None if it was not, or was applied again since.
    """

    plan: Plan
    counts: dict[Kind, Counter[State]]
    losses: dict[Kind, tuple[MeasuredLoss, ...]]
    letters: list[dead.Letter]
    begun: str | None
    ended: str | None
    rate: float | None
    seconds_left: float | None
    verified: dict[str, Any] | None = None
    rolled_back: str | None = None

    @classmethod
    def of(cls, plan: Plan, ledger: Ledger, *, verified: Path | None = None) -> Summary:
        """Read a ledger, and what a verification wrote, if it did."""
        counts = ledger.counts()
        ended = ledger.about("ended") or None
        rate, left = _rate(plan, ledger, counts) if ended is None else (None, None)
        return cls(
            plan,
            counts,
            {kind: losses for kind in counts if (losses := ledger.losses(kind))},
            list(islice(dead.of_ledger(ledger), LETTERS)),
            ledger.about("begun"),
            ended,
            rate,
            left,
            _verification(verified) if verified is not None and verified.exists() else None,
            ledger.about("rolled back") or None,
        )

    @property
    def ok(self) -> bool:
        """Whether every row is on the target, and the verification found nothing amiss."""
        bad = (State.REJECTED, State.UNKNOWN, State.PLANNED, State.SENT)
        settled = not any(count[state] for count in self.counts.values() for state in bad)
        carried = self.ended is not None and self.rolled_back is None
        return settled and carried and (self.verified is None or bool(self.verified["ok"]))

    @property
    def seconds(self) -> float | None:
        """How long it took from the first row to the end."""
        if self.begun is None or self.ended is None:
            return None
        return (datetime.fromisoformat(self.ended) - datetime.fromisoformat(self.begun)).total_seconds()

    def to_dict(self) -> dict[str, Any]:
        """Return everything as plain values."""
        return {
            "ok": self.ok,
            "source": self.plan.source,
            "target": self.plan.target,
            "begun": self.begun,
            "ended": self.ended,
            "rolled_back": self.rolled_back,
            "seconds": self.seconds,
            "rate": self.rate,
            "seconds_left": self.seconds_left,
            "counts": {kind: {str(state): number for state, number in of.items()} for kind, of in self.counts.items()},
            "planned": {step.kind: step.rows for step in self.plan.steps},
            "features": self.plan.features,
            "losses_planned": [loss.model_dump(mode="json") for loss in self.plan.losses],
            "losses": {kind: msgspec.to_builtins(losses) for kind, losses in self.losses.items()},
            "dead_letters": [{"kind": x.kind, "key": x.key, "reason": x.reason} for x in self.letters],
            "verified": self.verified,
        }

    def to_json(self) -> str:
        """Return everything as a JSON document."""
        return json.dumps(self.to_dict(), indent=2) + "\n"

    def page(self) -> str:
        """Return everything as one HTML page that needs no other file."""
        examples = msgspec.convert((self.verified or {}).get("examples", []), list[Example])
        differences = (self.verified or {}).get("differences", [])
        return render(
            "dragoman.migrate",
            "report.html.jinja",
            summary=self,
            states=list(State),
            drawings=[draw(example) for example in examples],
            differences=differences[:DIFFERENCES],
            hidden=max(0, len(differences) - DIFFERENCES),
        )


def _verification(path: Path) -> dict[str, Any]:
    try:
        found: dict[str, Any] = msgspec.json.decode(path.read_bytes(), type=dict[str, Any])
    except msgspec.MsgspecError as error:
        raise InvalidData(f"{path} is no verification: {error}.", hint="Verify again.") from error
    return found


def _rate(plan: Plan, ledger: Ledger, counts: dict[Kind, Counter[State]]) -> tuple[float | None, float | None]:
    """Return the rows per second of this run and the seconds that are left, as far as they can be told."""
    run = ledger.about("run")
    if run is None:
        return None, None
    since, _, before = run.partition(" ")
    seconds = (datetime.now(UTC) - datetime.fromisoformat(since)).total_seconds()
    settled = sum(number for of in counts.values() for state, number in of.items() if state.settled)
    rate = (settled - int(before)) / seconds if seconds > 0 else 0.0
    wanted = sum(step.rows for step in plan.steps if step.kind in ("items", "labels", "predictions"))
    return (rate, max(0, wanted - settled) / rate) if rate > 0 else (None, None)
