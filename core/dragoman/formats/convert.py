"""From one file format to another, with what that costs."""

from __future__ import annotations

import inspect
import os
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from dragoman.errors import InvalidData, NotFound, WouldLose
from dragoman.fidelity import Fidelity, Keeper, LossPolicy, Survival, dropped, restore
from dragoman.fidelity.dataset import DatasetFidelity, DatasetKeeper
from dragoman.formats.base import ErrorPolicy, Format, Reader, Writer
from dragoman.plugins import installed
from dragoman.progress import SILENT, Progress
from dragoman.schema import Item, Label, MeasuredLoss

T = TypeVar("T")

PASSING = DatasetFidelity(
    {"item uri": dropped("it lies in an archive, unpacked for this conversion alone; unpack it yourself to keep it")}
)
"""What is kept of the place of an image in an archive where the writer does not copy it."""


@dataclass(slots=True)
class Conversion:
    """What a conversion did.

    Args:
        source: Name of the format that was read.
        target: Name of the format that was written.
        items: How many items were written.
        rows: How many labels or predictions were written.
        left_out: How many rows the caller chose to drop.
        losses: What the rows lost in writing, measured where that can be.
        unread: What reading itself does not give of the files, as the reader declares it.
        errors: Bad rows that were passed over under `on_error="collect"`.
    """

    source: str
    target: str
    items: int = 0
    rows: int = 0
    left_out: int = 0
    losses: tuple[MeasuredLoss, ...] = ()
    unread: dict[str, Fidelity] = field(default_factory=dict)
    errors: list[InvalidData] = field(default_factory=list)


def convert(
    source: Path,
    target: Path,
    *,
    read_as: str | None = None,
    write_as: str | None = None,
    on_loss: LossPolicy = "raise",
    on_error: ErrorPolicy = "raise",
    reading: Mapping[str, str] | None = None,
    writing: Mapping[str, str] | None = None,
    dry_run: bool = False,
    progress: Progress = SILENT,
) -> Conversion:
    """Read a dataset in one format and write it in another, streamed.

    Args:
        source: File or folder to read.
        target: File or folder to write; it must not exist.
        read_as: Name of the source's format; recognised if not given.
        write_as: Name of the target's format; by the target's suffix if not given.
        on_loss: What to do with rows that the target's format does not keep exactly.
        on_error: Stop at a bad row, or pass it over and return it in `errors`.
        reading: Options of the reader, by name.
        writing: Options of the writer, by name.
        dry_run: Write nothing, and count what would be lost whatever `on_loss` says.
        progress: Shown while it lasts.

    Raises:
        NotFound: There is no such file, or no such format.
        InvalidData: The source is no such format, or a row is bad. Nothing is left at the target.
        WouldLose: A row would lose something that `on_loss` does not allow; likewise.
        Conflict: There is something at the target already.
    """
    if not os.path.exists(source):
        raise NotFound(f"There is no {source}.")
    read, write = _format_of(source, read_as), _written_as(target, write_as)
    reader = open_reader(source, read.name, on_error=on_error, **(reading or {}))
    writer: Writer = _made(write, "writer", target, dict(writing or {}))
    done = Conversion(read.name, write.name, unread=_unread(reader))
    policy: LossPolicy = "drop" if dry_run else on_loss
    keeper, dataset = Keeper(writer.fidelity_of, policy), DatasetKeeper(writer.dataset_fidelity, policy)
    places = DatasetKeeper(PASSING, policy)
    ontology = dataset.ontology(reader.ontology())
    found = _placed(progress.track(reader.items(), "items"), reader, writer, places)
    items = _counted(map(dataset.item, found), done, "items")
    rows = _counted(_kept(progress.track(reader.rows(), "rows"), keeper, done), done, "rows")
    if dry_run:
        _consume(items)
        _consume(rows)
    else:
        writer.write(ontology, items, rows)
    done.losses, done.errors = (*keeper.losses(), *dataset.losses(), *places.losses()), reader.errors
    return done


