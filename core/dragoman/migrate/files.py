"""A file or folder in some format as one side of a migration: an adapter over the format's reader and writer.

A file holds one dataset. What is written to it is kept in an SQLite file beside it until `finish` writes the file in
one go, so a migration into a file can be killed and continued like any other. The names of dataset, model and version
stay in that SQLite file: most formats have no place for them. A file of others' making is a dataset of its own name,
and its predictions are of whatever model the scope names.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any, TypeVar

import msgspec
from pydantic_settings import SettingsConfigDict

from dragoman.adapter import Adapter, facet
from dragoman.calls.limits import Limits
from dragoman.calls.pipeline import Page
from dragoman.capability import Gap
from dragoman.errors import Conflict, NotFound
from dragoman.formats.base import Reader, Writer
from dragoman.formats.convert import named
from dragoman.interface import (
    Attachments,
    Datasets,
    Evaluations,
    Handoff,
    Inference,
    Labels,
    Models,
    Ontologies,
    Predictions,
    Trainings,
    Versions,
)
from dragoman.migrate.staging import Staging
from dragoman.schema import Dataset, Feature, Item, Label, Model, Ontology, Prediction, RowResult, Task, Version
from dragoman.schema.base import Control
from dragoman.settings import PlatformSettings

Row = TypeVar("Row", bound=Label)
Kept = TypeVar("Kept", bound=msgspec.Struct)

ONLY = "1"
"""Id of the one dataset, model and version of a file."""
NO_PLATFORM = "A file is no platform."


class FileSettings(PlatformSettings):
    """Where the file is, and what its predictions are of.

    Args:
        path: The file or folder.
        format: Name of the format.
        task: Task of the model that its predictions are of.
    """

    model_config = SettingsConfigDict(env_prefix="DRAGOMAN_FILE_")

    path: Path
    format: str
    task: Task = Task.OBJECT_DETECTION


def open_file(format: str, path: Path, hooks: Any, *, task: Task = Task.OBJECT_DETECTION) -> Adapter:
    """Return a file or folder as a backend.

    Args:
        format: Name of the format.
        path: Where it is; it is read if it exists, else written.
        hooks: Pluggy's hook caller with the observers.
        task: Task of the model that its predictions are of.

    Raises:
        NotFound: There is no such format, or it is not read or written as asked.
    """
    one = named(format)
    reads: type[Reader] | None = one.load("reader") if one.reader else None
    writes: type[Writer] | None = one.load("writer") if one.writer else None
    facts: dict[str, Any] = {"name": format}
    if reads is not None:
        facts |= {"label_reading": reads.fidelity, "prediction_reading": reads.fidelity}
    if writes is not None:
        facts |= {"label_fidelity": writes.fidelity, "prediction_fidelity": writes.fidelity}
        facts |= {"dataset_fidelity": writes.dataset_fidelity}
    adapter: Adapter = type("FormatFile", (FileAdapter,), facts)(
        FileSettings(path=path, format=format, task=task), hooks
    )
    return adapter


class FileDatasets(Datasets):
    """The one dataset of a file."""

    _adapter: FileAdapter
    _delete = Gap.impossible("A file is deleted where files are deleted.", instead="your file manager")

    def _create(self, dataset: Dataset) -> Dataset:
        made = dataset.model_copy(update={"id": ONLY})
        self._adapter.keep("dataset", made)
        return made

    def _get(self, dataset: str) -> Dataset:
        for found in self._adapter.datasets_there():
            if dataset == found.id:
                return found
        raise NotFound(f"{self._adapter.path} holds no dataset {dataset!r}.")

    def _list(self, cursor: str | None, size: int) -> Page[Dataset]:
        return Page(self._adapter.datasets_there())

    def _read_items(self, dataset: str, cursor: str | None, size: int) -> Page[Item]:
        if self._adapter.is_written:
            return Page(self._adapter.reader.items())
        return self._adapter.staged("items", Item, cursor, size)

    def _write_items(self, dataset: str, rows: Sequence[Item], update: bool) -> list[RowResult]:
        return self._adapter.stage("items", [(row.key, row) for row in rows], update)


class FileLabels(Labels):
    """Rows of a file without confidences."""

    _adapter: FileAdapter
    _versions = Gap.impossible("A file holds one version of its labels.")
    _export = Gap.impossible("A file is an export.")

    def _read(self, dataset: str, items: Sequence[str] | None, cursor: str | None, size: int) -> Page[Label]:
        return self._adapter.rows("labels", Label, items, cursor, size)

    def _write(self, dataset: str, rows: Sequence[Label], update: bool) -> list[RowResult]:
        return self._adapter.stage("labels", [(row.id, row) for row in rows], update)


class FilePredictions(Predictions):
    """Rows of a file with confidences."""

    _adapter: FileAdapter
    _delete = Gap.impossible("Rows are not taken out of a file.")

    def _read(
        self, version: str, dataset: str, items: Sequence[str] | None, cursor: str | None, size: int
    ) -> Page[Prediction]:
        return self._adapter.rows("predictions", Prediction, items, cursor, size)

    def _write(self, version: str, dataset: str, rows: Sequence[Prediction], update: bool) -> list[RowResult]:
        return self._adapter.stage("predictions", [(row.id, row) for row in rows], update)


class FileOntologies(Ontologies):
    """The features that a file declares."""

    _adapter: FileAdapter

    def _create(self, ontology: Ontology, dataset: str) -> Ontology:
        made = ontology.model_copy(update={"id": ONLY})
        self._adapter.keep("ontology", made)
        return made

    def _get(self, dataset: str) -> Ontology:
        if self._adapter.is_written:
            return self._adapter.reader.ontology()
        if (held := self._adapter.held("ontology")) is None:
            raise NotFound(f"{self._adapter.path} has no ontology yet.")
        return Ontology.model_validate_json(held)


class FileModels(Models):
    """The model that a file's predictions are of."""

    _adapter: FileAdapter
    _update = Gap.impossible(NO_PLATFORM)
    _delete = Gap.impossible(NO_PLATFORM)

    def _create(self, model: Model) -> Model:
        made = model.model_copy(update={"id": ONLY})
        self._adapter.keep("model", made)
        return made

    def _get(self, model: str) -> Model:
        if (held := self._adapter.held("model")) is not None:
            return Model.model_validate_json(held)
        if not self._adapter.is_written:
            raise NotFound(f"{self._adapter.path} holds no model.")
        features = tuple(feature.name for feature in self._adapter.reader.ontology().features)
        return Model(name=model, id=model, key=model, task=self._adapter.settings.task, features=features)

    def _list(self, query: str | None, order: str | None, cursor: str | None, size: int) -> Page[Model]:
        held = self._adapter.held("model")
        return Page([Model.model_validate_json(held)] if held is not None else [])


