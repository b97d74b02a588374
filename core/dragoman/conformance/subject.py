"""What a plugin tells the kit about itself, and the fixtures that follow from it."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, ClassVar

import pytest

from dragoman.adapter import Adapter
from dragoman.capability import Level
from dragoman.conformance.difficult import GEOMETRIES, HEIGHT, STRINGS, WIDTH, feature_of, png
from dragoman.connecting import connect
from dragoman.emulate import Answer, DropAfter, Live, running
from dragoman.errors import (
    AuthenticationError,
    Conflict,
    DragomanError,
    InvalidData,
    NotFound,
    PermissionDenied,
    PlatformError,
    RateLimited,
    Unavailable,
)
from dragoman.fidelity import Survival
from dragoman.plugins import installed
from dragoman.schema import Dataset, Feature, Item, Model, Ontology, Version

FEATURES = tuple(feature_of(form) for form in GEOMETRIES)


class Subject:
    """The platform under test. Subclass it once per plugin and set `platform`; override what differs.

    By default the plugin's emulator is served for each test and connected to with its own credentials.
    """

    platform: ClassVar[str]
    """Name of the backend, as in `connect(name)`."""
    faults: ClassVar[dict[type[DragomanError], Any]] = {
        AuthenticationError: Answer(401),
        PermissionDenied: Answer(403),
        NotFound: Answer(404),
        Conflict: Answer(409),
        InvalidData: Answer(400),
        RateLimited: Answer(429, headers={"Retry-After": "3"}),
        Unavailable: Answer(503),
        PlatformError: Answer(200, body="<html>"),
    }
    """What the emulator is told to answer so that each error comes; override where the platform does not use status
    codes. An error that the platform has no way to say is left out, with a comment that says so."""
    probe: ClassVar[str] = "datasets.list"
    """A listing without arguments, which the kit lets fail; override where the platform has no datasets."""
    lost_answer: ClassVar[Any] = DropAfter()
    """What the emulator is told so that the request is carried out and the answer lost."""

    # -- to override ---------------------------------------------------------------------------------------------------

    @contextmanager
    def served(self, folder: Path) -> Iterator[Live[Any] | None]:
        """Serve the emulator; yield None where the platform has none.

        A subject whose platform runs here for real serves a relay to it: `running(relay(platform, url))`.
        """
        platform = installed().platform(self.platform)
        if platform.emulator is None:
            yield None
            return
        with running(platform.load("emulator")()) as live:
            yield live

    def settings(self, live: Live[Any] | None, folder: Path) -> dict[str, Any]:
        """Return the settings to connect with."""
        return {"endpoint": live.url, **live.credentials} if live else {"root": folder / "state"}

    def ontology(self, adapter: type[Adapter]) -> Ontology:
        """Return the ontology of the kit's dataset: one feature per form of geometry that the platform keeps."""
        kept = [form for form in GEOMETRIES if adapter.label_fidelity.geometry(form).survival is not Survival.DROPPED]
        made = {adapter.label_fidelity.geometry(form).to or form: form for form in kept}
        features = {feature_of(form): form for form in (*made, *kept)}
        return Ontology(
            name="kit",
            features=tuple(Feature(name=name, geometries=(_kind(form),)) for name, form in features.items()),
        )

    def weights(self, model: Model, folder: Path) -> Path:
        """Return a file of weights that a version of this model can be given."""
        path = folder / "weights.bin"
        path.write_bytes(bytes(range(256)) * 300)
        return path

    def item(self, number: int, folder: Path, *, key: str | None = None) -> Item:
        """Return an item whose media is a file of this machine."""
        path = folder / f"image-{number}.png"
        path.write_bytes(png(number))
        return Item(key or path.name, uri=str(path), width=WIDTH, height=HEIGHT)

    # -- fixtures ------------------------------------------------------------------------------------------------------

    @pytest.fixture
    def live(self, tmp_path: Path) -> Iterator[Live[Any] | None]:
        """The served emulator."""
        with self.served(tmp_path) as live:
            yield live

    @pytest.fixture
    def backend(self, live: Live[Any] | None, tmp_path: Path) -> Iterator[Adapter]:
        """The connected backend. It does not sleep; `backend.slept` has what it would have slept, in seconds."""
        with connect(self.platform, **self.settings(live, tmp_path)) as backend:
            slept: list[float] = []
            backend.slept = slept  # type: ignore[attr-defined]
            backend.sleep = slept.append
            yield backend

    @pytest.fixture(autouse=True)
    def _skip_gaps(self, request: pytest.FixtureRequest) -> None:
        capabilities = installed().platform(self.platform).load("adapter").capabilities()
        for operation in getattr(request.function, "__needs__", ()):
            found = capabilities[operation]
            if not found.supported:
                pytest.skip(f"{self.platform} {operation} is {found.level}: {found.reason}")

    @pytest.fixture
    def items(self, tmp_path: Path) -> list[Item]:
        """Items to write, with difficult keys."""
        return [self.item(number, tmp_path, key=f"{text} {number}") for number, text in enumerate(STRINGS)]

    @pytest.fixture
    def dataset(self, backend: Adapter, items: list[Item]) -> Dataset:
        """A dataset that holds the items, with the kit's ontology where the platform has ontologies."""
        dataset = backend.datasets.create("kit data")
        if supports(backend, "ontologies.create"):
            backend.ontologies.create(self.ontology(type(backend)), dataset=dataset)
        backend.datasets.write_items(items, dataset=dataset).raise_for_problems()
        return dataset

    @pytest.fixture
    def model(self, backend: Adapter) -> Model:
        """A model that knows a feature for every form of geometry."""
        return backend.models.create("kit model", task="object_detection", features=FEATURES, key="kit-model")

    @pytest.fixture
    def version(self, backend: Adapter, model: Model, dataset: Dataset) -> Version:
        """A version of that model, run over the dataset."""
        return backend.versions.create(model, name="kit version", dataset=dataset)


def supports(backend: Adapter, operation: str) -> bool:
    """Return whether a backend supports an operation, composition included."""
    return backend.capabilities()[operation].level in (Level.FULL, Level.COMPOSED)


def signature_of(method: Any) -> list[str]:
    """Return the names of a method's positional parameters, without `self`."""
    return [name for name in inspect.signature(method).parameters if name != "self"]


def _kind(form: str) -> str:
    return form.split(" ")[0]
