"""Labelbox's JSON as typed structs: lines of exports, and the parts of import rows that come by the hundred thousand.

Typed decoding is several times faster than decoding to dictionaries, and passes over what is not read. Structs without
a collector's header keep Python's garbage collector away from large batches.
"""

from __future__ import annotations

from typing import Any

import msgspec

# -- exports ----------------------------------------------------------------------------------------------------------


class Rect(msgspec.Struct, gc=False):
    """A box."""

    left: float
    top: float
    width: float
    height: float


class XY(msgspec.Struct, gc=False):
    """A point."""

    x: float
    y: float


class Chosen(msgspec.Struct, gc=False):
    """A chosen option of a radio or checklist."""

    name: str
    classifications: list[Answered] | None = None
    confidence: float | None = None
    custom_metrics: list[Metric] | None = None


class Content(msgspec.Struct, gc=False):
    """A free text."""

    content: str


class Answered(msgspec.Struct, gc=False):
    """A classification; one of the three kinds of answer is there."""

    name: str
    feature_id: str = ""
    radio_answer: Chosen | None = None
    checklist_answers: list[Chosen] | None = None
    text_answer: Content | None = None
    confidence: float | None = None


class Metric(msgspec.Struct, gc=False):
    """A custom metric."""

    name: str
    value: float


class Drawn(msgspec.Struct, gc=False):
    """Where a mask is drawn: in one colour of a composite image, or (older exports) alone in white."""

    url: str
    color_rgb: tuple[int, int, int] = (255, 255, 255)


class Shown(msgspec.Struct, gc=False):
    """An annotation with a shape; one of the shapes is there."""

    name: str
    feature_id: str
    annotation_kind: str = ""
    classifications: list[Answered] | None = None
    confidence: float | None = None
    custom_metrics: list[Metric] | None = None
    bounding_box: Rect | None = None
    polygon: list[XY] | None = None
    line: list[XY] | None = None
    point: XY | None = None
    composite_mask: Drawn | None = None
    mask: Drawn | None = None


class Frame(msgspec.Struct, gc=False):
    """A frame of a video; objects by feature id."""

    objects: dict[str, Shown] | None = None
    classifications: list[Answered] | None = None


class Annotations(msgspec.Struct, gc=False):
    """The annotations of a label: of an image, or of a video if it has frames."""

    objects: list[Shown] | None = None
    classifications: list[Answered] | None = None
    frames: dict[str, Frame] | None = None
    segments: dict[str, list[tuple[int, int]]] | None = None
    key_frame_feature_map: dict[str, Any] | None = None


class Labelled(msgspec.Struct, gc=False):
    """One label, or the predictions of a run on one data row."""

    annotations: Annotations


class InProject(msgspec.Struct, gc=False):
    """What a project holds on a data row."""

    labels: list[Labelled] = []


class InRun(msgspec.Struct, gc=False):
    """What a run holds on a data row."""

    labels: list[Labelled] | None = None
    predictions: list[Labelled] | None = None


class Experiment(msgspec.Struct, gc=False):
    """What the runs of a model hold on a data row."""

    runs: dict[str, InRun]


class Details(msgspec.Struct, gc=False):
    """Where a data row is."""

    dataset_id: str = ""


class Row(msgspec.Struct, gc=False):
    """A data row."""

    id: str
    global_key: str | None = None
    external_id: str | None = None
    details: Details = msgspec.field(default_factory=Details)


class Line(msgspec.Struct, gc=False):
    """One line of an export."""

    data_row: Row
    projects: dict[str, InProject] = {}
    experiments: dict[str, Experiment] = {}


# -- imports ----------------------------------------------------------------------------------------------------------


class Box(msgspec.Struct, gc=False):
    """A box."""

    top: float
    left: float
    height: float
    width: float


class ByGlobalKey(msgspec.Struct, gc=False):
    """Names a data row."""

    globalKey: str


class Said(msgspec.Struct, gc=False):
    """An answer in free text to a nested question."""

    name: str
    answer: str


class BareBox(msgspec.Struct, gc=False):
    """One row of an import as most are, a box of which little is said: as an `ImportRow`, made in less time."""

    uuid: str
    dataRow: ByGlobalKey
    name: str
    classifications: tuple[Said] | msgspec.UnsetType
    confidence: float | msgspec.UnsetType
    bbox: Box


class MaskFrame(msgspec.Struct, gc=False):
    """The image of one frame that shows all masks on it, as PNG in base64."""

    index: int
    imBytes: str


class MaskInstance(msgspec.Struct, gc=False):
    """One object on a video, and the colour in which the images show it."""

    name: str
    colorRGB: tuple[int, int, int]


class VideoMasks(msgspec.Struct, gc=False):
    """All masks of a video."""

    frames: list[MaskFrame]
    instances: list[MaskInstance]


class ImportRow(msgspec.Struct, gc=False, omit_defaults=True):
    """One row of an import.

    One of the shapes is there, or an answer, the segments of a track, all masks of a video, or a metric. Rows of masks
    and of metrics have no name.
    """

    uuid: str
    dataRow: ByGlobalKey
    name: str = ""
    classifications: tuple[Any, ...] = ()
    confidence: float | None = None
    customMetrics: list[Metric] | None = None
    bbox: Box | None = None
    polygon: list[XY] | None = None
    line: list[XY] | None = None
    point: XY | None = None
    mask: dict[str, str] | None = None
    answer: Any = None
    frames: list[dict[str, int]] | None = None
    segments: list[dict[str, Any]] | None = None
    masks: VideoMasks | None = None
    metricName: str | None = None
    metricValue: Any = None
    featureName: str | None = None
    aggregation: str | None = None
