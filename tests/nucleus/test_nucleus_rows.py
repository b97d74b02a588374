"""Labels and predictions of every kind over the emulator: written, read, looked up, told apart."""

from __future__ import annotations

from math import cos, sin
from typing import Any

import msgspec
import nucleus
import numpy as np
import pytest

from dragoman import (
    Box,
    Checklist,
    Cuboid,
    Item,
    Keypoint,
    Keypoints,
    Label,
    Mask,
    NotFound,
    PlatformError,
    Polygon,
    Polyline,
    Prediction,
    Radio,
    Text,
    Whole,
)
from dragoman.emulate import DropAfter, Live
from dragoman.geometry import mask_of_array
from dragoman_nucleus.store import SINGLY

HOSTILE = "a/b?c#d %41"


def square(left: int, size: int = 4) -> Mask:
    """A mask on an image of 64 x 48 pixels."""
    pixels = np.zeros((48, 64), bool)
    pixels[:size, left : left + size] = True
    return mask_of_array(pixels)


GEOMETRIES = {
    "box": Box(1.5, 2, 30, 40),
    "polygon": Polygon.of([(0, 0), (10, 0.25), (10, 10)]),
    "polyline": Polyline((0, 0, 5, 5, 9, 1)),
    "keypoints": Keypoints((Keypoint("nose", 1, 2), Keypoint("ear", None, None, 1)), ((0, 1),)),
    "cuboid": Cuboid((1, 2, 3), (4, 5, 6), (cos(0.25), 0, 0, sin(0.25))),
    "mask": square(3),
    "whole": Whole(),
}


def bare(row: Label) -> Label:
    return msgspec.structs.replace(row, provenance=None)


@pytest.fixture
def free(backend: Any, dataset: Any) -> Any:
    """A run of a model that names no features, so that all pass."""
    model = backend.models.create("free", task="object_detection", features=[])
    return backend.versions.create(model, name="free", dataset=dataset)


