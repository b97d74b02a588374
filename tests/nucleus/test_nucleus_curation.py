"""What is taken away from datasets, their tags, and Nucleus's search."""

from __future__ import annotations

from typing import Any

import pytest

from dragoman import (
    Attribute,
    AttributeOption,
    Box,
    Checklist,
    Feature,
    InvalidData,
    Item,
    Label,
    MatchPolicy,
    NotFound,
    Ontology,
    Prediction,
    Radio,
    Whole,
)
from dragoman.emulate import Live
from dragoman_nucleus.scenes import Scene
from dragoman_nucleus.taxonomies import taxonomies_of


class TestCuration:
    @pytest.mark.parametrize("key", ["a", "b"])
    def test_an_item_goes_with_its_labels(self, backend: Any, dataset: Any, key: str) -> None:
        backend.labels.write([Label(key, "car", Box(1, 2, 3, 4))], dataset=dataset).raise_for_problems()
        backend.curation.delete_item(dataset, key)
        assert key not in {item.key for item in backend.datasets.read_items(dataset)}
        assert list(backend.labels.read(dataset)) == []
        with pytest.raises(NotFound):
            backend.curation.delete_item(dataset, key)

    @pytest.mark.parametrize("key", ["", ".", ".."])
    def test_a_step_in_an_address_is_no_key(self, backend: Any, dataset: Any, emulated: Live[Any], key: str) -> None:
        emulated.journal.clear()
        for delete in (backend.curation.delete_item, backend.curation.delete_taxonomy, backend.scenes.delete):
            with pytest.raises(InvalidData, match="means another place"):
                delete(dataset, key)
        assert [seen for seen in emulated.journal.entries() if seen.method == "DELETE"] == []

    def test_an_item_whose_key_is_a_step_is_rejected(self, backend: Any, dataset: Any) -> None:
        rows = [Item(key, uri="https://example.com/1.jpg") for key in ("..", "c")]
        outcomes = list(backend.datasets.write_items(rows, dataset=dataset))
        assert [one.status for one in outcomes] == ["rejected", "created"]

    def test_all_labels_of_items_go_at_once(self, backend: Any, dataset: Any) -> None:
        rows = [Label(key, "car", Box(n, 2, 3, 4)) for key in ("a", "b") for n in range(2)]
        backend.labels.write(rows, dataset=dataset).raise_for_problems()
        backend.curation.delete_labels(dataset, [])
        assert len(list(backend.labels.read(dataset))) == 4, "no items are not all items"
        backend.curation.delete_labels(dataset, ["a"])
        assert {row.item for row in backend.labels.read(dataset)} == {"b"}

    def test_labels_of_an_item_that_is_not_there_are_told(self, backend: Any, dataset: Any) -> None:
        rows = [Label(key, "car", Box(1, 2, 3, 4)) for key in ("a", "b")]
        backend.labels.write(rows, dataset=dataset).raise_for_problems()
        with pytest.raises(InvalidData, match=r"labels of 1 of 2 items stay; the first: .*nope"):
            backend.curation.delete_labels(dataset, ["a", "nope"])
        assert {row.item for row in backend.labels.read(dataset)} == {"b"}, "the others are gone all the same"

    def test_tags_of_a_dataset_are_added_and_taken_away(self, backend: Any, dataset: Any) -> None:
        backend.curation.add_tags(dataset, ["night", "rain"])
        backend.curation.remove_tags(dataset, ["night"])
        assert backend.curation.tags(dataset) == ["rain"]

    def test_taxonomies_are_made_of_classifications_and_questions_and_deleted(self, backend: Any, dataset: Any) -> None:
        options = tuple(AttributeOption(name=name) for name in ("rain", "fog"))
        features = (
            Feature(name="car", geometries=("box",)),
            Feature(
                name="weather",
                geometries=("whole",),
                attributes=(Attribute(name="weather", kind="radio", options=options),),
            ),
            Feature(name="remark", geometries=("whole",), attributes=(Attribute(name="remark", kind="text"),)),
            Feature(name="dry", geometries=("whole",)),
        )
        ontology = Ontology(name="street", features=features)
        assert taxonomies_of(ontology) == {"weather": ["rain", "fog"], "street": ["remark", "dry"]}
        backend.ontologies.create(ontology, dataset=dataset, on_loss="convert")
        for name in ("street", "weather"):
            backend.curation.delete_taxonomy(dataset, name)
            with pytest.raises(NotFound):
                backend.curation.delete_taxonomy(dataset, name)

    def test_answers_have_their_taxonomy_before_they_come(
        self, backend: Any, dataset: Any, emulated: Live[Any]
    ) -> None:
        emulated.state.strict_taxonomies = True

        def said(key: str, *options: str) -> Label:
            answer = Radio.of(*options) if len(options) == 1 else Checklist.of(*options)
            return Label(key, "weather", Whole(), answer=answer)

        rows = [said("a", "rain"), said("b", "rain", "fog")]
        backend.labels.write(rows, dataset=dataset).raise_for_problems()
        assert list(emulated.state.datasets[dataset.id].taxonomies["weather"]["labels"]) == ["rain", "fog"]

        backend.curation.delete_taxonomy(dataset, "weather")
        backend.labels.write([said("a", "sun")], dataset=dataset).raise_for_problems()
        assert list(emulated.state.datasets[dataset.id].taxonomies["weather"]["labels"]) == ["sun"]


