"""The platforms over their emulators, filled with a mixed set, for tests that move it between any two of them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import dragoman
from dragoman import Adapter, Item, Label, Ontology, Prediction
from dragoman.conformance.difficult import GEOMETRIES, HEIGHT, METADATA, WIDTH, feature_of, png
from dragoman.fidelity import FidelityTable, Survival
from dragoman.schema import Attribute, AttributeOption, Checklist, Feature, Option, Radio, Text, Whole
from dragoman.testing import Emulated, emulated

NAMES = ("encord", "labelbox", "local", "nucleus", "synapse", "viam")
DATASET = "mixed"
KEYS = ("plain.png", "Größe 猫 🦊.png", "line\u2028separator.png", "a b.png", "empty.png")
"""Keys of items; nothing is on the last."""

WEATHER = Attribute(
    name="weather",
    kind="radio",
    options=(
        AttributeOption(
            name="rain",
            attributes=(
                Attribute(
                    name="of what",
                    kind="checklist",
                    options=(AttributeOption(name="water"), AttributeOption(name="frogs")),
                ),
                Attribute(name="remark", kind="text"),
            ),
        ),
        AttributeOption(name="sun"),
    ),
)
RAIN = Radio(
    Option(
        "rain",
        {
            "of what": Checklist((Option("water"), Option("frogs"))),
            "remark": Text("nass 🦊"),
        },
    )
)


def items_in(folder: Path) -> list[Item]:
    """Return the items, with their media written to a folder."""
    folder.mkdir(exist_ok=True)
    made = []
    for number, key in enumerate(KEYS):
        path = folder / f"{number}.png"
        path.write_bytes(png(number))
        made.append(Item(key, uri=str(path), width=WIDTH, height=HEIGHT))
    return made


def forms_of(table: FidelityTable) -> list[str]:
    """Return the forms of geometry that a platform holds as they are."""
    return [form for form in GEOMETRIES if table.geometry(form).survival is Survival.EXACT]


def ontology_for(forms: Iterable[str]) -> Ontology:
    """Return an ontology with a feature for each form, and a nested question."""
    shapes = [Feature(name=feature_of(form), geometries=(form.split(" ")[0],)) for form in forms]
    return Ontology(
        name="mixed", features=(*shapes, Feature(name="weather", geometries=("whole",), attributes=(WEATHER,)))
    )


def labels_for(table: FidelityTable, forms: Iterable[str]) -> Iterator[Label]:
    """Yield a label for each form, and a nested classification, with what the platform keeps beside them."""
    metadata = METADATA if table.field("metadata").survival is Survival.EXACT else {}
    for number, form in enumerate(forms):
        yield Label(KEYS[number % 4], feature_of(form), GEOMETRIES[form][0], metadata=metadata)
    if table.field("answer").survival is Survival.EXACT:
        yield Label(KEYS[1], "weather", Whole(), answer=RAIN)


def predictions_for(forms: Iterable[str]) -> Iterator[Prediction]:
    """Yield a prediction for each form."""
    for number, form in enumerate(forms):
        yield Prediction(KEYS[number % 4], feature_of(form), GEOMETRIES[form][0], confidence=number / 16)


# -- opening and filling ----------------------------------------------------------------------------------------------


def beside(name: str, live: Emulated) -> dict[str, Any]:
    """Return the settings that a platform needs besides those that lead to its emulator."""
    match name:
        case "encord":
            return {"integration": next(iter(live.state.integrations))}
        case "synapse":
            return {"plugin": "detector"}
        case _:
            return {}


@contextmanager
def opened(name: str, folder: Path) -> Iterator[tuple[Any, Any]]:
    """Connect to a platform over a fresh emulator; the local backend has a folder instead.

    Yields:
        The backend, which does not sleep, and the served emulator or None.
    """
    live = None
    with ExitStack() as stack:
        if name == "local":
            backend = stack.enter_context(dragoman.connect(name, root=folder / name))
        else:
            live = stack.enter_context(emulated(name))
            backend = stack.enter_context(dragoman.connect(name, **live.connection, **beside(name, live)))
        backend.sleep = lambda seconds: None
        yield backend, live


def fill(backend: Adapter, live: Any, folder: Path) -> None:
    """Put the mixed set on a platform: items, labels, and where it takes them a version with predictions.

    Args:
        backend: The platform.
        live: Its served emulator.
        folder: Where the media are put.
    """
    if backend.name == "synapse":
        fill_synapse(live, folder)
        return
    forms = forms_of(backend.label_fidelity)
    dataset = backend.datasets.create(DATASET)
    if backend.capabilities()["ontologies.create"].supported:
        backend.ontologies.create(ontology_for(forms), dataset=dataset, on_loss="convert")
    backend.datasets.write_items(items_in(folder), dataset=dataset).raise_for_problems()
    backend.labels.write(labels_for(backend.label_fidelity, forms), dataset=dataset).raise_for_problems()
    if not backend.capabilities()["predictions.write"].supported:
        return
    model = backend.models.create("detector", task="object_detection", features=[*map(feature_of, forms)], key="det")
    version = backend.versions.create(model, name="first", dataset=dataset)
    kept = forms_of(backend.prediction_fidelity)
    backend.predictions.write(predictions_for(kept), version=version, dataset=dataset).raise_for_problems()


def fill_synapse(live: Any, folder: Path) -> None:
    """Put the set into the emulator as if it were reviewed: nothing that a client sends makes ground truth there."""
    from dragoman_synapse.codec import marks_of, v1
    from dragoman_synapse.fidelity import ROWS

    home = live.state.home
    made = home.add_dataset(DATASET)
    rows = list(labels_for(ROWS, forms_of(ROWS)))
    for item in items_in(folder):
        size = {"image_1": {"width": WIDTH, "height": HEIGHT}}
        unit = home.add_unit({"image_1": home.media.add(item.key, Path(item.uri or "").read_bytes())}, sizes=size)
        on_item = (row for row in rows if row.item == item.key)
        home.add_truth(made.id, unit, v1.write(mark for row in on_item for mark in marks_of(row, (WIDTH, HEIGHT))))
    home.add_version(made.id, "1")
