"""Prediction on the local backend."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from dragoman import InvalidData, Item, NotFound, Prediction, Provenance, Unsupported, Whole

from .conftest import SIDE, Trained
from .video_clips import write_clip


def test_classifier_says_one_feature_per_item_with_its_distribution(classifier: Trained) -> None:
    items = classifier.items("validation")
    rows = list(classifier.backend.inference.predict(classifier.version, items, confidence=0.0))
    assert [row.item for row in rows] == [item.key for item in items]
    for row in rows:
        assert row.geometry == Whole()
        assert row.class_pdf is not None
        assert set(row.class_pdf) == {"dark", "bright"}
        assert sum(row.class_pdf.values()) == pytest.approx(1)
        assert row.confidence == row.class_pdf[row.feature] == max(row.class_pdf.values())
        assert row.provenance == Provenance("local", version=classifier.version.id)
    right = [row.feature == ("bright" if int(row.item) % 2 else "dark") for row in rows]
    assert sum(right) >= 10


def test_classifier_has_nothing_to_track(classifier: Trained, tmp_path: Path) -> None:
    clip = write_clip(tmp_path / "clip.mp4")
    with pytest.raises(Unsupported, match="no objects"):
        list(classifier.backend.inference.predict(classifier.version, [clip], track=True))


def test_predictions_below_the_confidence_are_left_out(classifier: Trained, shapes: Trained) -> None:
    for trained in (classifier, shapes):
        items = trained.items("validation")
        rows = list(trained.backend.inference.predict(trained.version, items, confidence=0.0))
        said = sorted({row.confidence or 0.0 for row in rows})
        limit = sum(said[len(said) // 2 - 1 : len(said) // 2 + 1]) / 2
        sure = list(trained.backend.inference.predict(trained.version, items, confidence=limit))
        assert 0 < len(sure) < len(rows)
        assert sure == [row for row in rows if row.confidence is not None and row.confidence >= limit]


def test_boxes_lie_in_their_image_and_ids_are_the_same_each_time(shapes: Trained) -> None:
    predict = shapes.backend.inference.predict
    rows = list(predict(shapes.version, shapes.items("test"), confidence=0.1))
    assert rows == list(predict(shapes.version, shapes.items("test"), confidence=0.1))
    assert len({row.id for row in rows}) == len(rows) > 0
    for row in rows:
        box = row.geometry
        assert min(box.x, box.y) >= 0
        assert max(box.x + box.width, box.y + box.height) <= SIDE + 1e-6
        assert row.class_pdf is None


def test_predictions_come_while_items_are_still_being_read(shapes: Trained) -> None:
    given = 0

    def endless() -> Iterator[Item]:
        nonlocal given
        while True:
            given += 1
            yield shapes.items("test")[0]

    stream = shapes.backend.inference.predict(shapes.version, endless(), confidence=0.0)
    assert isinstance(next(stream), Prediction)
    assert given < 100


def test_path_of_a_file_is_an_item_of_that_key(classifier: Trained) -> None:
    path = Path(classifier.items("validation")[0].uri or "")
    (row,) = classifier.backend.inference.predict(classifier.version, [path], confidence=0.0)
    assert row.item == str(path)


@pytest.mark.parametrize("bad", ["missing", "corrupt", "no uri", "remote"])
def test_item_that_cannot_be_read_is_named_after_those_before_it(classifier: Trained, tmp_path: Path, bad: str) -> None:
    (tmp_path / "corrupt.png").write_bytes(b"no image")
    uris = {
        "missing": str(tmp_path / "missing.png"),
        "corrupt": str(tmp_path / "corrupt.png"),
        "no uri": None,
        "remote": "https://example.com/a.png",
    }
    good = classifier.items("validation")[0]
    stream = classifier.backend.inference.predict(
        classifier.version, [good, Item("bad", uri=uris[bad]), good], confidence=0.0
    )
    assert next(stream).item == good.key
    with pytest.raises(InvalidData, match="'bad'") as caught:
        next(stream)
    assert (caught.value.row, caught.value.field) == (1, "uri")
    assert (caught.value.platform, caught.value.operation) == ("local", "inference.predict")


def test_unknown_version_is_not_found(shapes: Trained) -> None:
    with pytest.raises(NotFound, match="no version"):
        list(shapes.backend.inference.predict("nobody", []))


def test_cuda_without_a_gpu_is_refused(shapes: Trained) -> None:
    import torch

    import dragoman

    home = shapes.backend.settings.root  # type: ignore[attr-defined]
    with dragoman.connect("local", root=home, device="cuda") as backend:
        if torch.cuda.is_available():
            assert list(backend.inference.predict(shapes.version, shapes.items("test")[:1], confidence=0.0))
        else:
            with pytest.raises(Unsupported, match="CUDA"):
                list(backend.inference.predict(shapes.version, shapes.items("test")[:1]))


_LIGHT = """
import sys, dragoman
from dragoman import Box, Item, Label
backend = dragoman.connect("local", root=sys.argv[1])
list(backend.models.list())
backend.models.create("m", task="object_detection", features=["x"])
dataset = backend.datasets.create("d")
backend.datasets.write_items([Item("a", uri=sys.argv[2], width=1, height=1)], dataset=dataset).raise_for_problems()
backend.labels.write([Label("a", "x", Box(0, 0, 1, 1))], dataset=dataset).raise_for_problems()
list(backend.labels.read(dataset))
list(backend.training.list())
print(sorted({"torch", "cv2", "transformers", "numpy"} & set(sys.modules)))
"""


def test_connecting_and_keeping_rows_loads_neither_torch_nor_opencv(tmp_path: Path) -> None:
    (tmp_path / "a.png").touch()
    command = [sys.executable, "-c", _LIGHT, str(tmp_path / "home"), str(tmp_path / "a.png")]
    assert subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip() == "[]"
