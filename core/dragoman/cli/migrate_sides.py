"""What the commands of `dragoman migrate` open: both sides, the ledger, and the other files beside a plan."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from pathlib import Path

from dragoman.cli.show import Bars, err, settings
from dragoman.errors import DragomanError, InvalidData
from dragoman.migrate import Ledger, Migration, Plan, Scope
from dragoman.migrate.planning import left_behind
from dragoman.migrate.scope import Kind
from dragoman.migrate.shards import Endpoint


def remaining(made: Plan, plan_file: Path, ledger: Path | None) -> dict[Kind, int]:
    """Return how much of each kind would be written, less what an earlier run has settled."""
    left = {step.kind: step.created for step in made.steps if not (step.exists or left_behind(step))}
    if not (ledger or beside(plan_file, "ledger")).exists():
        return left
    with open_ledger(plan_file, ledger, of=made) as book:
        left |= {thing.kind: 0 for thing in book.things() if thing.state.settled}
        for kind, counts in book.counts().items():
            settled = sum(count for state, count in counts.items() if state.settled)
            left[kind] = max(0, sum(step.rows for step in made.steps if step.kind == kind) - settled)
    return left


def beside(plan_file: Path, suffix: str) -> Path:
    """Return a file of a plan, which has its name with another suffix."""
    return plan_file.with_suffix(f".{suffix}")


@contextmanager
def going_on() -> Iterator[None]:
    """Say of a command that is interrupted that it goes on when it is called again."""
    try:
        yield
    except KeyboardInterrupt:
        err.print("What was under way is in the ledger; the same command goes on from there.")
        raise


@contextmanager
def open_ledger(plan_file: Path, path: Path | None, *, of: Plan | None = None) -> Iterator[Ledger]:
    """Open the ledger; one of a plan must be there, and be the plan's."""
    path = path or beside(plan_file, "ledger")
    if of is not None and not path.exists():
        raise InvalidData(f"There is no ledger {path}.", hint="Apply the plan first.", field="ledger")
    book = Ledger(path)
    try:
        if of is not None:
            book.check(of.identity)
        yield book
    finally:
        book.close()


def migration_of(
    made: Plan,
    source_set: list[str],
    target_set: list[str],
    source_profile: str | None,
    target_profile: str | None,
    in_flight: int | None = None,
    media: Path | None = None,
) -> AbstractContextManager[Migration]:
    """Connect to both sides of a plan; see `connected`."""
    source = Endpoint(made.source, source_profile, settings(source_set))
    target = Endpoint(made.target, target_profile, settings(target_set))
    return connected(source, target, made.scope, in_flight, media)


@contextmanager
def connected(
    source: Endpoint, target: Endpoint, scope: Scope, in_flight: int | None = None, media: Path | None = None
) -> Iterator[Migration]:
    """Connect to two backends or files, and close them again; what was done before an error is said."""
    with ExitStack() as stack:
        here, there = (stack.enter_context(side.open()) for side in (source, target))
        try:
            yield Migration(here, there, scope, progress=Bars(), in_flight=in_flight, media=media)
        except DragomanError as error:
            if error.report is not None:
                err.print(f"Before it stopped: {error.report}")
            raise
