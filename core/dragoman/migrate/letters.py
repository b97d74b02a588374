"""Dead letters: the rows that a target refused, with the reasons, as lines of JSON that a person can read and mend."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from itertools import chain
from pathlib import Path

import msgspec

from dragoman.errors import InvalidData
from dragoman.migrate.conditions import RowKind
from dragoman.migrate.ledger import Ledger
from dragoman.migrate.states import State
from dragoman.schema import Item, Label, Prediction

KINDS: dict[RowKind, type[msgspec.Struct]] = {"items": Item, "labels": Label, "predictions": Prediction}


class Letter(msgspec.Struct, frozen=True):
    """One row that was refused.

    Args:
        kind: What it is.
        key: Its id or key.
        reason: Why it was refused.
        row: The row as it was sent, as JSON.
    """

    kind: RowKind
    key: str
    reason: str
    row: msgspec.Raw

    def decoded(self) -> msgspec.Struct:
        """Return the row.

        Raises:
            InvalidData: It is none.
        """
        try:
            return msgspec.json.decode(self.row, type=KINDS[self.kind])
        except msgspec.MsgspecError as error:
            raise InvalidData(f"The dead letter of {self.key!r} holds no row: {error}.", field="row") from error


def of_ledger(ledger: Ledger) -> Iterator[Letter]:
    """Yield the rows that a ledger has as rejected."""
    for entry in ledger.rows(State.REJECTED):
        row = ledger.letter(entry.number)
        if row is not None and entry.kind in KINDS:
            yield Letter(entry.kind, entry.key, entry.reason or "", msgspec.Raw(row))


def save(ledger: Ledger, path: Path, mended: Iterable[Letter] = ()) -> int:
    """Write a ledger's dead letters as NDJSON and return how many there are; no file stays where there are none.

    Args:
        ledger: Has the rows that were refused.
        path: Where to write.
        mended: Letters that somebody may have mended. Each stands for the ledger's of the same row, and stays as long
            as nothing has become of its row.
    """
    held = {(letter.kind, letter.key): letter for letter in mended}
    encode = msgspec.json.Encoder().encode
    count = 0
    part = path.with_name(f"{path.name}.part")
    with part.open("wb") as file:
        for letter in chain(of_ledger(ledger), _unsettled(ledger, held)):
            file.write(encode(held.get((letter.kind, letter.key), letter)) + b"\n")
            count += 1
    if count:
        part.replace(path)
    else:
        part.unlink()
        path.unlink(missing_ok=True)
    return count


def _unsettled(ledger: Ledger, held: Mapping[tuple[RowKind, str], Letter]) -> Iterator[Letter]:
    for (kind, key), letter in held.items():
        entry = ledger.known(kind, [key]).get(key)
        if entry is None or not entry.state.settled:
            yield letter


def load(path: Path) -> Iterator[Letter]:
    """Yield the dead letters in a file.

    Raises:
        InvalidData: A line is none; the error has its number.
    """
    decoder = msgspec.json.Decoder(Letter)
    with path.open("rb") as file:
        for number, line in enumerate(file):
            try:
                yield decoder.decode(line)
            except (msgspec.MsgspecError, UnicodeDecodeError) as error:
                raise InvalidData(f"{path} has a line that is no dead letter: {error}.", row=number) from error
