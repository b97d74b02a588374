"""The adapter: one platform behind the facets. Its class body lists which facet is translated and which is a gap.

A connected adapter is what users call a backend. It holds the settings, the pipeline and the vendor's client, which an
adapter opens when it is first needed.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from inspect import getattr_static
from types import TracebackType
from typing import Any, ClassVar, Generic, Self, TypeVar, overload

from dragoman.calls.binding import ErrorTable
from dragoman.calls.limits import Limits
from dragoman.calls.pipeline import Pipeline
from dragoman.calls.scrub import Scrubber
from dragoman.capability import Capability, Gap, Level
from dragoman.errors import PluginError
from dragoman.fidelity import LOSSLESS, WHOLE_DATASET, DatasetFidelity, FidelityTable
from dragoman.interface import (
    FACETS,
    Attachments,
    Datasets,
    Evaluations,
    Facet,
    Handoff,
    Inference,
    Labels,
    Models,
    Ontologies,
    Predictions,
    Trainings,
    Versions,
)
from dragoman.settings import PlatformSettings
from dragoman.showing import Showing, Shown

F = TypeVar("F", bound=Facet)


class facet(Generic[F]):
    """Declare a facet in an adapter's body: `models = facet(NucleusModels)`, or `facet(Trainings, gap=Gap...)`."""

    def __init__(self, kind: type[F], *, gap: Gap | None = None) -> None:
        self.kind = kind
        self.gap = gap

    @overload
    def __get__(self, adapter: None, owner: type) -> Self: ...

    @overload
    def __get__(self, adapter: Adapter, owner: type) -> F: ...

    def __get__(self, adapter: Adapter | None, owner: type) -> Self | F:
        if adapter is None:
            return self
        instance = self.kind(adapter, self.gap)
        adapter.__dict__[self.kind.name] = instance
        return instance


class Adapter(Showing):
    """Base of all adapters.

    Args:
        settings: The plugin's settings, resolved.
        hooks: Pluggy's hook caller with the observers.
    """

    name: ClassVar[str]
    """Name of the platform, as in `connect(name)`."""
    errors: ClassVar[ErrorTable] = {}
    """Vendor exceptions to ours."""
    limits: ClassVar[Limits] = Limits()
    """What the platform bears."""
    label_fidelity: ClassVar[FidelityTable] = LOSSLESS
    """What survives of a label written to it."""
    prediction_fidelity: ClassVar[FidelityTable] = LOSSLESS
    """What survives of a prediction written to it."""
    dataset_fidelity: ClassVar[DatasetFidelity] = WHOLE_DATASET
    """What survives of items and ontologies written to it."""
    label_reading: ClassVar[FidelityTable] = LOSSLESS
    """What reading gives of the labels that it holds."""
    prediction_reading: ClassVar[FidelityTable] = LOSSLESS
    """What reading gives of the predictions that it holds."""

    models = facet(Models)
    versions = facet(Versions)
    training = facet(Trainings)
    inference = facet(Inference)
    predictions = facet(Predictions)
    evaluations = facet(Evaluations)
    attachments = facet(Attachments)
    datasets = facet(Datasets)
    labels = facet(Labels)
    ontologies = facet(Ontologies)
    handoff = facet(Handoff)

    def __init__(self, settings: PlatformSettings, hooks: Any) -> None:
        self.settings = settings
        self.sleep: Callable[[float], None] = time.sleep
        self.pipeline = Pipeline(
            self.name,
            errors=self.errors,
            limits=self.limits,
            scrubber=Scrubber(settings.secrets()),
            hooks=hooks,
            sleep=lambda seconds: self.sleep(seconds),
        )

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        _check(cls)

    @classmethod
    def capabilities(cls) -> dict[str, Capability]:
        """Return what the class says of every operation: `"facet.operation"` to capability."""
        own: dict[str, Capability] = {}
        composed: dict[str, tuple[str, ...]] = {}
        for base in FACETS:
            slot: facet[Any] = getattr(cls, base.name)
            for name, operation in base.operations.items():
                own[str(operation)] = slot.gap.capability if slot.gap else slot.kind.declared(name)
                if operation.composed_of and own[str(operation)].level is Level.UNDECLARED:
                    composed[str(operation)] = operation.composed_of
        for name, parts in composed.items():
            if all(own[part].level is Level.FULL for part in parts):
                own[name] = Capability(Level.COMPOSED, f"made of {', '.join(parts)}")
        return own

    def close(self) -> None:
        """Give back connections and files. A closed backend is not used again."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _shown(self) -> Shown:
        """Show which operations there are, facet by facet."""
        found = self.capabilities()
        able = {base.name: [op for op in base.operations if found[f"{base.name}.{op}"].supported] for base in FACETS}
        rows = [(name, ", ".join(operations)) for name, operations in able.items()]
        return Shown(f"Backend {self.name}", ("facet", "operations"), rows)

    def __repr__(self) -> str:
        return f"<dragoman backend {self.name!r}>"


_TABLES = {
    "errors": Mapping,
    "limits": Limits,
    "label_fidelity": FidelityTable,
    "prediction_fidelity": FidelityTable,
    "dataset_fidelity": DatasetFidelity,
    "label_reading": FidelityTable,
    "prediction_reading": FidelityTable,
}
"""What the other attributes of an adapter's class are."""


def _check(adapter: type[Adapter]) -> None:
    """Refuse a class body that no call could make sense of, when it is read and not when it is first called.

    Raises:
        PluginError: A facet, a translation or a table is something else; the hint says what it should be.
    """
    name = adapter.__name__
    for base in FACETS:
        slot = getattr_static(adapter, base.name)
        kind = slot.kind if isinstance(slot, facet) else None
        if not (isinstance(kind, type) and issubclass(kind, base)):
            raise PluginError(
                f"{name}.{base.name} is not declared as a facet of {base.__name__}.",
                hint=f"Write {base.name} = facet(X), where X is a subclass of {base.__name__}; "
                f"or facet({base.__name__}, gap=Gap.impossible(...)) where there is none.",
            )
        for operation in base.operations:
            translation = getattr_static(kind, f"_{operation}")
            if not (isinstance(translation, Gap) or callable(translation)):
                raise PluginError(
                    f"{kind.__name__}._{operation} is {translation!r}.",
                    hint="Write a method, or a Gap with the reason.",
                )
    known = [base.name for base in FACETS]
    for attribute, value in vars(adapter).items():
        if isinstance(value, facet) and attribute not in known:
            raise PluginError(f"{name}.{attribute} is none of the facets.", hint=f"They are: {', '.join(known)}.")
    for attribute, wanted in _TABLES.items():
        if not isinstance(getattr_static(adapter, attribute), wanted):
            raise PluginError(f"{name}.{attribute} is not a {wanted.__name__}.")
