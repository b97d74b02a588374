"""Writes COCO results files: a list of predictions, with the image and category ids of the dataset that they are of.

Format: https://cocodataset.org/#format-results. `CocoReader` reads them, given the dataset.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import msgspec

from dragoman.errors import InvalidData
from dragoman.fidelity import EXACT, FidelityTable, approximate, dropped
from dragoman.fidelity.dataset import WHOLE_DATASET, DatasetFidelity
from dragoman.formats.base import Writer, completed
from dragoman.formats.coco.category import Skeleton, whole
from dragoman.formats.coco.reader import CocoReader
from dragoman.formats.coco.shapes import shape_of
from dragoman.schema import Item, Keypoints, Label, Mask, Ontology, Polygon, Prediction

_NO_PLACE = dropped("a result has no place for it")

RESULTS_FIDELITY = FidelityTable(
    {
        "box": EXACT,
        "mask": EXACT,
        "keypoints": EXACT,
        "polygon": approximate("results hold masks of whole pixels"),
        "polygon of parts": approximate("results hold masks of whole pixels"),
        "polygon with holes": approximate("results hold masks of whole pixels"),
        "rotated_box": approximate("written as the box around it", to="box"),
    },
    {"id": approximate("reading derives it anew")}
    | dict.fromkeys(
        (
            "frame",
            "span",
            "interpolation",
            "track_id",
            "answer",
            "attributes",
            "metadata",
            "class_pdf",
            "provenance",
        ),
        _NO_PLACE,
    ),
)


RESULTS_ALONE = DatasetFidelity(
    {
        what: dropped("results name images and categories by their ids only, and have no other word of them")
        for what in ("item metadata", "feature attributes", "feature metadata", "ontology metadata")
    }
)
"""Of what a dataset says besides, nothing is written. That there are items and features is for the dataset to say."""


class CocoResultsWriter(Writer):
    """Writes predictions as COCO results; each has a confidence.

    Args:
        path: A `.json` file.
        dataset: The COCO dataset that the predictions are of, which keeps what is known of items and features. Without
            it, they must have COCO's ids.
    """

    fidelity = RESULTS_FIDELITY
    dataset_fidelity = RESULTS_ALONE

    def __init__(self, path: Path, *, dataset: Path | str | None = None) -> None:
        super().__init__(path)
        self._dataset = dataset
        if dataset is not None:
            self.dataset_fidelity = WHOLE_DATASET  # type: ignore[misc]

    def write(self, ontology: Ontology, items: Iterable[Item], rows: Iterable[Label]) -> None:
        """Write everything, or leave the path as it was; see `Writer`."""
        held = {item.key: item for item in items}
        ids: dict[str, str] = {key: item.id for key, item in held.items()}
        categories: dict[str, str] = {feature.name: feature.id for feature in ontology.features}
        if self._dataset is not None:
            reader = CocoReader(Path(self._dataset))
            ids = {item.key: item.id for item in reader.items()}
            categories = {feature.name: feature.id for feature in reader.ontology().features}
        encode = msgspec.json.Encoder().encode
        with completed(self.path) as made, made.open("wb") as file:
            file.write(b"[")
            for number, row in enumerate(rows):
                try:
                    result = self._result(row, held, ids, categories)
                except InvalidData as error:
                    raise InvalidData(error.message, row=number, field=error.field, hint=error.hint) from error
                file.write((b",\n" if number else b"\n") + encode(result))
            file.write(b"]\n")

    def _result(
        self, row: Label, held: dict[str, Item], ids: dict[str, str], categories: dict[str, str]
    ) -> dict[str, Any]:
        if not isinstance(row, Prediction) or row.confidence is None:
            raise InvalidData("A result needs a confidence.", field="confidence")
        item = held.get(row.item)
        if item is None or row.item not in ids:
            raise InvalidData(f"There is no item {row.item!r}.", field="item")
        if row.feature not in categories:
            raise InvalidData(f"There is no feature {row.feature!r}.", field="feature")
        image_id, category_id = whole(ids[row.item]), whole(categories[row.feature])
        if image_id is None or category_id is None:
            raise InvalidData(
                f"{row.item!r} or {row.feature!r} has no COCO id.",
                hint="Write the dataset as COCO first, and give it here: dataset=PATH.",
                field="item" if image_id is None else "feature",
            )
        return {"image_id": image_id, "category_id": category_id, **_shape(row, item), "score": row.confidence}


def _shape(row: Prediction, item: Item) -> dict[str, Any]:
    geometry = row.geometry
    if isinstance(geometry, Polygon):
        if item.width is None or item.height is None:
            raise InvalidData(f"A result holds masks only, and {item.key!r} has no size.", field="geometry")
        from dragoman.geometry.outlines import mask_of_polygon

        geometry = mask_of_polygon(geometry, item.width, item.height)
    skeleton = Skeleton.of(geometry) if isinstance(geometry, Keypoints) else None
    shape = shape_of(geometry, item, skeleton, plain_counts=False)
    kept = {Mask: "segmentation", Keypoints: "keypoints"}.get(type(geometry), "bbox")
    return {kept: shape[kept]}
