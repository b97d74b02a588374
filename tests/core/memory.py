"""A platform in memory, behind the facets like any other: what the core's own tests talk to.

It keeps what its fidelity table says and no more, refuses rows on items it does not have, pages its listings, and
fails as it is told: `state.fail("models.create", LostAnswer("..."))` breaks the next call of that operation, before
or after it was carried out.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar, TypeVar

import msgspec
import pluggy
from pydantic import SecretStr
from pydantic_settings import SettingsConfigDict

from dragoman import (
    EXACT,
    Adapter,
    AuthenticationError,
    Box,
    Conflict,
    Dataset,
    Fidelity,
    FidelityTable,
    Gap,
    InvalidData,
    Item,
    Label,
    Model,
    NotFound,
    Ontology,
    Prediction,
    RotatedBox,
    Survival,
    Unavailable,
    Version,
    facet,
    hookspecs,
)
from dragoman.calls.limits import Limits
from dragoman.calls.pipeline import Page
from dragoman.fidelity import DatasetFidelity
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
from dragoman.interface.models import select
from dragoman.plugins import Platform
from dragoman.schema import CREATED, IGNORED, UPDATED, RowResult
from dragoman.settings import PlatformSettings

T = TypeVar("T")
Row = TypeVar("Row", bound=Label)

LOSSY = FidelityTable(
    {
        "box": EXACT,
        "whole": EXACT,
        "rotated_box": Fidelity(Survival.APPROXIMATE, "the box around it"),
    },
    {"attributes": Fidelity(Survival.STORED, "kept in the metadata")},
)
"""A table for platforms that keep less: boxes exactly, rotated boxes as boxes, attributes as metadata."""


# -- the vendor's side ------------------------------------------------------------------------------------------------


class VendorError(Exception):
    """Base of what this platform's SDK would raise."""


class Refused(VendorError):
    """The platform refuses a request as a whole."""


class Busy(VendorError):
    """The platform did not take the request; it may be sent again."""


class LostAnswer(VendorError):
    """The connection broke when the request was out."""


ERRORS = {
    Refused: lambda error: InvalidData(str(error)),
    Busy: lambda error: Unavailable(str(error)),
    LostAnswer: lambda error: Unavailable(str(error), maybe_applied=True),
}


@dataclass
class Fault:
    """One scripted failure: raised before the operation is carried out, or after."""

    error: Exception
    applied: bool


@dataclass
class State:
    """Everything that one account holds; adapters that share a state see the same platform."""

    models: dict[str, Model] = field(default_factory=dict)
    versions: dict[str, Version] = field(default_factory=dict)
    datasets: dict[str, Dataset] = field(default_factory=dict)
    items: dict[str, dict[str, Item]] = field(default_factory=lambda: defaultdict(dict))
    labels: dict[str, dict[str, Label]] = field(default_factory=lambda: defaultdict(dict))
    predictions: dict[tuple[str, str], dict[str, Prediction]] = field(default_factory=lambda: defaultdict(dict))
    ontologies: dict[str, Ontology] = field(default_factory=dict)
    calls: Counter[str] = field(default_factory=Counter)
    faults: dict[str, list[Fault]] = field(default_factory=lambda: defaultdict(list))
    made: int = 0

    def fail(self, operation: str, error: Exception, *, applied: bool = False, times: int = 1) -> None:
        """Let the next calls of an operation fail; `applied` carries them out before the answer is lost."""
        self.faults[operation] += [Fault(error, applied)] * times

    def run(self, operation: str, action: Callable[[], T]) -> T:
        """Carry an operation out, unless a scripted fault comes in between."""
        self.calls[operation] += 1
        fault = self.faults[operation].pop(0) if self.faults[operation] else None
        if fault is not None and not fault.applied:
            raise fault.error
        result = action()
        if fault is not None:
            raise fault.error
        return result

    def new_id(self, prefix: str) -> str:
        self.made += 1
        return f"{prefix}_{self.made}"


