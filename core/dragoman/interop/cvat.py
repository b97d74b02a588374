"""A version of any backend as a detection function of CVAT's auto-annotation. Needs cvat-sdk and the extra `geometry`.

    # detector.py, for: cvat-cli task auto-annotate 137 --function-file detector.py
    import dragoman
    from dragoman.interop.cvat import detection_function

    backend = dragoman.connect("local", root="state")
    function = detection_function(backend, "VERSION")
    spec, detect = function.spec, function.detect

CVAT finds labels by name. Its shapes are absolute pixels, as ours are; a mask is cut to the box around it.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dragoman.adapter import Adapter
from dragoman.errors import InvalidData, Unsupported
from dragoman.interface.base import ref
from dragoman.schema import Box, Geometry, Item, Mask, Point, Polygon, Polyline, Prediction, RotatedBox, Version, Whole

if TYPE_CHECKING:
    from PIL.Image import Image

Annotations = list[Any]
"""What CVAT calls tags and shapes: `LabeledImageRequest` and `LabeledShapeRequest` of its SDK."""
Fields = dict[str, Any]


class DetectionFunction:
    """What CVAT asks a detector for: see `cvat_sdk.auto_annotation.DetectionFunction`.

    Args:
        backend: Where the version is.
        version: Its id.
        features: Names of the model's features; a label's id is the position of its feature.
    """

    def __init__(self, backend: Adapter, version: str, features: Sequence[str]) -> None:
        self._auto = _auto_annotation()
        self._backend = backend
        self._version = version
        self._labels = {name: place for place, name in enumerate(features)}
        self.spec = self._auto.DetectionFunctionSpec(
            labels=[self._auto.label_spec(name, place) for name, place in self._labels.items()]
        )

    def detect(self, context: Any, image: Image) -> Annotations:
        """Return what the version finds on an image.

        Args:
            context: CVAT's: the frame's name, the least confidence or None, and whether masks are to be polygons.
            image: The frame.

        Raises:
            InvalidData: A prediction has a shape that CVAT's functions do not return, or a feature that is none of
                the model's.
        """
        chosen = {} if context.conf_threshold is None else {"confidence": context.conf_threshold}
        with tempfile.TemporaryDirectory(prefix="dragoman-") as folder:
            path = Path(folder) / "frame.png"
            image.save(path)
            item = Item(context.frame_name, uri=str(path), width=image.width, height=image.height)
            found = list(self._backend.inference.predict(self._version, [item], **chosen))
        return [self._drawn(row, polygons=context.conv_mask_to_poly) for row in found]

    def _drawn(self, row: Prediction, *, polygons: bool) -> Any:
        if (label := self._labels.get(row.feature)) is None:
            raise InvalidData(f"The model has no feature {row.feature!r}.", field="feature")
        if isinstance(row.geometry, Whole):
            return self._auto.tag(label)
        return self._auto.shape(label, **_shape(row.geometry, polygons=polygons))


def detection_function(backend: Adapter, version: str | Version) -> DetectionFunction:
    """Return a version as a detection function.

    Args:
        backend: Where it is; it stays open for as long as the function is used.
        version: The version or its id.

    Raises:
        NotFound: There is no such version.
        Unsupported: cvat-sdk is not installed.
    """
    found = backend.versions.get(ref(version))
    return DetectionFunction(backend, found.id, backend.models.get(found.model).features)


def _shape(geometry: Geometry, *, polygons: bool) -> Fields:
    """Return type and points of a shape as CVAT draws it.

    Raises:
        InvalidData: CVAT's functions return no such shape.
    """
    if polygons and isinstance(geometry, Mask):
        from dragoman.geometry import convert

        geometry = convert(geometry, "polygon")
    if (drawn := _DRAWN.get(type(geometry))) is None:
        raise InvalidData(f"CVAT's detection functions return no {geometry.kind}.", field="geometry")
    return drawn(geometry)


def _turned(box: RotatedBox) -> Fields:
    x, y = box.cx - box.width / 2, box.cy - box.height / 2
    return {"type": "rectangle", "points": [x, y, x + box.width, y + box.height], "rotation": box.angle % 360}


def _ring(polygon: Polygon) -> Fields:
    from dragoman.geometry import convert

    # CVAT's polygons are one ring: parts and holes are joined to it by bridges without width.
    joined: Any = polygon if polygon.form == "polygon" else convert(polygon, "polygon")
    return {"type": "polygon", "points": list(joined.parts[0][0])}


def _cut(mask: Mask) -> Fields:
    from cvat_sdk.masks import encode_mask

    from dragoman.geometry import array_of_mask

    return {"type": "mask", "points": encode_mask(array_of_mask(mask).astype(bool))}


_DRAWN: dict[type[Geometry], Callable[[Any], Fields]] = {
    Box: lambda box: {"type": "rectangle", "points": [box.x, box.y, box.x + box.width, box.y + box.height]},
    RotatedBox: _turned,
    Polygon: _ring,
    Polyline: lambda line: {"type": "polyline", "points": list(line.vertices)},
    Point: lambda point: {"type": "points", "points": [point.x, point.y]},
    Mask: _cut,
}


def _auto_annotation() -> Any:
    try:
        from cvat_sdk import auto_annotation
    except ImportError as error:
        raise Unsupported("CVAT's detection functions need cvat-sdk.", hint="Install cvat-sdk[masks].") from error
    return auto_annotation
