"""The ledger: what became of every row and thing of one migration, in an SQLite file that outlives any kill.

A row is `planned` when it is in a batch, `sent` just before the request, and then `confirmed` (this migration put it
there), `ignored` (it was there, or was left out on purpose), `rejected`, or `unknown` (no answer says). Every change is
committed and on the disk (WAL, synchronous FULL) before the next thing happens, so a run that was killed or lost its
power leaves `planned` rows that were certainly not sent and `sent` rows that may have been.

One process at a time may write; any may read, which is how `status` watches a run.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import cache
from pathlib import Path

from filelock import FileLock, Timeout

from dragoman.errors import Conflict, InvalidData
from dragoman.migrate.database import Database
from dragoman.migrate.scope import Kind
from dragoman.migrate.states import NUMBERS, STATES, Entry, Settled, State, Thing
from dragoman.schema import MeasuredLoss

AT_ONCE = 500
"""Rows that are entered in one statement: SQLite takes 999 values, or more."""


class Ledger:
    """One migration's ledger; see the module.

    Args:
        path: Its file; made if it is not there.
        watch: Called with the name of each transition before and after it is committed. Tests kill the process there.
        lasting: Whether it must outlive a loss of power; a temporary one need not.
    """

    def __init__(self, path: Path, *, watch: Callable[[str], None] | None = None, lasting: bool = True) -> None:
        self.path = path
        self._lock = FileLock(path.with_name(path.name + ".lock"))
        self._database = Database(path, watch, lasting)
        self._next = self._database.one("select coalesce(max(number), 0) + 1 from rows")

    # -- opening and closing -----------------------------------------------------------------------------------------

    @contextmanager
    def locked(self, identity: str | None = None) -> Iterator[Ledger]:
        """Keep others from writing while the context lasts.

        Args:
            identity: Of the plan that the ledger is for; it is bound to it when it is new.

        Raises:
            Conflict: Another process is at it, or it belongs to another plan.
        """
        try:
            self._lock.acquire(blocking=False)
        except Timeout:
            raise Conflict(
                f"Another run is at {self.path}.", hint="Wait until it has ended; `dragoman migrate status` watches it."
            ) from None
        except OSError as error:
            raise InvalidData(f"{self.path} cannot be locked: {error.strerror}.", field="ledger") from error
        try:
            if identity is not None:
                self._bind(identity)
            with self._database.changing("reopened"):
                # What was planned in a run that ended was not sent; it is planned anew when it comes by.
                self._database.execute("delete from rows where state = ?", [NUMBERS[State.PLANNED]])
            yield self
        finally:
            self._lock.release()

    def close(self) -> None:
        """Close the file."""
        self._database.close()

    def _bind(self, identity: str) -> None:
        self.check(identity)
        if self.about("plan") is None:
            self.note("plan", identity)

    def check(self, identity: str) -> None:
        """Refuse to speak for a plan that the ledger is not of.

        Args:
            identity: Of the plan.

        Raises:
            Conflict: It belongs to another plan.
        """
        if self.about("plan") not in (None, identity):
            raise Conflict(
                f"{self.path} belongs to another plan.",
                hint="Write the new plan to another file, or name another ledger.",
            )

    # -- facts ---------------------------------------------------------------------------------------------------------

    def about(self, name: str) -> str | None:
        """Return a fact about the migration, or None."""
        found = self._database.all("select value from about where name = ?", [name])
        return found[0][0] if found else None

    def note(self, name: str, value: str) -> None:
        """Keep a fact about the migration."""
        with self._database.changing(f"noted {name}"):
            self._database.execute("insert or replace into about values (?, ?)", [name, value])

    def finish(self) -> None:
        """Note that the migration has ended."""
        self.note("ended", now())

    # -- things --------------------------------------------------------------------------------------------------------

    def thing(self, kind: Kind) -> Thing | None:
        """Return what is known of a thing, or None."""
        for state, id, ours in self._database.all("select state, id, ours from things where kind = ?", [kind]):
            return Thing(kind, STATES[state], id, bool(ours))
        return None

    def things(self) -> list[Thing]:
        """Return all things."""
        kinds = self._database.all("select kind, state, id, ours from things order by rowid")
        return [Thing(kind, STATES[state], id, bool(ours)) for kind, state, id, ours in kinds]

    def set_thing(self, kind: Kind, state: State, *, id: str = "", ours: bool = False) -> None:
        """Record what became of a thing."""
        with self._database.changing(f"{kind} {state}"):
            self._database.execute(
                "insert or replace into things values (?, ?, ?, ?)", [kind, NUMBERS[state], id, ours]
            )

    def forget_thing(self, kind: Kind) -> None:
        """Forget a thing that is not there any more."""
        with self._database.changing(f"{kind} forgotten"):
            self._database.execute("delete from things where kind = ?", [kind])

    # -- rows ----------------------------------------------------------------------------------------------------------

    def is_new_to(self, kind: Kind) -> bool:
        """Return whether no row of the kind is in the ledger."""
        return not self._database.all("select 1 from rows where kind = ? limit 1", [kind])

    def known(self, kind: Kind, keys: Sequence[str]) -> dict[str, Entry]:
        """Return what is in the ledger of these keys."""
        marks = ",".join("?" * len(keys))
        self._database.all("create index if not exists by_key on rows (key, kind)")
        found = self._database.all(
            f"select number, key, state, id, reason from rows where kind = ? and key in ({marks})", [kind, *keys]
        )
        return {row[1]: Entry(row[0], kind, row[1], STATES[row[2]], row[3], row[4]) for row in found}

    def confirmed_ids(self, kind: Kind, ids: Sequence[str]) -> set[str]:
        """Return those of a target's ids that rows have which this migration has put there."""
        marks = ",".join("?" * len(ids))
        self._database.all("create index if not exists by_id on rows (id) where id is not null")
        found = self._database.all(
            f"select id from rows where kind = ? and state = ? and id is not null and id in ({marks})",
            [kind, NUMBERS[State.CONFIRMED], *ids],
        )
        return {id for (id,) in found}

    def plan(self, kind: Kind, keys: Sequence[str]) -> range:
        """Enter rows as planned and return their numbers."""
        with self._database.changing(f"{kind} planned"):
            first = self._next
            for start in range(0, len(keys), AT_ONCE):
                some = keys[start : start + AT_ONCE]
                self._database.execute(_inserting(len(some)), [first + start, kind, NUMBERS[State.PLANNED], *some])
            self._next += len(keys)
        return range(first, self._next)

    def sent(self, kind: Kind, numbers: Sequence[int]) -> None:
        """Record that rows are about to be sent."""
        with self._database.changing(f"{kind} sent"):
            self._set(numbers, State.SENT)

    def settle(
        self,
        kind: Kind,
        numbers: Sequence[int],
        results: Sequence[Settled],
        losses: Iterable[MeasuredLoss] = (),
    ) -> None:
        """Record what rows have come to, in their order, and what they lost together."""
        with self._database.changing(f"{kind} settled"):
            self._database.executemany(
                "update rows set state = ?, id = ?, reason = ? where number = ?",
                (
                    (NUMBERS[result.state], result.id, result.reason, number)
                    for number, result in zip(numbers, results, strict=True)
                ),
            )
            self._database.executemany(
                "insert or replace into letters values (?, ?)",
                ((n, result.row) for n, result in zip(numbers, results, strict=True) if result.row is not None),
            )
            self._database.executemany(_ADD_LOSS, (_loss_values(kind, loss) for loss in losses))

    def settle_alike(
        self, kind: Kind, numbers: Sequence[int], result: Settled, losses: Iterable[MeasuredLoss] = ()
    ) -> None:
        """Record that rows have all come to the same, which has no row of its own, and what they lost together."""
        with self._database.changing(f"{kind} settled"):
            self._set(numbers, result.state, result.id, result.reason)
            self._database.executemany(_ADD_LOSS, (_loss_values(kind, loss) for loss in losses))

    def forget_rows(self, kind: Kind) -> None:
        """Forget the rows of a kind that this migration had put there and that are there no more."""
        with self._database.changing(f"{kind} forgotten"):
            self._database.execute("delete from rows where kind = ? and state = ?", [kind, NUMBERS[State.CONFIRMED]])

    def forget_rejected(self, kind: Kind, keys: Iterable[str]) -> None:
        """Forget that rows were rejected, so that they may be sent once more."""
        with self._database.changing(f"{kind} retried"):
            rejected = "select number from rows where kind = ? and key = ? and state = ?"
            values = [(kind, key, NUMBERS[State.REJECTED]) for key in keys]
            self._database.executemany(f"delete from letters where number in ({rejected})", values)
            self._database.executemany(f"delete from rows where number in ({rejected})", values)

    def rows(self, *states: State, kind: Kind | None = None) -> Iterator[Entry]:
        """Yield the rows in some states, of one kind if it is given; the ledger may change meanwhile."""
        marks = ",".join(str(NUMBERS[state]) for state in states)
        last = 0
        while page := self._database.all(
            f"select number, kind, key, state, id, reason from rows where number > ? and state in ({marks}) "
            "and (?2 is null or kind = ?2) order by number limit 1000",
            [last, kind],
        ):
            for number, of, key, state, id, reason in page:
                yield Entry(number, of, key, STATES[state], id, reason)
            last = page[-1][0]

    def letter(self, number: int) -> bytes | None:
        """Return the JSON of a rejected row."""
        found = self._database.all("select row from letters where number = ?", [number])
        return found[0][0] if found else None

    def counts(self) -> dict[Kind, Counter[State]]:
        """Return how many rows of each kind are in each state."""
        counts: defaultdict[Kind, Counter[State]] = defaultdict(Counter)
        for kind, state, number in self._database.all("select kind, state, count(*) from rows group by kind, state"):
            counts[kind][STATES[state]] = number
        return dict(counts)

    def losses(self, kind: Kind) -> tuple[MeasuredLoss, ...]:
        """Return what the rows of a kind have lost so far."""
        found = self._database.all(
            "select what, survival, how, rows, worst, total / measured from losses where kind = ? order by what", [kind]
        )
        return tuple(MeasuredLoss(*row) for row in found)

    def merge(self, paths: Sequence[Path]) -> None:
        """Replace all rows, dead letters and losses by those of other ledgers, together."""
        with self._database.mutex:
            for number, path in enumerate(paths):
                self._database.execute(f"attach ? as part{number}", [str(path)])
            with self._database.changing("merged"):
                for table in ("rows", "letters", "losses"):
                    self._database.execute(f"delete from {table}")
                for number in range(len(paths)):
                    self._take_over(f"part{number}")
            for number in range(len(paths)):
                self._database.execute(f"detach part{number}")

    def _take_over(self, part: str) -> None:
        (base,) = self._database.execute("select coalesce(max(number), 0) from main.rows").fetchone()
        self._database.execute(
            f"insert into main.rows select number + ?, kind, key, state, id, reason from {part}.rows", [base]
        )
        self._database.execute(f"insert into main.letters select number + ?, row from {part}.letters", [base])
        self._database.executemany(_ADD_LOSS, self._database.execute(f"select * from {part}.losses").fetchall())
        self._next = self._database.one("select coalesce(max(number), 0) + 1 from main.rows")

    def count(self, kind: Kind, state: State) -> int:
        """Return how many rows of a kind are in a state."""
        return self.counts().get(kind, Counter())[state]

    def _set(self, numbers: Sequence[int], state: State, id: str | None = None, reason: str | None = None) -> None:
        changes = (NUMBERS[state], id, reason)
        statement = "update rows set state = ?, id = ?, reason = ? where number "
        if numbers and numbers[-1] - numbers[0] + 1 == len(numbers):
            self._database.execute(f"{statement} between ? and ?", [*changes, numbers[0], numbers[-1]])
        else:
            self._database.executemany(f"{statement} = ?", ((*changes, number) for number in numbers))


def now() -> str:
    """Return the time as the ledger notes it."""
    return datetime.now(UTC).isoformat(timespec="seconds")


@cache
def _inserting(count: int) -> str:
    """Return the statement that enters that many rows.

    As one statement, for the interpreter's lock is let go with each, and threads would take turns row by row.
    """
    return "insert into rows (number, kind, key, state) values " + ",".join(
        f"(?1 + {place}, ?2, ?{place + 4}, ?3)" for place in range(count)
    )


_ADD_LOSS = """
insert into losses values (?, ?, ?, ?, ?, ?, ?, ?) on conflict do update set
    rows = rows + excluded.rows, measured = measured + excluded.measured, total = total + excluded.total,
    worst = min(coalesce(worst, excluded.worst), coalesce(excluded.worst, worst))
"""


def _loss_values(kind: Kind, loss: MeasuredLoss) -> tuple[object, ...]:
    # How many of the rows were measured is not said; those that have an area all are.
    measured = 0 if loss.mean_iou is None else loss.rows
    total = (loss.mean_iou or 0.0) * measured
    return (kind, loss.what, loss.survival, loss.how, loss.rows, measured, loss.worst_iou, total)