ACCOUNTS: dict[str, State] = defaultdict(State)
"""Accounts by name, for tests that open the platform through `connect`."""


# -- the adapter ------------------------------------------------------------------------------------------------------


class MemorySettings(PlatformSettings):
    """Which account to open, and its key."""

    model_config = SettingsConfigDict(env_prefix="DRAGOMAN_MEMORY_")

    api_key: SecretStr = SecretStr("key of memory")
    account: str = "main"
    lossy: bool = False


def page_of(rows: Iterable[T], cursor: str | None, size: int) -> Page[T]:
    """Return the page of a listing that starts at the cursor."""
    found = list(rows)
    start = int(cursor or 0)
    end = start + size
    return Page(found[start:end], str(end) if end < len(found) else None)


def known(things: dict[str, T], thing: str, what: str) -> T:
    if thing not in things:
        raise NotFound(f"There is no {what} {thing!r}.")
    return things[thing]


class MemoryFacet:
    """What the facets of this platform share."""

    name: ClassVar[str]
    _adapter: MemoryAdapter

    @property
    def state(self) -> State:
        return self._adapter.state

    def run(self, operation: str, action: Callable[[], T]) -> T:
        return self.state.run(f"{self.name}.{operation}", action)

    def keep(self, held: dict[str, Row], items: dict[str, Item], row: Row, update: bool, table: FidelityTable) -> Any:
        if row.item not in items:
            return RowResult("rejected", reason=f"There is no item {row.item!r}.")
        if row.id in held and not update:
            return IGNORED
        result = UPDATED if row.id in held else CREATED
        held[row.id] = kept(row, table)
        return result


def kept(row: Row, table: FidelityTable) -> Row:
    """Return the row as this platform rounds it: rotated boxes lose their angle. The core has seen to all else."""
    shape = row.geometry
    if not table.losses(row):
        return row
    assert isinstance(shape, RotatedBox)
    box = Box(shape.cx - shape.width / 2, shape.cy - shape.height / 2, shape.width, shape.height)
    return msgspec.structs.replace(row, geometry=box)


class MemoryModels(MemoryFacet, Models):
    def _create(self, model: Model) -> Model:
        def make() -> Model:
            if any(other.key == model.key for other in self.state.models.values()):
                raise Conflict(f"There is a model with the key {model.key!r}.")
            made = model.model_copy(update={"id": self.state.new_id("model")})
            self.state.models[made.id] = made
            return made

        return self.run("create", make)

    def _get(self, model: str) -> Model:
        return self.run("get", lambda: known(self.state.models, model, "model"))

    def _list(self, query: str | None, order: str | None, cursor: str | None, size: int) -> Page[Model]:
        return self.run("list", lambda: page_of(select(self.state.models.values(), query, order), cursor, size))

    def _update(self, model: str, changes: dict[str, Any]) -> Model:
        changed = known(self.state.models, model, "model").model_copy(update=changes)
        self.state.models[model] = changed
        return changed

    def _delete(self, model: str) -> None:
        known(self.state.models, model, "model")
        del self.state.models[model]
        for version in [version.id for version in self.state.versions.values() if version.model == model]:
            del self.state.versions[version]


class MemoryVersions(MemoryFacet, Versions):
    def _create(self, version: Version) -> Version:
        def make() -> Version:
            known(self.state.models, version.model, "model")
            made = version.model_copy(update={"id": self.state.new_id("version")})
            self.state.versions[made.id] = made
            return made

        return self.run("create", make)

    def _get(self, version: str) -> Version:
        return self.run("get", lambda: known(self.state.versions, version, "version"))

    def _list(self, model: str, cursor: str | None, size: int) -> Page[Version]:
        known(self.state.models, model, "model")
        found = [version for version in self.state.versions.values() if version.model == model]
        return self.run("list", lambda: page_of(found, cursor, size))

    def _update(self, version: str, changes: dict[str, Any]) -> Version:
        changed = known(self.state.versions, version, "version").model_copy(update=changes)
        self.state.versions[version] = changed
        return changed

    def _delete(self, version: str) -> None:
        known(self.state.versions, version, "version")
        del self.state.versions[version]

    _download_weights = Gap.impossible("Memory keeps no weights.", instead="a backend that trains")
    _upload_weights = Gap.impossible("Memory keeps no weights.")
    _data = Gap.unwritten("Memory does not remember what a version was trained on.")


