"""Reads COCO datasets and results files. Images and categories are held in memory, annotations never."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from itertools import chain
from pathlib import Path

import msgspec
from msgspec import UNSET

from dragoman.errors import InvalidData
from dragoman.formats.base import ErrorPolicy, Reader
from dragoman.formats.coco.annotation import Annotation, Shape, Tables, to_row
from dragoman.formats.coco.dataset import TABLES, Dataset, File
from dragoman.formats.coco.ids import SeenIds
from dragoman.formats.coco.info import MARK
from dragoman.formats.coco.plain import PlainAnnotation, plain_to_rows
from dragoman.formats.coco.records import Run, Table
from dragoman.formats.coco.scan import Section, sections
from dragoman.schema import Item, Label, Ontology


class CocoReader(Reader):
    """Reads COCO detection, segmentation and keypoints, and results files.

    Args:
        path: A JSON file, or a folder; see `layout` for the layouts that are known.
        on_error: What to do with a bad image, category or annotation.
        dataset: For a results file (a list): the dataset's file or folder, which has the images and categories.
        shape: Which shape becomes the geometry where an annotation has several; the others stay in the metadata.
        pattern: Names of the files to take from a folder.

    Raises:
        InvalidData: See `Reader`.
    """

    def __init__(
        self,
        path: Path,
        *,
        on_error: ErrorPolicy = "raise",
        dataset: Path | str | None = None,
        shape: Shape = "auto",
        pattern: str | None = None,
    ) -> None:
        super().__init__(path, on_error=on_error)
        self._shape: Shape = shape
        found = sections(path, streamed="annotations", tables=TABLES) if path.is_file() else {}
        self._results: Section | None = found.get("")
        if self._results and dataset is None:
            raise InvalidData(f"{path} holds results only.", hint="Give the dataset that they are of: dataset=PATH.")
        self._dataset = Dataset(Path(dataset) if self._results and dataset else path, pattern, self.refuse)

    def ontology(self) -> Ontology:
        """Return the categories of all files, in their order; see `category` and `info` for what is metadata."""
        return self._dataset.ontology

    def items(self) -> Iterator[Item]:
        """Yield all items; see `Reader`. Where files of one folder share names, their keys begin with the file's."""
        for file in self._dataset.files:
            yield from file.items.values()

    def rows(self) -> Iterator[Label]:
        """Yield labels, and predictions where an annotation has a score; see `Reader`."""
        # No generator stands between a run's rows and the caller: each would take its time from every row.
        return chain.from_iterable(self._runs())

    def _runs(self) -> Iterator[Iterable[Label]]:
        self.ontology()
        files = self._dataset.files
        if self._results:
            if len(files) > 1:
                raise InvalidData(f"{self._dataset.path} has several files.", hint="Name the one the results are of.")
            yield from self._array(self.path, self._results, files[0], SeenIds())
            return
        before: list[SeenIds] = []
        for file in files:
            if "annotations" in file.sections:
                seen = SeenIds()
                for rows in self._array(file.source.path, file.sections["annotations"], file, seen):
                    yield _told_apart(rows, file.source.label, before) if before else rows
                before.append(seen)

    def _array(self, path: Path, section: Section, file: File, seen: SeenIds) -> Iterator[Iterable[Label]]:
        tables = Tables(
            items={image_id: item.key for image_id, item in file.items.items()},
            features=file.features,
            skeletons=self._dataset.skeletons,
            source=path.name,
            exact=MARK in file.info and not self._results,
            shape=self._shape,
        )
        table = _MOSTLY_PLAIN if self._shape == "auto" else _ANY
        for run in table.read(path, section, self.refuse):
            yield self._run(run, tables, seen)

    def _run(self, run: Run[Annotation], tables: Tables, seen: SeenIds) -> Iterable[Label]:
        ids = [annotation.id for annotation in run.found if annotation.id is not UNSET]
        all_new = seen.add_all(ids)
        if run.plain and all_new:
            with suppress(InvalidData, KeyError):
                found: list[PlainAnnotation] = run.found  # type: ignore[assignment]
                return plain_to_rows(found, tables.items, tables.features, exact=tables.exact)
        return self._one_by_one(_ANY.in_full(run), tables, seen, all_new=all_new)

    def _one_by_one(self, run: Run[Annotation], tables: Tables, seen: SeenIds, *, all_new: bool) -> Iterator[Label]:
        for place, annotation in enumerate(run.found):
            try:
                if not all_new:
                    _refuse_twice(annotation, seen)
                if annotation.dragoman_id is not None and annotation.id is not UNSET:
                    seen.add_stand_in(annotation.id)
                row = to_row(annotation, run.extras[place], run.first + place, tables)
            except InvalidData as error:
                self.refuse(run.refused(error, run.first + place))
                continue
            yield row


_MOSTLY_PLAIN = Table(Annotation, PlainAnnotation)
_ANY = Table(Annotation, None)


def _told_apart(rows: Iterable[Label], label: str, before: Sequence[SeenIds]) -> Iterator[Label]:
    """Yield rows; where another file of the dataset had an id already, the file's label is put before it."""
    for row in rows:
        if any(seen.has(row.id) for seen in before):
            row = msgspec.structs.replace(row, id=f"{label}/{row.id}")
        yield row


def _refuse_twice(annotation: Annotation, seen: SeenIds) -> None:
    if annotation.id is not UNSET and not seen.add_all([annotation.id]):
        raise InvalidData(f"The annotation id {annotation.id!r} is there twice.", field="id")
