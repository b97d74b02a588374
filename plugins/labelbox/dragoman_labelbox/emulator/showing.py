"""Labels, and predictions on one data row, as exports show them."""

from __future__ import annotations

from typing import Any

import msgspec

from dragoman_labelbox.emulator.files import Composite
from dragoman_labelbox.emulator.masks import color, size_of
from dragoman_labelbox.emulator.objects import TIMED, Annotations, Stored
from dragoman_labelbox.emulator.state import State
from dragoman_labelbox.emulator.tracks import video_json

Json = dict[str, Any]


def label_json(
    state: State, row_id: str, label: Annotations, task: str, base: str, *, interpolated: bool = False
) -> Json:
    """Return a label, or the predictions of a run on one data row.

    Args:
        state: The account.
        row_id: The data row.
        label: The annotations.
        task: Id of the export, which addresses of masks name.
        base: Root of the server.
        interpolated: Whether boxes of videos are shown on the frames between two keyframes, too.
    """
    masks = f"{base}/api/v1/tasks/{task}/masks"
    media = state.rows[row_id].media
    if media in TIMED:
        shown = video_json(label.rows, lambda token, frame: f"{masks}/{token}/index/{frame}", interpolated=interpolated)
        return {"label_kind": TIMED[media], "version": "1.0.0", "id": label.id, "annotations": shown}
    objects = [stored.raw for stored in label.rows if stored.kind == "object"]
    objects += _masked(state, [stored for stored in label.rows if stored.mask is not None], masks)
    questions = [msgspec.Raw(stored.raw) for stored in label.rows if stored.kind == "classification"]
    annotations = {
        "objects": list(map(msgspec.Raw, objects)),
        "classifications": questions,
        "relationships": _related(label.rows),
    }
    return {"label_kind": "Default", "version": "1.0.0", "id": label.id, "annotations": annotations}


def _masked(state: State, masks: list[Stored], base: str) -> list[bytes]:
    """Draw the masks of a label into one image and return the objects, each with its colour in it."""
    if not masks:
        return []
    sizes = [size_of(stored.mask or b"") or (1, 1) for stored in masks]
    height, width = max(h for h, _ in sizes), max(w for _, w in sizes)
    parts = [(color(number), stored.mask or b"") for number, stored in enumerate(masks)]
    token = state.files.put_composite(Composite(height, width, parts))
    url = f"{base}/{token}/index/1"
    return [
        msgspec.json.encode({**msgspec.json.decode(stored.raw), "composite_mask": {"url": url, "color_rgb": list(rgb)}})
        for stored, (rgb, _) in zip(masks, parts, strict=True)
    ]


def _related(rows: list[Stored]) -> list[Json]:
    """Return the relationships of a label: imports name two annotations by uuid, exports by feature id."""
    joins = [msgspec.json.decode(stored.raw) for stored in rows if stored.kind == "relationship"]
    features = {stored.uuid: stored.feature_id for stored in rows} if joins else {}
    return [
        {**held["head"], held["type"]: {end: features.get(held["ends"][end]) for end in ("source", "target")}}
        for held in joins
    ]