class TestSearch:
    def test_items_are_found_by_their_metadata(self, backend: Any) -> None:
        dataset = backend.datasets.create("cities")
        cities = ("Bern", "Biel", "Bern")
        items = [
            Item(f"{n}", uri=f"https://example.com/{n}.jpg", metadata={"city": city}) for n, city in enumerate(cities)
        ]
        backend.datasets.write_items(items, dataset=dataset).raise_for_problems()
        found = backend.search.items(dataset, 'metadata.city = "Bern"', page_size=1)
        assert [item.key for item in found] == ["0", "2"]

    def test_matches_are_found_after_they_were_made(self, backend: Any, dataset: Any, version: Any) -> None:
        backend.labels.write([Label("a", "car", Box(1, 2, 30, 40))], dataset=dataset).raise_for_problems()
        said = [Prediction("a", "car", Box(1, 2, 30, 38)), Prediction("b", "car", Box(1, 1, 9, 9))]
        backend.predictions.write(said, version=version, dataset=dataset).raise_for_problems()
        backend.runs.match(version, MatchPolicy())

        def count(kind: str) -> int:
            return len(list(backend.search.objects(dataset, "", kind=kind, version=version)))

        assert {kind: count(kind) for kind in ("iou", "false_positive", "ground_truth_only", "predictions_only")} == {
            "iou": 1,
            "false_positive": 1,
            "ground_truth_only": 1,
            "predictions_only": 2,
        }

    def test_near_duplicates_are_left_out(self, backend: Any, items: list[Item]) -> None:
        dataset = backend.datasets.create("files")
        backend.datasets.write_items(items, dataset=dataset).raise_for_problems()
        # No two hashes differ in more than all of their bits.
        assert backend.search.unique(dataset, distance=64) == [items[0].key]
        keys = [items[1].key, items[2].key]
        assert backend.search.unique(dataset, distance=64, items=keys) == [items[1].key]


def test_a_scene_is_found_by_a_query(backend: Any) -> None:
    dataset = backend.scenes.create_dataset("drives")
    scenes = [Scene(f"{n}", uri="https://example.com/1.mp4", metadata={"n": n}) for n in range(2)]
    backend.scenes.write(scenes, dataset=dataset).raise_for_problems()
    found = list(backend.search.scenes(dataset, "metadata.n = 1"))
    assert [one["reference_id"] for one in found] == ["1"]
    assert backend.labels.write([Label("1", "rain", Whole())], dataset=dataset).ok