class MemoryDatasets(MemoryFacet, Datasets):
    def _create(self, dataset: Dataset) -> Dataset:
        def make() -> Dataset:
            made = dataset.model_copy(update={"id": self.state.new_id("dataset")})
            self.state.datasets[made.id] = made
            return made

        return self.run("create", make)

    def _get(self, dataset: str) -> Dataset:
        return self.run("get", lambda: known(self.state.datasets, dataset, "dataset"))

    def _list(self, cursor: str | None, size: int) -> Page[Dataset]:
        return self.run("list", lambda: page_of(self.state.datasets.values(), cursor, size))

    def _delete(self, dataset: str) -> None:
        known(self.state.datasets, dataset, "dataset")
        del self.state.datasets[dataset]

    def _read_items(self, dataset: str, cursor: str | None, size: int) -> Page[Item]:
        known(self.state.datasets, dataset, "dataset")
        return self.run("read_items", lambda: page_of(self.state.items[dataset].values(), cursor, size))

    def _write_items(self, dataset: str, batch: Sequence[Item], update: bool) -> list[RowResult]:
        def write() -> list[RowResult]:
            known(self.state.datasets, dataset, "dataset")
            held, results = self.state.items[dataset], []
            for row in batch:
                there = held.get(row.key)
                if there is None or update:
                    held[row.key] = msgspec.structs.replace(row, id=there.id if there else self.state.new_id("item"))
                status = "created" if there is None else "updated" if update else "ignored"
                results.append(RowResult(status, held[row.key].id))
            return results

        return self.run("write_items", write)

    def _find(self, dataset: str, rows: Sequence[Item]) -> list[RowResult | None]:
        held = self.state.items[dataset]
        return [RowResult("created", held[row.key].id, "found there") if row.key in held else None for row in rows]


class MemoryLabels(MemoryFacet, Labels):
    _versions = Gap.impossible("Memory keeps one version of the labels.")
    _export = Gap.unwritten("Memory makes no files.", instead="labels.read")

    def _read(self, dataset: str, items: Sequence[str] | None, cursor: str | None, size: int) -> Page[Label]:
        known(self.state.datasets, dataset, "dataset")
        found = (row for row in self.state.labels[dataset].values() if items is None or row.item in items)
        return self.run("read", lambda: page_of(found, cursor, size))

    def _write(self, dataset: str, batch: Sequence[Label], update: bool) -> list[RowResult]:
        def write() -> list[RowResult]:
            known(self.state.datasets, dataset, "dataset")
            held, items, table = self.state.labels[dataset], self.state.items[dataset], self._adapter.label_fidelity
            return [self.keep(held, items, row, update, table) for row in batch]

        return self.run("write", write)

    def _find(self, dataset: str, rows: Sequence[Label]) -> list[RowResult | None]:
        held = self.state.labels[dataset]
        return [RowResult("created", reason="found there") if row.id in held else None for row in rows]


class MemoryPredictions(MemoryFacet, Predictions):
    def _write(self, version: str, dataset: str, batch: Sequence[Prediction], update: bool) -> list[RowResult]:
        def write() -> list[RowResult]:
            known(self.state.versions, version, "version")
            known(self.state.datasets, dataset, "dataset")
            held, items = self.state.predictions[version, dataset], self.state.items[dataset]
            return [self.keep(held, items, row, update, self._adapter.prediction_fidelity) for row in batch]

        return self.run("write", write)

    def _read(
        self, version: str, dataset: str, items: Sequence[str] | None, cursor: str | None, size: int
    ) -> Page[Prediction]:
        known(self.state.versions, version, "version")
        found = self.state.predictions[version, dataset].values()
        return self.run(
            "read", lambda: page_of((row for row in found if items is None or row.item in items), cursor, size)
        )

    def _delete(self, version: str, dataset: str, ids: Sequence[str] | None) -> None:
        held = self.state.predictions[version, dataset]
        for row in list(held) if ids is None else ids:
            held.pop(row, None)