def recognised(path: Path) -> list[str]:
    """Return the names of the formats that the path looks like."""
    return [
        name for name, one in installed().formats().items() if one.recognise is not None and one.load("recognise")(path)
    ]


def open_reader(path: Path, read_as: str | None = None, **options: Any) -> Reader:
    """Return a reader of a file or folder, in the format of that name or else the one that it looks like.

    Raises:
        NotFound: There is no such file, or no such format.
        InvalidData: It looks like no format, or like several, or the reader has no such option.
    """
    if not os.path.exists(path):
        raise NotFound(f"There is no {path}.")
    reader: Reader = _made(_format_of(path, read_as), "reader", path, options)
    return reader


def named(name: str) -> Format:
    """Return the format of that name.

    Raises:
        NotFound: There is none; the hint lists all.
    """
    formats = installed().formats()
    if name not in formats:
        raise NotFound(f"There is no format named {name!r}.", hint=f"There are: {', '.join(formats)}.")
    return formats[name]


def _format_of(path: Path, name: str | None) -> Format:
    if name is not None:
        return named(name)
    found = recognised(path)
    if len(found) != 1:
        what = f"looks like {' and like '.join(found)}" if found else "looks like no format that is installed"
        raise InvalidData(f"{path} {what}.", hint="Say which with --from.", field="read_as")
    return named(found[0])


def _written_as(path: Path, name: str | None) -> Format:
    if name is not None:
        return named(name)
    fitting = [one.name for one in installed().formats().values() if path.suffix and path.suffix in one.suffixes]
    if len(fitting) != 1:
        raise InvalidData(
            f"The name {path.name!r} does not tell a format.", hint="Say which with --to.", field="write_as"
        )
    return named(fitting[0])


def _made(one: Format, part: str, path: Path, options: dict[str, Any]) -> Any:
    """Build the reader or writer.

    Raises:
        InvalidData: It has no such option; the hint lists those it has.
    """
    kind = one.load(part)
    known = [name for name in inspect.signature(kind).parameters if name != "path"]
    if unknown := [name for name in options if name not in known]:
        names = ", ".join(name for name in known if name != "on_error") or "none"
        raise InvalidData(
            f"The {part} of {one.name} has no option {unknown[0]!r}.", hint=f"It has: {names}.", field=part
        )
    return kind(path, **options)


def _placed(items: Iterable[Item], reader: Reader, writer: Writer, keeper: DatasetKeeper) -> Iterator[Item]:
    """Return the items; where the reader's archive is removed with it, none names a place in there.

    A writer that makes files of images copies them while they are there.
    """
    if reader.unpacked is None or writer.dataset_fidelity.field("item data").survival is Survival.APPROXIMATE:
        return iter(items)
    inside = f"{reader.unpacked}{os.sep}"
    return (keeper.item(item) if (item.uri or "").startswith(inside) else item for item in items)


def _unread(reader: Reader) -> dict[str, Fidelity]:
    table = reader.fidelity
    found = {f"geometry {form}": kept for form, kept in table.geometries.items()}
    found |= {f"field {name}": kept for name, kept in table.fields.items()} | reader.dataset_fidelity.fields
    return {what: kept for what, kept in found.items() if kept.survival is not Survival.EXACT}


def _kept(rows: Iterable[Label], keeper: Keeper, done: Conversion) -> Iterator[Label]:
    for number, row in enumerate(rows):
        try:
            kept = keeper.keep(restore(row))
        except (InvalidData, WouldLose) as error:
            error.row = number
            raise
        if kept is None:
            done.left_out += 1
        else:
            yield kept


def _counted(things: Iterable[T], done: Conversion, name: str) -> Iterator[T]:
    for thing in things:
        setattr(done, name, getattr(done, name) + 1)
        yield thing


def _consume(things: Iterable[Item | Label]) -> None:
    for _ in things:
        pass
