"""Pictures as tensors and tensors as predictions, without a server."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from dragoman import InvalidData, Item, PlatformError, Unsupported
from dragoman.schema import Box, Task
from dragoman_openinference import codec, pictures
from dragoman_openinference.facts import Entry, ModelFacts, Place, TensorFacts, by_age
from dragoman_openinference.layout import Layout
from dragoman_openinference.reading import Reading
from dragoman_openinference.tensors import Tensor

PICTURE = Image.fromarray(np.arange(2 * 4 * 3, dtype=np.uint8).reshape(2, 4, 3))
DETECTS = [TensorFacts("boxes", "FP32", [-1, 4]), TensorFacts("scores", "FP32", [-1])]


def reading(datatype: str = "UINT8", shape: tuple[int, ...] = (-1, -1, 3), **layout: Any) -> Reading:
    facts = ModelFacts("m", inputs=[TensorFacts("image", datatype, list(shape))], outputs=DETECTS)
    return Reading.of(facts, Layout(**layout))


def numbers(name: str, values: Any, datatype: str = "FP32") -> Tensor:
    kind = np.float32 if datatype == "FP32" else np.int64
    return Tensor(name, datatype, np.asarray(values, kind))


def found(*tensors: Tensor, confidence: float = 0.0, iou: float = 0.5, **layout: Any) -> list[Any]:
    """Predictions on a picture of 8 x 4 pixels, of which the model sees 4 x 2."""
    return codec.predictions(
        reading(**layout),
        tensors,
        "a",
        seen=(4, 2),
        size=(8, 4),
        version="m/1",
        confidence=confidence,
        iou=iou,
    )


class TestPictures:
    def test_pixels_are_sent_as_they_are(self) -> None:
        tensor, seen = pictures.asked(reading(), b"", PICTURE)
        assert (tensor.datatype, tensor.shape, seen) == ("UINT8", [2, 4, 3], (4, 2))
        assert tensor.array.tolist() == np.asarray(PICTURE).tolist()

    def test_planes_are_told_by_the_shape(self) -> None:
        tensor, seen = pictures.asked(reading("FP32", (1, 3, -1, -1)), b"", PICTURE)
        assert (tensor.shape, seen) == ([1, 3, 2, 4], (4, 2))
        assert tensor.array.dtype == np.float32
        assert tensor.array[0, :, 1, 2] == pytest.approx(np.asarray(PICTURE)[1, 2] / 255)

    def test_a_layout_goes_before_the_shape(self) -> None:
        tensor, seen = pictures.asked(reading("FP32", (-1, 3, 3, 3), order="rows", size=(3, 3)), b"", PICTURE)
        assert (tensor.shape, seen) == ([1, 3, 3, 3], (3, 3))

    def test_values_are_scaled_then_shifted_then_divided(self) -> None:
        chosen = reading("FP32", scale=2, mean=(1, 2, 3), deviation=(1, 2, 4), colours="bgr")
        tensor, _ = pictures.asked(chosen, b"", PICTURE)
        # The first pixel is (0, 1, 2).
        assert tensor.array[0, 0].tolist() == [2 * 2 - 1, (2 * 1 - 2) / 2, (2 * 0 - 3) / 4]

    def test_a_model_of_a_fixed_size_is_sent_that_size(self) -> None:
        tensor, seen = pictures.asked(reading("UINT8", (32, 16, 3)), b"", PICTURE)
        assert (tensor.shape, seen) == ([32, 16, 3], (16, 32))

    def test_a_model_that_takes_files_is_sent_the_file(self) -> None:
        tensor, seen = pictures.asked(reading("BYTES", (-1, 1)), b"the file", PICTURE)
        assert (tensor.shape, tensor.array.tolist(), seen) == ([1, 1], [[b"the file"]], (4, 2))

    def test_a_picture_is_seen_as_its_orientation_says(self) -> None:
        file, exif = io.BytesIO(), Image.Exif()
        exif[0x0112] = 6
        PICTURE.save(file, "PNG", exif=exif)
        assert pictures.picture_of(file.getvalue(), "a").size == (2, 4)

    def test_content_comes_from_the_item_or_its_file(self, tmp_path: Path) -> None:
        (tmp_path / "a b.png").write_bytes(b"content")
        for item in (
            Item("a", data=b"content"),
            Item("a", uri=str(tmp_path / "a b.png")),
            Item("a", uri=(tmp_path / "a b.png").as_uri()),
        ):
            assert pictures.content_of(item) == b"content"

    @pytest.mark.parametrize("uri", [None, "s3://bucket/a.png", "/nowhere/a.png"])
    def test_content_that_is_not_here_is_refused(self, uri: str | None) -> None:
        with pytest.raises(InvalidData):
            pictures.content_of(Item("a", uri=uri))

    @pytest.mark.parametrize(
        "inputs",
        [
            [],
            [TensorFacts("image", "UINT8", [-1, -1, 3]), TensorFacts("size", "INT64", [2])],
            [TensorFacts("text", "FP32", [-1])],
            [TensorFacts("image", "BF16", [-1, -1, 3])],
        ],
    )
    def test_a_model_that_takes_no_picture_is_refused(self, inputs: list[TensorFacts]) -> None:
        with pytest.raises(Unsupported):
            Reading.of(ModelFacts("m", inputs=inputs, outputs=DETECTS), Layout())


class TestDetections:
    BOXES = numbers("boxes", [[1, 0, 3, 2], [0, 0, 1, 1]])
    SCORES = numbers("scores", [0.5, 0.75])

    def test_boxes_are_in_pixels_of_the_item_the_surest_first(self) -> None:
        rows = found(self.BOXES, self.SCORES, numbers("labels", [1, 5], "INT64"), features=("dark", "bright"))
        assert [(row.feature, row.geometry, row.confidence) for row in rows] == [
            ("5", Box(0, 0, 2, 2), 0.75),
            ("bright", Box(2, 0, 4, 4), 0.5),
        ]

    @pytest.mark.parametrize(
        ("corners", "unit", "box"),
        [
            ("xyxy", "pixels", [1, 0, 3, 2]),
            ("yxyx", "pixels", [0, 1, 2, 3]),
            ("xywh", "pixels", [1, 0, 2, 2]),
            ("cxcywh", "pixels", [2, 1, 2, 2]),
            ("xyxy", "fraction", [0.25, 0, 0.75, 1]),
            ("yxyx", "fraction", [0, 0.25, 1, 0.75]),
            ("cxcywh", "fraction", [0.5, 0.5, 0.5, 1]),
        ],
    )
    def test_every_way_to_write_a_box_is_read(self, corners: str, unit: str, box: list[float]) -> None:
        (row,) = found(numbers("boxes", [box]), numbers("scores", [0.5]), corners=corners, unit=unit)
        assert row.geometry == Box(2, 0, 4, 4)

    def test_a_batch_of_one_is_read(self) -> None:
        rows = found(numbers("boxes", [self.BOXES.array]), numbers("scores", [self.SCORES.array]))
        assert len(rows) == 2

    def test_a_score_per_class_tells_the_class(self) -> None:
        scores = numbers("scores", [[[0.1, 0.75, 0.2], [0.5, 0.0, 0.0]]])
        rows = found(self.BOXES, scores, features=("a", "b", "c"))
        assert [(row.feature, row.confidence) for row in rows] == [("b", 0.75), ("a", 0.5)]

    def test_names_may_come_as_texts(self) -> None:
        rows = found(self.BOXES, self.SCORES, Tensor.of_texts("labels", ["cat", "Größe"]))
        assert [row.feature for row in rows] == ["Größe", "cat"]

    def test_the_unsure_and_the_doubled_are_left_out(self) -> None:
        boxes = numbers("boxes", [[0, 0, 2, 2], [0, 0, 2, 2], [0, 0, 2, 2], [2, 0, 4, 2]])
        scores, labels = numbers("scores", [0.5, 0.75, 0.5, 0.1]), numbers("labels", [0, 0, 1, 0], "INT64")
        rows = found(boxes, scores, labels, confidence=0.25)
        assert [(row.feature, row.confidence) for row in rows] == [("0", 0.75), ("1", 0.5)]
        assert len(found(boxes, scores, labels, confidence=0.25, iou=1.0)) == 3

    def test_boxes_end_with_the_picture(self) -> None:
        (row,) = found(numbers("boxes", [[-5, -5, 50, 1]]), numbers("scores", [1]))
        assert row.geometry == Box(0, 0, 8, 2)

    def test_nothing_found_is_nothing(self) -> None:
        assert found(numbers("boxes", np.zeros((0, 4))), numbers("scores", [])) == []

    @pytest.mark.parametrize(
        ("tensors", "said"),
        [
            ([SCORES], "no numbers named 'boxes'"),
            ([BOXES], "no numbers named 'scores'"),
            ([numbers("boxes", [1, 2, 3]), SCORES], "four numbers a box"),
            ([BOXES, numbers("scores", [0.5])], "2 boxes, 1 scores"),
            ([BOXES, numbers("scores", np.zeros((2, 0)))], "2 boxes, 0 scores"),
            ([BOXES, SCORES, numbers("labels", [np.nan, 0])], "label that is no number"),
            ([BOXES, numbers("scores", [3.5, 0])], "no probabilities"),
            ([BOXES, numbers("scores", [np.nan, 0])], "no probabilities"),
        ],
    )
    def test_outputs_that_do_not_fit_are_named(self, tensors: list[Tensor], said: str) -> None:
        with pytest.raises(PlatformError, match=said):
            found(*tensors)


class TestClassifications:
    def test_the_surest_class_has_the_probabilities_of_all(self) -> None:
        (row,) = found(numbers("scores", [[0.25, 0.75]]), task="classification", features=("a", "b"))
        assert (row.feature, row.confidence, row.class_pdf) == ("b", 0.75, {"a": 0.25, "b": 0.75})

    def test_logits_are_turned_into_probabilities(self) -> None:
        (row,) = found(numbers("scores", [1000, 1000]), task="classification", activation="softmax")
        assert row.class_pdf == {"0": 0.5, "1": 0.5}
        (row,) = found(numbers("scores", [0]), task="classification", activation="sigmoid")
        assert row.confidence == 0.5

    def test_an_unsure_one_is_left_out(self) -> None:
        assert found(numbers("scores", [0.4, 0.3]), task="classification", confidence=0.5) == []

    def test_a_model_without_boxes_classifies(self) -> None:
        facts = ModelFacts("m", inputs=[TensorFacts("x", "UINT8", [-1, -1, 3])], outputs=DETECTS[1:])
        assert Reading.of(facts, Layout()).task is Task.CLASSIFICATION


class TestNames:
    def test_versions_are_named_with_their_model(self) -> None:
        assert (Place.of("m/1"), Place.of("m"), str(Place("m", "1"))) == (Place("m", "1"), Place("m"), "m/1")

    def test_numbers_in_versions_count_as_numbers(self) -> None:
        entries = [Entry("m", version) for version in ("v10", "v9", "10", "9", "")]
        assert [entry.version for entry in sorted(entries, key=by_age)] == ["", "9", "10", "v9", "v10"]
