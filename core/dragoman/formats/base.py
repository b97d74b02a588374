"""What a file format is to the core: a reader, a writer, and a fidelity table, like a platform's.

A plugin adds formats through the hook `dragoman_formats`. Readers and writers stream: a reader may hold the table of
items in memory, never the rows; a writer gets rows in any order and its output appears only when it is complete.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Literal

from dragoman.errors import Conflict, InvalidData
from dragoman.fidelity import LOSSLESS, FidelityTable
from dragoman.fidelity.dataset import WHOLE_DATASET, DatasetFidelity
from dragoman.parts import load_part
from dragoman.schema import Item, Label, Ontology

ErrorPolicy = Literal["raise", "collect"]
"""What a reader does with a bad row: stop with an error, or put the error in `Reader.errors` and go on."""


@dataclass(frozen=True, slots=True)
class Format:
    """A file format that a plugin adds; reader and writer are `"module:class"` strings, imported when first used.

    Args:
        name: Short lower-case name, as in `dragoman convert --to coco`.
        title: The format's own name.
        description: One sentence.
        reader: A `Reader` subclass, or None.
        writer: A `Writer` subclass, or None.
        recognise: `"module:function"` of a path, which says whether the path looks like this format.
        suffixes: Suffixes of file names that tell this format, such as `(".parquet",)`.
    """

    name: str
    title: str
    description: str
    reader: str | None
    writer: str | None
    recognise: str | None = None
    suffixes: tuple[str, ...] = ()

    def load(self, part: str) -> Any:
        """Import and return one of the parts: `"reader"`, `"writer"` or `"recognise"`.

        Raises:
            PluginError: It cannot be imported; the cause says why.
            NotFound: The format has no such part.
        """
        return load_part(self, part)


class Reader(ABC):
    """Reads one dataset in a format. A format's own options are further keyword arguments of its subclass.

    Args:
        path: A file or a folder, as the format has it.
        on_error: What to do with a bad row.

    Raises:
        InvalidData: The path holds no such format; the error names the file and the byte offset or row.
    """

    fidelity: ClassVar[FidelityTable] = LOSSLESS
    """What reading gives of what the files hold."""
    dataset_fidelity: ClassVar[DatasetFidelity] = WHOLE_DATASET
    """What reading gives of items and of the ontology."""

    def __init__(self, path: Path, *, on_error: ErrorPolicy = "raise") -> None:
        self.path = path
        self.on_error = on_error
        self.errors: list[InvalidData] = []

    @abstractmethod
    def ontology(self) -> Ontology:
        """Return the features that the files declare."""

    @abstractmethod
    def items(self) -> Iterator[Item]:
        """Yield all items, those without annotations too; an item's key keeps its folder."""

    @abstractmethod
    def rows(self) -> Iterator[Label]:
        """Yield labels, or predictions where the files have confidences, in file order."""

    def refuse(self, error: InvalidData) -> None:
        """Raise the error of a bad row, or keep it, as `on_error` says."""
        if self.on_error == "raise":
            raise error
        self.errors.append(error)


class Writer(ABC):
    """Writes one dataset in a format. `write` is called once; options are as in `Reader`."""

    fidelity: ClassVar[FidelityTable]
    """What the format keeps of rows that are written."""
    dataset_fidelity: ClassVar[DatasetFidelity] = WHOLE_DATASET
    """What it keeps of items and of the ontology."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def fidelity_of(self, row: Label) -> FidelityTable:
        """Return what is kept of a row: `fidelity`, unless a format says more of some."""
        return self.fidelity

    @abstractmethod
    def write(self, ontology: Ontology, items: Iterable[Item], rows: Iterable[Label]) -> None:
        """Write everything, or leave the path as it was.

        Args:
            ontology: The features that rows may have.
            items: All items; the core has made them, and the ontology, fit `dataset_fidelity` already.
            rows: Labels or predictions, in any order; the core has made them fit `fidelity_of` already.

        Raises:
            InvalidData: A row names an item or feature that is not there.
        """


@contextmanager
def completed(path: Path) -> Iterator[Path]:
    """Yield a path beside `path` to write to; move it there when the block ends well, remove it when it does not.

    Raises:
        Conflict: There is something at `path` already.
    """
    if path.exists() and not (path.is_dir() and not any(path.iterdir())):
        raise Conflict(f"{path} exists.", hint="Choose another path, or remove it first.")
    path.parent.mkdir(parents=True, exist_ok=True)
    workshop = Path(tempfile.mkdtemp(prefix=f".{path.name}.", dir=path.parent))
    try:
        made = workshop / path.name
        yield made
        if path.is_dir():
            path.rmdir()
        os.replace(made, path)
    finally:
        shutil.rmtree(workshop, ignore_errors=True)


def inside(root: Path, name: str) -> Path:
    """Return the path of a name that a file gives, which must stay inside `root`.

    Raises:
        InvalidData: The name leads out of the folder.
    """
    path = (root / name).resolve()
    if not path.is_relative_to(root.resolve()):
        raise InvalidData(f"The name {name!r} leads out of {root}.", field="file_name")
    return path
