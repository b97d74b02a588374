"""Where `dragoman evaluate` and `dragoman compare` read from: files and backends."""

from __future__ import annotations

import inspect
from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dragoman.cli.show import Bars
from dragoman.errors import InvalidData
from dragoman.plugins import installed
from dragoman.schema import Item, Label, Prediction


@dataclass
class Sides:
    """Reads items and rows from where they are. A backend is connected to once.

    Args:
        stack: Closes the backends.
        given: Settings by backend, and options of readers by format.
        profiles: Names of profiles by backend.
    """

    stack: ExitStack
    given: Mapping[str, Mapping[str, str]]
    profiles: Mapping[str, str]

    def __post_init__(self) -> None:
        self._open: dict[str, Any] = {}
        self._bars = Bars()

    def items(self, where: str) -> Iterator[Item]:
        """Yield the items of a dataset."""
        if found := self._reader(where):
            return iter(found.items())
        backend, dataset, _ = _parts(where)
        return iter(self._backend(backend).datasets.read_items(dataset))

    def labels(self, where: str) -> Iterable[Label]:
        """Return the labels of a dataset."""
        if found := self._reader(where):
            return self._of_file(found, Label, "labels")
        backend, dataset, _ = _parts(where)
        return self._bars.track(self._backend(backend).labels.read(dataset), "labels")

    def predictions(self, where: str, labels: str) -> Iterable[Prediction]:
        """Return the predictions of a version about labels that are elsewhere."""
        title = f"predictions of {where}"
        if found := self._reader(where, labels):
            return self._of_file(found, Prediction, title)
        backend, dataset, version = _parts(where)
        if not version:
            raise InvalidData(f"{where} names no version.", hint="Write BACKEND:DATASET:VERSION.")
        return self._bars.track(self._backend(backend).predictions.read(version, dataset=dataset), title)

    def _of_file(self, reader: Any, kind: type[Label], title: str) -> Any:
        from dragoman.evaluate.files import FileRows

        return FileRows(reader, kind, watch=lambda rows: self._bars.track(rows, title))

    def _reader(self, where: str, labels: str | None = None) -> Any:
        """Return the reader of a file, None if a backend is meant."""
        from dragoman.formats.convert import open_reader

        if (file := _file(where)) is None:
            return None
        beside = _file(labels) if labels is not None else None
        return open_reader(*file, **self._options(*file, beside))

    def _options(self, path: Path, name: str | None, labels: tuple[Path, str | None] | None) -> dict[str, Any]:
        """Return what a reader is given: its options, and the labels' file if it asks for one as COCO's results do."""
        from dragoman.formats.convert import named, recognised

        names = [name] if name else recognised(path)
        if len(names) != 1:
            return {}
        given: dict[str, Any] = dict(self.given.get(names[0], {}))
        takes = inspect.signature(named(names[0]).load("reader")).parameters
        return given | {"dataset": labels[0]} if labels is not None and "dataset" in takes else given

    def _backend(self, name: str) -> Any:
        if name not in self._open:
            from dragoman.connecting import connect

            opened = connect(name, profile=self.profiles.get(name), **self.given.get(name, {}))
            self._open[name] = self.stack.enter_context(opened)
        return self._open[name]


def _file(where: str) -> tuple[Path, str | None] | None:
    """Return a file, and its format if its name is before it; None if a backend is meant."""
    name, _, rest = where.partition(":")
    if Path(where).exists():
        return Path(where), None
    return (Path(rest), name) if rest and name in installed().formats() else None


def _parts(where: str) -> tuple[str, str, str]:
    backend, _, rest = where.partition(":")
    dataset, _, version = rest.partition(":")
    if not dataset:
        raise InvalidData(f"There is no file {where}.", hint="For a backend write BACKEND:DATASET.")
    return backend, dataset, version