class MemoryOntologies(MemoryFacet, Ontologies):
    def _create(self, ontology: Ontology, dataset: str) -> Ontology:
        known(self.state.datasets, dataset, "dataset")

        def make() -> Ontology:
            made = ontology.model_copy(update={"id": self.state.new_id("ontology")})
            self.state.ontologies[dataset] = made
            return made

        return self.run("create", make)

    def _get(self, dataset: str) -> Ontology:
        return self.run("get", lambda: known(self.state.ontologies, dataset, "ontology"))


class MemoryEvaluations(Evaluations):
    _get = Gap.impossible("Memory keeps no evaluations.", instead="evaluations.evaluate")


class MemoryAdapter(Adapter):
    """The platform behind the facets."""

    name = "memory"
    errors = ERRORS
    limits = Limits(batch_size=3, page_size=2, attempts=3)
    settings: MemorySettings

    models = facet(MemoryModels)
    versions = facet(MemoryVersions)
    training = facet(Trainings, gap=Gap.impossible("Memory trains nothing.", instead="a backend that trains"))
    inference = facet(Inference, gap=Gap.impossible("Memory runs no models."))
    predictions = facet(MemoryPredictions)
    evaluations = facet(MemoryEvaluations)
    attachments = facet(Attachments, gap=Gap.impossible("Memory has no projects."))
    datasets = facet(MemoryDatasets)
    labels = facet(MemoryLabels)
    ontologies = facet(MemoryOntologies)
    handoff = facet(Handoff, gap=Gap.unwritten("Nobody annotates in memory yet."))

    def __init__(self, settings: MemorySettings, hooks: Any) -> None:
        super().__init__(settings, hooks)
        if settings.account == "locked":
            raise AuthenticationError("The account is locked.", platform=self.name)
        self.state = ACCOUNTS[settings.account]
        if settings.lossy:
            self.label_fidelity = self.prediction_fidelity = LOSSY  # type: ignore[misc]
        self.slept: list[float] = []
        self.sleep = self.slept.append


def hook_caller(*observers: object) -> Any:
    """Return pluggy's hook caller with these observers."""
    manager = pluggy.PluginManager("dragoman")
    manager.add_hookspecs(hookspecs)
    for observer in observers:
        manager.register(observer)
    return manager.hook


def open_memory(
    *observers: object,
    state: State | None = None,
    name: str = "memory",
    fidelity: FidelityTable | None = None,
    limits: Limits | None = None,
    dataset_fidelity: DatasetFidelity | None = None,
) -> MemoryAdapter:
    """Open an account of its own, with the observers, fidelity and limits that a test chooses."""
    changes: dict[str, Any] = {"name": name}
    if fidelity is not None:
        changes |= {"label_fidelity": fidelity, "prediction_fidelity": fidelity}
    if dataset_fidelity is not None:
        changes["dataset_fidelity"] = dataset_fidelity
    if limits is not None:
        changes["limits"] = limits
    adapter = type("ChosenMemory", (MemoryAdapter,), changes)(MemorySettings(), hook_caller(*observers))
    adapter.state = state if state is not None else State()
    return adapter


def items(count: int) -> list[Item]:
    return [Item(f"img-{n}", uri=f"/data/{n}.png", width=640, height=480) for n in range(count)]


def predictions(count: int, **values: Any) -> list[Prediction]:
    return [Prediction(f"img-{n % 7}", "cat", Box(n, 0, 10, 10), confidence=0.5, **values) for n in range(count)]


PLATFORM = Platform(
    name="memory",
    title="Memory",
    description="A platform in memory, for tests.",
    adapter="memory:MemoryAdapter",
    settings="memory:MemorySettings",
)
