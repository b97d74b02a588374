"""A version as a detection function of CVAT's auto-annotation, judged by CVAT's own SDK, without a server."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from memory import MemoryAdapter, MemorySettings, hook_caller
from memory import State as Account
from PIL import Image

auto_annotation = pytest.importorskip("cvat_sdk.auto_annotation", reason="run `make test-judges`")

from cvat_sdk.auto_annotation.driver import _AnnotationMapper  # noqa: E402
from cvat_sdk.masks import decode_mask  # noqa: E402

from dragoman import Box, InvalidData, Item, Point, Polygon, Polyline, Prediction, RotatedBox, Whole, facet  # noqa: E402
from dragoman.geometry import array_of_mask, mask_of_array, mask_of_polygon  # noqa: E402
from dragoman.interface import Inference  # noqa: E402
from dragoman.interop.cvat import DetectionFunction, detection_function  # noqa: E402
from dragoman.schema import Cuboid  # noqa: E402

WIDTH, HEIGHT = 32, 24
IMAGE = Image.new("RGB", (WIDTH, HEIGHT), "teal")
PIXELS = np.zeros((HEIGHT, WIDTH), bool)
PIXELS[4:12, 6:20] = True
PIXELS[6:8, 9:12] = False


class Fixed(Inference):
    """Finds the same things on every image."""

    _adapter: Any

    def _predict(self, version: str, items: Iterable[Item], confidence: float, iou: float) -> Iterator[Prediction]:
        for item in items:
            with Image.open(item.uri or "") as frame:
                assert frame.size == (item.width, item.height)
            for feature, geometry, *sure in self._adapter.found:
                row = Prediction(item.key, feature, geometry, confidence=sure[0] if sure else 1.0)
                if row.confidence is not None and row.confidence >= confidence:
                    yield row


class Detector(MemoryAdapter):
    inference = facet(Fixed)
    found: list[tuple[Any, ...]]


def function(*found: tuple[Any, ...]) -> DetectionFunction:
    """Return a function of a version that finds these features with their geometries."""
    backend = Detector(MemorySettings(), hook_caller())
    backend.state, backend.found = Account(), list(found)
    model = backend.models.create("detector", task="object_detection", features=["car", "rain"])
    return detection_function(backend, backend.versions.create(model, name="first"))


def annotations(made: DetectionFunction, *, polygons: bool = False, least: float | None = None) -> tuple[Any, Any]:
    """Return the tags and shapes that CVAT makes of what a function finds, for a dataset with ids of its own."""
    held = {"type": "any", "attributes": [], "sublabels": []}
    labels: Any = [SimpleNamespace(id=70 + place, name=name, **held) for place, name in enumerate(("rain", "car"))]
    mapper = _AnnotationMapper(
        logging.getLogger(), made.spec.labels, labels, allow_unmatched_labels=False, conv_mask_to_poly=polygons
    )
    context = SimpleNamespace(frame_name="a.png", conf_threshold=least, conv_mask_to_poly=polygons)
    found: tuple[Any, Any] = mapper.validate_and_remap(made.detect(context, IMAGE), 5)
    return found


def test_labels_are_found_by_name() -> None:
    tags, shapes = annotations(function(("car", Box(1, 2, 10, 5)), ("rain", Whole())))
    assert [(tag.label_id, tag.frame) for tag in tags] == [(70, 5)]
    assert [(shape.label_id, shape.frame) for shape in shapes] == [(71, 5)]


@pytest.mark.parametrize(
    ("geometry", "kind", "points"),
    [
        (Box(1, 2, 10, 5), "rectangle", [1, 2, 11, 7]),
        (RotatedBox(10, 10, 8, 4, 30), "rectangle", [6, 8, 14, 12]),
        (Polygon.of([(1, 1), (9, 1), (5, 8)]), "polygon", [1, 1, 9, 1, 5, 8]),
        (Polyline((0, 0, 3, 4)), "polyline", [0, 0, 3, 4]),
        (Point(3, 4), "points", [3, 4]),
    ],
)
def test_shapes_are_the_same_pixels(geometry: Any, kind: str, points: list[float]) -> None:
    _, (shape,) = annotations(function(("car", geometry)))
    assert (str(shape.type.value), shape.points) == (kind, points)
    assert getattr(shape, "rotation", 0) == (30 if isinstance(geometry, RotatedBox) else 0)


def test_a_mask_comes_back_pixel_by_pixel() -> None:
    _, (shape,) = annotations(function(("car", mask_of_array(PIXELS))))
    assert np.array_equal(decode_mask(shape.points, image_width=WIDTH, image_height=HEIGHT), PIXELS)


def test_a_mask_is_a_polygon_where_cvat_asks_for_one() -> None:
    _, (shape,) = annotations(function(("car", mask_of_array(PIXELS))), polygons=True)
    drawn = mask_of_polygon(Polygon(((tuple(shape.points),),)), WIDTH, HEIGHT)
    assert np.array_equal(array_of_mask(drawn).astype(bool), PIXELS), "the hole is there, too"


def test_what_is_less_sure_than_cvat_asks_for_is_left_out() -> None:
    made = function(("car", Box(1, 2, 3, 4), 0.4), ("car", Box(5, 5, 5, 5), 0.8))
    assert len(annotations(made, least=0.5)[1]) == 1
    assert len(annotations(made, least=0.0)[1]) == 2


def test_what_cvat_has_no_shape_for_is_named() -> None:
    with pytest.raises(InvalidData, match="no cuboid"):
        annotations(function(("car", Cuboid((0, 0, 0), (1, 1, 1)))))
    with pytest.raises(InvalidData, match="no feature 'tree'"):
        annotations(function(("tree", Box(1, 1, 1, 1))))
