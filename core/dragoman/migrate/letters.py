"""Dead letters: the rows that a target refused, with the reasons, as lines of JSON that a person can read and mend."""

from __future__ import annotations

from collections.abc import Iterator
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


def save(ledger: Ledger, path: Path) -> int:
    """Write a ledger's dead letters as NDJSON and return how many there are; no file stays where there are none."""
    encode = msgspec.json.Encoder().encode
    count = 0
    with path.open("wb") as file:
        for letter in of_ledger(ledger):
            file.write(encode(letter) + b"\n")
            count += 1
    if not count:
        path.unlink()
    return count


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