class FileVersions(Versions):
    """The version that a file's predictions are of."""

    _adapter: FileAdapter
    _update = Gap.impossible(NO_PLATFORM)
    _delete = Gap.impossible(NO_PLATFORM)
    _download_weights = Gap.impossible("Files of rows hold no weights.")
    _upload_weights = Gap.impossible("Files of rows hold no weights.")
    _data = Gap.impossible("A file does not say what a model was trained on.")

    def _create(self, version: Version) -> Version:
        made = version.model_copy(update={"id": ONLY})
        self._adapter.keep("version", made)
        return made

    def _get(self, version: str) -> Version:
        for found in self._list(ONLY, None, 1).items:
            return found
        raise NotFound(f"{self._adapter.path} holds no version.")

    def _list(self, model: str, cursor: str | None, size: int) -> Page[Version]:
        if (held := self._adapter.held("version")) is not None:
            return Page([Version.model_validate_json(held)])
        of_file = Version(model=model, name=self._adapter.path.stem, id=ONLY)
        return Page([of_file] if self._adapter.is_written else [])


class FileAdapter(Adapter):
    """A file behind the facets."""

    limits = Limits(batch_size=5000, page_size=5000)
    settings: FileSettings

    models = facet(FileModels)
    versions = facet(FileVersions)
    training = facet(Trainings, gap=Gap.impossible(NO_PLATFORM))
    inference = facet(Inference, gap=Gap.impossible(NO_PLATFORM))
    predictions = facet(FilePredictions)
    evaluations = facet(Evaluations, gap=Gap.impossible(NO_PLATFORM))
    attachments = facet(Attachments, gap=Gap.impossible(NO_PLATFORM))
    datasets = facet(FileDatasets)
    labels = facet(FileLabels)
    ontologies = facet(FileOntologies)
    handoff = facet(Handoff, gap=Gap.impossible(NO_PLATFORM))

    @property
    def path(self) -> Path:
        """Where the file is."""
        return self.settings.path

    @property
    def is_written(self) -> bool:
        """Whether the file is there."""
        return self.path.exists()

    @property
    def _beside(self) -> Path:
        return self.path.with_name(f".{self.path.name}.dragoman")

    @cached_property
    def staging(self) -> Staging:
        """What is to be written."""
        return Staging(self._beside)

    def held(self, kind: str) -> str | None:
        """Return the JSON of a thing that was written to this file; None for a file of others' making."""
        return self.staging.get(kind) if self._beside.exists() and not self._is_gone else None

    def keep(self, kind: str, thing: Control) -> None:
        """Keep a thing until the file is written, and after."""
        if self._is_gone:
            self.staging.forget()
        self.staging.put(kind, thing)

    @property
    def _is_gone(self) -> bool:
        """Whether the file was written, and somebody has removed it since."""
        return not self.is_written and self.staging.is_cleared

    @cached_property
    def reader(self) -> Reader:
        """The format's reader on the file."""
        reader: Reader = named(self.settings.format).load("reader")(self.path)
        return reader

    def datasets_there(self) -> list[Dataset]:
        """Return the dataset, if there is one yet."""
        if (held := self.held("dataset")) is not None:
            return [Dataset.model_validate_json(held)]
        return [Dataset(name=self.path.stem, id=ONLY)] if self.is_written else []

    def rows(self, kind: str, of: type[Row], items: Sequence[str] | None, cursor: str | None, size: int) -> Page[Row]:
        """Return rows of exactly a type, of some items if they are named."""
        if self.is_written:
            wanted = None if items is None else set(items)
            rows = (row for row in self.reader.rows() if type(row) is of and (wanted is None or row.item in wanted))
            return Page(rows)
        page = self.staged(kind, of, cursor, size)
        return Page([row for row in page.items if items is None or row.item in items], page.next)

    def staged(self, kind: str, of: type[Kept], cursor: str | None, size: int) -> Page[Kept]:
        """Return a page of what is to be written."""
        page = self.staging.read(kind, cursor, size)
        return Page([msgspec.json.decode(row, type=of) for row in page.items], page.next)

    def stage(self, kind: str, rows: Iterable[tuple[str, msgspec.Struct]], update: bool) -> list[RowResult]:
        """Keep rows until the file is written.

        Raises:
            Conflict: The file is there already.
        """
        if self.is_written:
            raise Conflict(f"{self.path} exists, and rows are not added to a file.", hint="Choose another path.")
        return self.staging.write(kind, [(key, msgspec.json.encode(row)) for key, row in rows], update=update)

    def finish(self) -> None:
        """Write the file, unless it is there."""
        if self.is_written:
            return
        writer: Writer = named(self.settings.format).load("writer")(self.path)
        writer.write(self._features(), self._staged("items", Item), self._staged_rows())
        self.staging.clear()

    def close(self) -> None:
        """Close what is to be written; it stays."""
        if "staging" in self.__dict__:
            self.staging.close()

    def _staged_rows(self) -> Iterator[Label]:
        yield from self._staged("labels", Label)
        yield from self._staged("predictions", Prediction)

    def _staged(self, kind: str, of: type[Kept]) -> Iterator[Kept]:
        return self.staging.every(kind, msgspec.json.Decoder(of).decode)

    def _features(self) -> Ontology:
        """Return the ontology; made of the rows where the source has none."""
        if (held := self.held("ontology")) is not None:
            return Ontology.model_validate_json(held)
        kinds: dict[str, dict[str, None]] = {}
        for row in self._staged_rows():
            kinds.setdefault(row.feature, {})[row.geometry.kind] = None
        features = (Feature(name=name, geometries=tuple(found)) for name, found in sorted(kinds.items()))
        return Ontology(name=self.path.stem, features=tuple(features))
