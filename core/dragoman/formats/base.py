"""What a file format is to the core: a reader, a writer, and a fidelity table, like a platform's.

A plugin adds formats through the hook `dragoman_formats`. Readers and writers stream: a reader may hold the table of
items in memory, never the rows; a writer gets rows in any order and its output appears only when it is complete.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import wraps
from pathlib import Path
from types import NoneType
from typing import Any, ClassVar, Literal, get_args, get_origin, get_type_hints

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


class _WithOptions:
    """Refuses an option that is none of the words its type hint allows, whoever gives it: a caller, or a command."""

    def __init_subclass__(cls, **keywords: Any) -> None:
        super().__init_subclass__(**keywords)
        if "__init__" in vars(cls):
            cls.__init__ = _checked(cls.__init__)  # type: ignore[method-assign]


def _checked(init: Callable[..., None]) -> Callable[..., None]:
    @wraps(init)
    def checked(self: Any, *arguments: Any, **options: Any) -> None:
        hints: dict[str, Any] = {}
        # A plugin may import what its hints name for type checkers only; then there is nothing to check by.
        with suppress(NameError):
            hints = get_type_hints(init) if options else hints
        for name, value in options.items():
            words = _words(hints.get(name))
            if words and value not in words and not (value is None and NoneType in get_args(hints[name])):
                raise InvalidData(
                    f"There is no {name} {value!r}.", hint=f"There are: {', '.join(map(str, words))}.", field=name
                )
        init(self, *arguments, **options)

    return checked


def _words(hint: Any) -> tuple[Any, ...]:
    """Return the values that a hint allows, such as `Literal["a", "b"] | None`; nothing if it allows others."""
    if get_origin(hint) is Literal:
        return get_args(hint)
    kinds = [kind for kind in get_args(hint) if kind is not NoneType]
    return _words(kinds[0]) if len(kinds) == 1 and NoneType in get_args(hint) else ()


class Reader(_WithOptions, ABC):
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
    unpacked: Path | None = None
    """The folder that an archive was unpacked to, if `path` is one; it is removed with the reader."""

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


class Writer(_WithOptions, ABC):
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
    """Yield a path near `path` to write to; move it there when the block ends well, remove it when it does not.

    An empty folder, or a link to one, is filled and not replaced: a shell may stand in it, or a disk be mounted at it.

    Raises:
        Conflict: There is something at `path` already.
        InvalidData: Nothing can be written there.
    """
    target = Path(os.path.realpath(path))
    workshop = _workshop(path, target)
    try:
        made = workshop / target.name
        yield made
        if not target.is_dir():
            os.replace(made, target)
        elif made.is_dir():
            for part in made.iterdir():
                os.replace(part, target / part.name)
        else:
            raise Conflict(f"{path} is a folder, and this is written as one file.", hint="Choose another path.")
    finally:
        shutil.rmtree(workshop, ignore_errors=True)


def _workshop(path: Path, target: Path) -> Path:
    """Make the folder in which a target is made: in it if it is a folder itself, else beside it."""
    try:
        if target.exists() and not (target.is_dir() and not any(target.iterdir())):
            raise Conflict(f"{path} exists.", hint="Choose another path, or remove it first.")
        place = target if target.is_dir() else target.parent
        place.mkdir(parents=True, exist_ok=True)
        return Path(tempfile.mkdtemp(prefix=".dragoman-", dir=place))
    except OSError as error:
        file = next((one for one in target.parents if os.path.exists(one) and not os.path.isdir(one)), None)
        why = f"{file} is no folder" if file else error.strerror
        raise InvalidData(f"{path} cannot be written: {why}.", hint="Choose another path.") from error


def inside(root: Path, name: str) -> Path:
    """Return the path of a name that a file gives, which must stay inside `root`.

    Raises:
        InvalidData: The name leads out of the folder.
    """
    path = (root / name).resolve()
    if not path.is_relative_to(root.resolve()):
        raise InvalidData(f"The name {name!r} leads out of {root}.", field="file_name")
    return path
