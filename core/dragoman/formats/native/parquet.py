"""Dragoman's own Parquet, lossless: a folder with `items.parquet` and `rows.parquet`, in `interop.arrow`'s columns.

The ontology is in the metadata of both files. Reading and writing go through row groups, so that memory stays flat.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from dragoman.errors import InvalidData, Unsupported
from dragoman.fidelity import LOSSLESS
from dragoman.formats.base import ErrorPolicy, Reader, Writer, completed
from dragoman.formats.native.ndjson import batched, checked_items, checked_rows
from dragoman.interop import arrow
from dragoman.schema import Item, Label, Ontology

ONTOLOGY = b"dragoman.ontology"
"""Key of a file's metadata for the ontology as JSON."""

REPEATED = ("kind", "geometry_type", "item", "feature", "interpolation", "track_id", "media", "split")
"""Columns whose values come again and again; a dictionary of ids or coordinates is made in vain."""
GROUP = 10
"""Batches of a row group: many small groups take longer to read than what is in them."""

ITEMS, ROWS = "items.parquet", "rows.parquet"


class ParquetReader(Reader):
    """Reads Dragoman's Parquet, a row group at a time.

    Args:
        path: The folder.
        on_error: See `Reader`.

    Raises:
        InvalidData: See `Reader`; the error names the file and the row.
        Unsupported: pyarrow is not installed.
    """

    fidelity = LOSSLESS

    def __init__(self, path: Path, *, on_error: ErrorPolicy = "raise") -> None:
        super().__init__(path, on_error=on_error)
        for name in (ITEMS, ROWS):
            if not (path / name).is_file():
                raise InvalidData(f"There is no {path / name}.")
        self._ontology = self._read_ontology()

    def ontology(self) -> Ontology:
        """Return the ontology."""
        return self._ontology

    def items(self) -> Iterator[Item]:
        """Yield all items; see `Reader`."""
        return self._read(ITEMS, arrow.items_from_arrow)

    def rows(self) -> Iterator[Label]:
        """Yield labels and predictions; see `Reader`."""
        return self._read(ROWS, arrow.from_arrow)

    def _read(self, name: str, structs: Any) -> Iterator[Any]:
        path = self.path / name
        pyarrow, parquet = _pyarrow()
        try:
            with parquet.ParquetFile(path) as file:
                yield from structs(file.iter_batches(arrow.BATCH), refuse=partial(self._refuse_in, path))
        except InvalidData as error:
            if error.row is not None:
                raise
            raise InvalidData(f"{path}: {error.message}", field=error.field) from error
        except (pyarrow.ArrowException, OSError, UnicodeDecodeError) as error:
            raise InvalidData(f"{path} cannot be read: {error}.") from error

    def _refuse_in(self, path: Path, error: InvalidData) -> None:
        self.refuse(InvalidData(f"{path}: {error.message}", row=error.row, field=error.field))

    def _read_ontology(self) -> Ontology:
        path = self.path / ROWS
        pyarrow, parquet = _pyarrow()
        try:
            text = (parquet.read_schema(path).metadata or {}).get(ONTOLOGY)
        except (pyarrow.ArrowException, OSError) as error:
            raise InvalidData(f"{path} is no Parquet file: {error}.") from error
        if text is None:
            raise InvalidData(f"{path} was not written by Dragoman: it has no ontology.")
        try:
            return Ontology.model_validate_json(text)
        except ValidationError as error:
            raise InvalidData(f"{path} has a wrong ontology: {error}.") from error


class ParquetWriter(Writer):
    """Writes Dragoman's Parquet: a folder with one file for items and one for rows, compressed with zstd.

    Args:
        path: The folder.
    """

    fidelity = LOSSLESS

    def write(self, ontology: Ontology, items: Iterable[Item], rows: Iterable[Label]) -> None:
        """Write everything, or leave the path as it was; see `Writer`."""
        keys: set[str] = set()
        features = {feature.name for feature in ontology.features}
        kept = {ONTOLOGY: ontology.model_dump_json(exclude_defaults=True)}
        with completed(self.path) as made:
            made.mkdir()
            held = arrow.items_to_arrow(checked_items(items, keys))
            _write(made / ITEMS, arrow.item_schema().with_metadata(kept), held)
            found = arrow.to_arrow(checked_rows(rows, keys, features))
            _write(made / ROWS, arrow.row_schema().with_metadata(kept), found)


def recognise_parquet(path: Path) -> bool:
    """Whether the path is a folder of Dragoman's Parquet."""
    return (path / ITEMS).is_file() and (path / ROWS).is_file()


def _write(path: Path, schema: Any, batches: Iterable[Any]) -> None:
    pyarrow, parquet = _pyarrow()
    often = [name for name in schema.names if name in REPEATED]
    with parquet.ParquetWriter(path, schema, compression="zstd", use_dictionary=often) as file:
        for some in batched(batches, GROUP):
            file.write_table(pyarrow.Table.from_batches(some, schema), row_group_size=GROUP * arrow.BATCH)


def _pyarrow() -> tuple[Any, Any]:
    try:
        import pyarrow
        import pyarrow.parquet
    except ImportError as error:
        raise Unsupported("Arrow and Parquet need pyarrow.", hint="Install dragoman[parquet].") from error
    return pyarrow, pyarrow.parquet
