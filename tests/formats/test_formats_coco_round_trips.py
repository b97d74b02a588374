"""COCO: what is written is read again, whatever it is."""

from __future__ import annotations

import tempfile
from pathlib import Path

import msgspec
from coco_files import write
from hypothesis import given
from hypothesis import strategies as st

from dragoman.conformance import strategies
from dragoman.fidelity import EXACT, Keeper, restore
from dragoman.formats.coco import CocoReader, CocoWriter
from dragoman.schema import Feature, Item, Label, Ontology, Prediction

EXACT_FORMS = [form for form, kept in CocoWriter.fidelity.geometries.items() if kept == EXACT] + ["polygon with holes"]
ids = st.one_of(strategies.names, st.integers(-5, 10**12).map(str))


@st.composite
def datasets(draw: st.DrawFn) -> tuple[Ontology, list[Item], list[Label]]:
    items = draw(
        st.lists(
            st.builds(
                msgspec.structs.replace,
                strategies.items,
                id=st.one_of(strategies.texts, st.integers(0, 99).map(str)),
                width=st.integers(1, 50),
                height=st.integers(1, 50),
            ),
            min_size=1,
            max_size=3,
            unique_by=lambda item: item.key,
        )
    )
    names = draw(st.lists(strategies.names, min_size=1, max_size=3, unique=True))
    feature_ids = st.one_of(strategies.texts, st.integers(0, 9).map(str))
    features = tuple(Feature(name=name, id=draw(feature_ids), metadata=draw(strategies.metadata)) for name in names)
    shapes = st.one_of(*(strategies.BY_FORM[form] for form in EXACT_FORMS))
    common = {
        "item": st.sampled_from([item.key for item in items]),
        "feature": st.sampled_from(names),
        "geometry": shapes,
        "id": ids,
        "track_id": st.none() | strategies.names,
        "attributes": strategies.attributes,
        "metadata": strategies.metadata,
        "provenance": st.none() | strategies.provenances,
    }
    rows = st.one_of(
        st.builds(Label, **common), st.builds(Prediction, **common, confidence=st.none() | strategies.probabilities)
    )
    made = draw(st.lists(rows, max_size=6, unique_by=lambda row: row.id))
    about = {"id": draw(strategies.texts), "metadata": draw(strategies.metadata)}
    return Ontology(name="o", features=features, **about), items, made


@given(datasets(), st.booleans())
def test_what_is_written_is_read_again(dataset: tuple[Ontology, list[Item], list[Label]], as_folder: bool) -> None:
    ontology, items, rows = dataset
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / ("out" if as_folder else "out.json")
        CocoWriter(path).write(ontology, items, rows)
        reader = CocoReader(path)
        assert reader.ontology() == ontology
        assert sorted(reader.items(), key=lambda item: item.key) == sorted(items, key=lambda item: item.key)
        assert sorted(reader.rows(), key=lambda row: row.id) == sorted(rows, key=lambda row: row.id)


# An empty `class_pdf` says nothing, so the core lets it go.
any_rows = st.one_of(strategies.labels_with(), strategies.predictions_with()).filter(
    lambda row: getattr(row, "class_pdf", None) != {}
)


@given(st.lists(any_rows, max_size=4, unique_by=lambda row: row.id))
def test_what_coco_has_no_place_for_travels_in_the_metadata(rows: list[Label]) -> None:
    items = [Item(key, width=50, height=50) for key in dict.fromkeys(row.item for row in rows)]
    keeper = Keeper(CocoWriter.fidelity, "store")
    with tempfile.TemporaryDirectory() as folder:
        path = write(Path(folder) / "out.json", [row for row in map(keeper.keep, rows) if row], items)
        assert sorted(map(restore, CocoReader(path).rows()), key=lambda row: row.id) == sorted(rows, key=lambda r: r.id)