class TestKinds:
    @pytest.mark.parametrize("kind", GEOMETRIES)
    def test_labels_come_back_whole(self, backend: Any, dataset: Any, kind: str) -> None:
        sent = Label("a", "car", GEOMETRIES[kind], metadata={"night": True}, track_id="t1")
        assert backend.labels.write([sent], dataset=dataset, on_loss="convert").counts == {"created": 1}
        for read in (*backend.labels.read(dataset), *backend.labels.read(dataset, items=["a"])):
            same = msgspec.structs.replace(read, geometry=sent.geometry) if kind == "cuboid" else read
            assert bare(same) == sent

    @pytest.mark.parametrize("kind", GEOMETRIES)
    def test_predictions_come_back_whole(self, backend: Any, dataset: Any, free: Any, kind: str) -> None:
        said = {"confidence": 0.25, "class_pdf": {"car": 0.25, "bus": 0.75}}
        sent = Prediction("a", "car", GEOMETRIES[kind], metadata={"n": 1}, track_id="t1", **said)
        report = backend.predictions.write([sent], version=free, dataset=dataset, on_loss="convert")
        assert report.counts == {"created": 1}
        read_all = list(backend.predictions.read(free, dataset=dataset))
        read_one = list(backend.predictions.read(free, dataset=dataset, items=["a"]))
        assert len(read_all) == len(read_one) == 1
        for read in (*read_all, *read_one):
            same = msgspec.structs.replace(read, geometry=sent.geometry) if kind == "cuboid" else read
            assert bare(same) == sent

    @pytest.mark.parametrize("answer", [Radio.of("rain"), Checklist.of("rain", "fog"), Text("wet")])
    def test_answers_come_back(self, backend: Any, dataset: Any, free: Any, answer: Any) -> None:
        label = Label("a", "weather", Whole(), answer=answer)
        backend.labels.write([label], dataset=dataset).raise_for_problems()
        assert [bare(read) for read in backend.labels.read(dataset)] == [label]
        said = Prediction("a", "weather", Whole(), answer=answer, confidence=0.5)
        backend.predictions.write([said], version=free, dataset=dataset).raise_for_problems()
        assert [bare(read) for read in backend.predictions.read(free, dataset=dataset)] == [said]

    def test_a_second_category_of_a_taxonomy_is_rejected_with_its_reason(self, backend: Any, dataset: Any) -> None:
        rows = [Label("a", "rain", Whole()), Label("a", "snow", Whole()), Label("b", "snow", Whole())]
        outcomes = list(backend.labels.write(rows, dataset=dataset))
        assert [outcome.status for outcome in outcomes] == ["created", "rejected", "created"]
        assert outcomes[1].reason == "Nucleus keeps one category per item and taxonomy, and has another."

    @pytest.mark.parametrize("count", [1, SINGLY + 1])
    def test_so_is_one_of_a_later_call(self, backend: Any, free: Any, count: int) -> None:
        dataset = backend.datasets.create("many")
        keys = [str(n) for n in range(count)]
        items = [Item(key, uri=f"https://example.com/{n}.jpg") for n, key in enumerate(keys)]
        backend.datasets.write_items(items, dataset=dataset).raise_for_problems()

        def outcomes(option: str) -> list[tuple[str, str | None]]:
            rows = [Prediction(key, "sky", Whole(), answer=Radio.of(option), confidence=0.5) for key in keys]
            rows += [Prediction(key, "car", Box(1, 2, 3, 4), confidence=0.5) for key in keys]
            report = backend.predictions.write(rows, version=free, dataset=dataset)
            return [(outcome.status, outcome.reason) for outcome in report]

        assert outcomes("blue") == [("created", None)] * 2 * count
        assert outcomes("blue") == [("ignored", None)] * 2 * count
        reason = "Nucleus keeps one category per item and taxonomy, and has another."
        assert outcomes("grey") == [("rejected", reason)] * count + [("ignored", None)] * count

    def test_a_category_that_a_later_row_replaces_is_rejected(self, backend: Any, dataset: Any) -> None:
        rows = [Label("a", "rain", Whole()), Label("b", "rain", Whole()), Label("a", "snow", Whole())]
        rows += [Label("a", "sky", Whole(), answer=Radio.of(option)) for option in ("blue", "grey")]
        rows += [msgspec.structs.replace(rows[1], metadata={"seen": "twice"})]
        outcomes = list(backend.labels.write(rows, dataset=dataset, update=True))
        assert [outcome.status for outcome in outcomes] == ["rejected", *["updated"] * 2, "rejected", *["updated"] * 2]
        assert outcomes[0].reason == (
            "Nucleus keeps one category per item and taxonomy, and a later row of this call is it."
        )
        there = {(row.item, row.id) for row in backend.labels.read(dataset)}
        assert there == {(row.item, row.id) for row in (rows[1], rows[2], rows[4])}

    def test_an_answer_without_a_taxonomy_has_the_place_of_a_plain_category(
        self, backend: Any, dataset: Any, free: Any
    ) -> None:
        rows = [Prediction("a", "sky", Whole(), answer=Checklist.of("blue", "grey")), Prediction("a", "rain", Whole())]
        outcomes = list(backend.predictions.write(rows, version=free, dataset=dataset))
        assert [outcome.status for outcome in outcomes] == ["created", "rejected"]
        assert outcomes[1].reason == "Nucleus keeps one category per item and taxonomy, and has another."

    def test_the_sdk_reads_what_was_written(self, backend: Any, dataset: Any, free: Any, emulated: Live[Any]) -> None:
        rows = [Prediction("a", "car", geometry, confidence=0.5) for geometry in GEOMETRIES.values()]
        backend.predictions.write(rows, version=free, dataset=dataset, on_loss="convert").raise_for_problems()
        client = nucleus.NucleusClient(emulated.credentials["api_key"], endpoint=f"{emulated.url}/v1/nucleus")
        with pytest.warns(DeprecationWarning, match="deprecated"):
            found = client.get_model_run(free.id, dataset.id).ungrouped_export()
        assert {kind: len(rows) for kind, rows in found.items() if rows} == dict.fromkeys(
            ("box", "polygon", "line", "keypoints", "cuboid", "category", "segmentation"), 1
        )
        assert (found["box"][0].confidence, found["box"][0].annotation_id) == (0.5, rows[0].id)

    def test_a_type_that_nobody_knows_stops_the_reading(
        self, backend: Any, dataset: Any, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def answer(*request: Any) -> Any:
            return type("Answer", (), {"content": b'{"data": [{"item": {"ref_id": "a"}, "hologram": []}]}'})

        monkeypatch.setattr(backend.client.connection, "make_request", answer)
        with pytest.raises(PlatformError, match=r"something unexpected: .*hologram"):
            list(backend.labels.read(dataset))


class TestMasks:
    def test_masks_of_one_item_are_one_image_over_several_writes(self, backend: Any, dataset: Any) -> None:
        rows = [Label("a", f"car {n}", square(8 * n)) for n in range(6)]
        for part in (rows[:1], rows[1:4], rows[3:]):
            assert backend.labels.write(part, dataset=dataset, on_loss="convert").ok
        read = {row.id: bare(row) for row in backend.labels.read(dataset)}
        assert read == {row.id: row for row in rows}

    def test_masks_and_boxes_in_one_batch_have_their_own_outcomes(self, backend: Any, dataset: Any) -> None:
        box, mask = Label("a", "car", Box(1, 2, 3, 4)), Label("a", "car", square(3))
        backend.labels.write([mask], dataset=dataset, on_loss="convert")
        rows = [Label("nowhere", "car", square(0)), mask, box, Label("b", "car", square(9))]
        outcomes = list(backend.labels.write(rows, dataset=dataset, on_loss="convert"))
        assert [outcome.status for outcome in outcomes] == ["rejected", "ignored", "created", "created"]
        assert outcomes[0].reason == "There is no item 'nowhere'."

    def test_more_masked_items_than_files_in_a_form(self, backend: Any, emulated: Live[Any]) -> None:
        dataset = backend.datasets.create("many")
        keys = [f"{n}.jpg" for n in range(23)]
        backend.datasets.write_items([Item(key, uri=f"https://example.com/{key}") for key in keys], dataset=dataset)
        sent = [Label(key, "car", square(n)) for n, key in enumerate(keys)]
        emulated.journal.clear()
        assert backend.labels.write(sent, dataset=dataset, on_loss="convert").counts == {"created": 23}
        forms = [seen for seen in emulated.journal.entries() if seen.path.endswith("/annotate")]
        assert len(forms) == 3
        assert {row.item: row.geometry for row in backend.labels.read(dataset)} == {
            row.item: row.geometry for row in sent
        }

    def test_a_lost_answer_to_masks_is_settled(self, backend: Any, dataset: Any, emulated: Live[Any]) -> None:
        emulated.faults.add(DropAfter(), method="POST", path="*/annotate")
        rows = [Label("a", "car", square(3)), Label("b", "car", square(3))]
        assert backend.labels.write(rows, dataset=dataset, on_loss="convert").ok
        assert len(list(backend.labels.read(dataset))) == 2

    def test_overlapping_masks_come_back_exactly_when_they_are_stored(self, backend: Any, dataset: Any) -> None:
        rows = [Label("a", "road", square(0, 40)), Label("a", "car", square(4, 8))]
        backend.labels.write(rows, dataset=dataset, on_loss="store").raise_for_problems()
        assert {row.id: bare(row) for row in backend.labels.read(dataset)} == {row.id: row for row in rows}


class TestKeys:
    def test_predictions_on_hostile_keys_are_read_through_the_export(self, backend: Any, emulated: Live[Any]) -> None:
        dataset = backend.datasets.create("hostile")
        keys = [HOSTILE, "plain"]
        backend.datasets.write_items([Item(key, uri="https://example.com/1.jpg") for key in keys], dataset=dataset)
        model = backend.models.create("m", task="object_detection", features=["car"])
        version = backend.versions.create(model, name="v", dataset=dataset)
        sent = [Prediction(key, "car", Box(1, 2, 3, 4), confidence=0.5) for key in keys]
        backend.predictions.write(sent, version=version, dataset=dataset).raise_for_problems()
        emulated.journal.clear()
        (read,) = backend.predictions.read(version, dataset=dataset, items=[HOSTILE])
        assert bare(read) == sent[0]
        assert not [seen for seen in emulated.journal.entries() if "modelRun" in seen.path and "refloc" in seen.path]
        with pytest.raises(NotFound):
            list(backend.predictions.read(version, dataset=dataset, items=["no/such"]))

    @pytest.mark.parametrize("items", [2, SINGLY + 1])
    def test_mixed_batches_are_looked_up_singly_or_all_at_once(
        self, backend: Any, emulated: Live[Any], items: int
    ) -> None:
        dataset = backend.datasets.create("mixed")
        keys = [f"{n}.jpg" for n in range(items)]
        backend.datasets.write_items([Item(key, uri=f"https://example.com/{key}") for key in keys], dataset=dataset)
        rows = [Label(key, "car", Box(1, 2, 3, 4)) for key in keys]
        backend.labels.write(rows[:1], dataset=dataset)
        emulated.journal.clear()
        outcomes = [outcome.status for outcome in backend.labels.write(rows, dataset=dataset)]
        assert outcomes == ["created"] * items, "what is there as sent counts as created"
        exports = [seen for seen in emulated.journal.entries() if "exportForTrainingPage" in seen.path]
        assert bool(exports) is (items > SINGLY)

    def test_equal_ids_on_two_items_are_two_rows(self, backend: Any, dataset: Any) -> None:
        rows = [Label(key, "car", Box(1, 2, 3, 4), id="same") for key in ("a", "b")]
        assert backend.labels.write(rows, dataset=dataset).counts == {"created": 2}
        changed = [rows[0], Label("b", "bus", Box(1, 2, 3, 4), id="same"), Label("b", "car", Box(9, 9, 9, 9))]
        outcomes = [outcome.status for outcome in backend.labels.write(changed, dataset=dataset)]
        assert outcomes == ["created", "ignored", "created"]

    def test_a_run_over_two_datasets_is_read_by_dataset(self, backend: Any, dataset: Any, version: Any) -> None:
        other = backend.datasets.create("other")
        backend.datasets.write_items([Item("a", uri="https://example.com/a.jpg")], dataset=other)
        here, there = (Prediction("a", "car", Box(n, 1, 2, 3), confidence=0.5) for n in range(2))
        backend.predictions.write([here], version=version, dataset=dataset).raise_for_problems()
        backend.predictions.write([there], version=version, dataset=other).raise_for_problems()
        assert [bare(row) for row in backend.predictions.read(version, dataset=dataset)] == [here]
        assert [bare(row) for row in backend.predictions.read(version, dataset=other)] == [there]
        assert [bare(row) for row in backend.predictions.read(version, dataset=other, items=["a"])] == [there]

    def test_many_items_are_read_at_once(self, backend: Any, emulated: Live[Any]) -> None:
        dataset = backend.datasets.create("many")
        keys = [f"{n}.jpg" for n in range(SINGLY + 2)]
        backend.datasets.write_items([Item(key, uri=f"https://example.com/{key}") for key in keys], dataset=dataset)
        model = backend.models.create("m", task="object_detection", features=["car"])
        version = backend.versions.create(model, name="v", dataset=dataset)
        rows = [Prediction(key, "car", Box(1, 2, 3, 4), confidence=0.5) for key in keys]
        backend.predictions.write(rows, version=version, dataset=dataset).raise_for_problems()
        emulated.journal.clear()
        read = backend.predictions.read(version, dataset=dataset, items=keys[1:])
        assert [row.item for row in read] == keys[1:]
        assert emulated.journal.count < 5
        with pytest.raises(NotFound, match="nowhere"):
            list(backend.predictions.read(version, dataset=dataset, items=[*keys, "nowhere"]))

    @pytest.mark.parametrize("key", ["a", HOSTILE])
    def test_an_item_that_is_named_twice_is_read_once(self, backend: Any, dataset: Any, version: Any, key: str) -> None:
        backend.datasets.write_items([Item(key, uri="https://example.com/a.jpg")], dataset=dataset)
        backend.labels.write([Label(key, "car", Box(1, 2, 3, 4))], dataset=dataset).raise_for_problems()
        said = [Prediction(key, "car", Box(1, 2, 3, 4), confidence=0.5)]
        backend.predictions.write(said, version=version, dataset=dataset).raise_for_problems()
        keys = [key, "b", key]
        assert [row.item for row in backend.labels.read(dataset, items=keys)] == [key]
        assert [row.item for row in backend.predictions.read(version, dataset=dataset, items=keys)] == [key]
