"""Inference: annotations where Viam decodes them, tensors where it does not, thresholds applied here."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dragoman import Box, InvalidData, Item, Label, NotFound, Unavailable, Whole
from dragoman.emulate import Answer, Live
from dragoman.errors import Unsupported
from dragoman_viam.codec import Size
from dragoman_viam.messages import method
from dragoman_viam.tensors import arrays, classifications, detections

SIZE = Size(64, 48)


@pytest.fixture
def stored(backend: Any, labelled: Any) -> list[Item]:
    """The items as Viam gives them, with its ids."""
    return sorted(backend.datasets.read_items(labelled), key=lambda item: item.key)


@pytest.fixture
def trained(backend: Any, labelled: Any, model: Any) -> str:
    """A version that finds cars."""
    version: str = backend.training.submit(model, dataset=labelled, parameters={"version": "v1"}).version
    return version


class TestDetection:
    def test_boxes_are_near_the_labels_and_have_confidences(
        self, backend: Any, trained: str, stored: list[Item]
    ) -> None:
        found = list(backend.inference.predict(trained, stored))
        assert [row.item for row in found] == [item.key for item in stored], "in the order of the items"
        for row in found:
            assert row.feature == "car"
            assert row.provenance.version == trained
            assert 0.5 <= row.confidence <= 1
            assert (row.geometry.x, row.geometry.y) == pytest.approx((1, 2), abs=1)
            assert (row.geometry.width, row.geometry.height) == pytest.approx((30, 20), abs=1)

    def test_the_less_sure_are_left_out(self, backend: Any, trained: str, stored: list[Item]) -> None:
        found = list(backend.inference.predict(trained, stored, confidence=0.0))
        threshold = sorted(row.confidence for row in found)[len(found) // 2]
        kept = list(backend.inference.predict(trained, stored, confidence=threshold))
        assert kept == [row for row in found if row.confidence >= threshold]
        assert 0 < len(kept) < len(found)

    def test_of_boxes_that_overlap_the_weaker_is_left_out(
        self, backend: Any, trained: str, labelled: Any, stored: list[Item]
    ) -> None:
        item = stored[0]
        backend.labels.write([Label(item.key, "car", Box(1, 2, 30, 21))], dataset=labelled)
        everything = list(backend.inference.predict(trained, [item], iou=1.0))
        (best,) = backend.inference.predict(trained, [item], iou=0.5)
        assert len(everything) == 2
        assert best.confidence == max(row.confidence for row in everything)

    def test_tensors_say_the_same_as_annotations(
        self, backend: Any, trained: str, labelled: Any, stored: list[Item], emulated: Live[Any], model: Any
    ) -> None:
        annotated = list(backend.inference.predict(trained, stored[:3]))
        emulated.state.items[model.id].ml_model_metadata.model_framework = 4
        decoded = list(backend.inference.predict(trained, stored[:3]))
        for ours, theirs in zip(decoded, annotated, strict=True):
            assert (ours.item, ours.feature) == (theirs.item, theirs.feature)
            assert ours.confidence == pytest.approx(theirs.confidence, abs=1e-6)
            for side in ("x", "y", "width", "height"):
                assert getattr(ours.geometry, side) == pytest.approx(getattr(theirs.geometry, side), abs=1e-4)

    def test_raw_tensors_are_arrays(self, backend: Any, trained: str, stored: list[Item]) -> None:
        found = backend.inference.tensors(trained, stored[0])
        assert {name: array.shape for name, array in found.items()} == {
            "location": (1, 1, 4),
            "category": (1, 1),
            "score": (1, 1),
        }

    def test_an_image_without_anything_on_it_has_no_predictions(
        self, backend: Any, trained: str, tmp_path: Any, items: list[Item]
    ) -> None:
        dataset = backend.datasets.create("empty images")
        backend.datasets.write_items(items[:1], dataset=dataset)
        assert list(backend.inference.predict(trained, backend.datasets.read_items(dataset))) == []


class TestClassification:
    def test_labels_have_confidences_whoever_decodes(
        self, backend: Any, dataset: Any, items: list[Item], emulated: Live[Any]
    ) -> None:
        rows = [Label(item.key, name, Whole()) for item in items for name in ("day", "dry")]
        backend.labels.write(rows, dataset=dataset).raise_for_problems()
        model = backend.models.create("weather", task="classification", features=["day", "dry"])
        version = backend.training.submit(model, dataset=dataset).version
        stored = list(backend.datasets.read_items(dataset))[:2]
        annotated = list(backend.inference.predict(version, stored))
        emulated.state.items[model.id].ml_model_metadata.model_framework = 3
        decoded = list(backend.inference.predict(version, stored))
        assert [row.feature for row in annotated] == ["day", "dry"] * 2
        assert [(row.item, row.feature) for row in decoded] == [(row.item, row.feature) for row in annotated]
        assert [row.confidence for row in decoded] == pytest.approx([row.confidence for row in annotated], abs=1e-6)


class TestBadInput:
    def test_an_item_that_viam_does_not_store_names_its_row(
        self, backend: Any, trained: str, stored: list[Item], items: list[Item]
    ) -> None:
        with pytest.raises(InvalidData, match="stored images only") as refusal:
            list(backend.inference.predict(trained, [stored[0], items[1]]))
        assert (refusal.value.row, refusal.value.field) == (1, "id")

    def test_unknown_versions_and_images_are_not_found(self, backend: Any, trained: str, stored: list[Item]) -> None:
        for version in ("nonsense", f"{trained}0", f"no:such@{1}"):
            with pytest.raises(NotFound):
                list(backend.inference.predict(version, stored[:1]))
        with pytest.raises(NotFound):
            list(backend.inference.predict(trained, [Item("gone", id="no/such/image", width=1, height=1)]))

    def test_what_viam_cannot_do_is_refused(self, backend: Any, trained: str, stored: list[Item]) -> None:
        with pytest.raises(Unsupported, match="simplify"):
            backend.inference.predict(trained, stored, simplify=1.0)

    def test_a_failure_that_passes_is_tried_again_for_its_item_alone(
        self, backend: Any, trained: str, stored: list[Item], emulated: Live[Any]
    ) -> None:
        emulated.faults.add(Answer(14), path="*/GetInference", skip=2)
        emulated.journal.clear()
        assert len(list(backend.inference.predict(trained, stored))) == len(stored)
        asked = sum(seen.path.endswith("/GetInference") for seen in emulated.journal.entries())
        assert asked == len(stored) + 1

    def test_a_failure_that_stays_names_its_row(
        self, backend: Any, trained: str, stored: list[Item], emulated: Live[Any]
    ) -> None:
        emulated.faults.add(Answer(14), path="*/GetInference", times=None)
        with pytest.raises(Unavailable) as failure:
            list(backend.inference.predict(trained, stored))
        assert failure.value.row == 0


def flat(**tensors: Any) -> Any:
    """A `FlatTensors` message."""
    return type(method("inference.GetInference").response().output_tensors)(tensors=tensors)


class TestTensors:
    @pytest.mark.parametrize(
        ("kind", "dtype", "values"),
        [
            ("int8_tensor", np.int8, [-128, 127]),
            ("uint8_tensor", np.uint8, [0, 255]),
            ("int16_tensor", np.int16, [-32768, 32767]),
            ("uint16_tensor", np.uint16, [0, 65535]),
            ("int32_tensor", np.int32, [-(2**31), 2**31 - 1]),
            ("uint32_tensor", np.uint32, [0, 2**32 - 1]),
            ("int64_tensor", np.int64, [-(2**63), 2**63 - 1]),
            ("uint64_tensor", np.uint64, [0, 2**64 - 1]),
            ("float_tensor", np.float32, [-1.5, 2.25]),
            ("double_tensor", np.float64, [-0.1, 1e300]),
        ],
    )
    def test_every_type_is_read(self, kind: str, dtype: Any, values: list[Any]) -> None:
        array = np.array(values, dtype)
        narrow = kind in ("int8_tensor", "uint8_tensor")
        # 16 bits travel as unsigned 32 bits (observed with 0.85.1).
        wide = array.view(np.uint16).tolist() if kind == "int16_tensor" else array.tolist()
        found = arrays(flat(x={"shape": [2, 1], kind: {"data": array.tobytes() if narrow else wide}}))["x"]
        assert found.dtype == dtype
        assert found.shape == (2, 1)
        assert found.reshape(-1).tolist() == array.tolist()

    @pytest.mark.parametrize("tensor", [{"shape": [3], "float_tensor": {"data": [1.0]}}, {"shape": [0]}])
    def test_a_tensor_that_is_not_whole_is_refused(self, tensor: dict[str, Any]) -> None:
        with pytest.raises(InvalidData, match="'x'"):
            arrays(flat(x=tensor))

    def test_boxes_are_y_before_x(self) -> None:
        found = {"location": np.array([[[0.1, 0.2, 0.3, 0.4]]]), "score": np.array([[0.9]])}
        (one,) = detections({**found, "category": np.array([[1]])}, ["bus", "car"], SIZE)
        assert (one.label, one.confidence) == ("car", 0.9)
        assert one.corners == pytest.approx((0.2, 0.1, 0.4, 0.3))

    def test_boxes_that_add_up_to_four_are_pixels(self) -> None:
        found = {"location": np.array([[[12, 16, 24, 32]]]), "category": np.array([[0]]), "score": np.array([[1.0]])}
        (one,) = detections(found, [], SIZE)
        assert (one.label, one.corners) == ("0", (0.25, 0.25, 0.5, 0.5))

    def test_categories_may_be_folded_into_the_scores(self) -> None:
        scores = np.array([[[0.1, 0.7, 0.2], [0.6, 0.3, 0.1]]])
        found = {"location": np.zeros((1, 2, 4)), "score": scores}
        assert [(one.label, one.confidence) for one in detections(found, ["a", "b"], SIZE)] == [("b", 0.7), ("a", 0.6)]

    def test_no_box_is_no_detection(self) -> None:
        found = {"location": np.zeros((1, 0, 4)), "score": np.zeros((1, 0)), "category": np.zeros((1, 0))}
        assert list(detections(found, [], SIZE)) == []
        assert list(detections({"location": np.zeros((1, 0, 4)), "score": np.zeros((1, 0, 3))}, [], SIZE)) == []

    @given(st.lists(st.floats(-20, 20), min_size=1, max_size=5))
    def test_probabilities_are_probabilities(self, values: list[float]) -> None:
        found = dict(classifications({"probability": np.array([values])}, ["a"]))
        assert next(iter(found)) == "a"
        assert all(0 <= value <= 1 for value in found.values())
        if min(values) < 0 or max(values) > 1:
            assert sum(found.values()) == pytest.approx(1)
        else:
            assert list(found.values()) == values

    def test_tensors_of_another_kind_are_refused_with_what_there_is(self) -> None:
        with pytest.raises(InvalidData, match="embedding, and no location"):
            list(detections({"embedding": np.zeros(3)}, [], SIZE))
