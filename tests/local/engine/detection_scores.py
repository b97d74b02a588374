"""Mean average precision of the engine's detections, computed by hotcoco."""

from __future__ import annotations

import numpy as np
from hotcoco import COCO, COCOeval

from dragoman_local.engine.predict import BoxResult, Result
from dragoman_local.engine.targets import BoxTarget, Sample


def mean_average_precision(samples: list[Sample], results: list[Result]) -> tuple[float, float]:
    """Return COCO's box mAP over IoU 0.50 to 0.95, and mAP50."""
    images, truth, found = [], [], []
    classes: set[int] = set()
    for image, (sample, result) in enumerate(zip(samples, results, strict=True), start=1):
        assert isinstance(sample.target, BoxTarget)
        assert isinstance(result, BoxResult)
        images.append({"id": image, "width": result.width, "height": result.height})
        truth += _rows(image, sample.target.boxes, sample.target.classes, len(truth))
        scored = _rows(image, result.boxes, result.classes, 0)
        found += [{**row, "score": float(score)} for row, score in zip(scored, result.scores, strict=True)]
        classes.update(sample.target.classes.tolist())
    categories = [{"id": index + 1, "name": str(index)} for index in sorted(classes)]
    if not found:
        return 0.0, 0.0
    expected = COCO({"images": images, "annotations": truth, "categories": categories})
    judge = COCOeval(expected, expected.load_res(found), "bbox")
    judge.run()
    return float(judge.stats[0]), float(judge.stats[1])


def _rows(image: int, boxes: np.ndarray, classes: np.ndarray, first: int) -> list[dict[str, object]]:
    return [
        {
            "id": first + number,
            "image_id": image,
            "category_id": int(index) + 1,
            "bbox": [x1, y1, x2 - x1, y2 - y1],
            "area": (x2 - x1) * (y2 - y1),
            "iscrowd": 0,
        }
        for number, ((x1, y1, x2, y2), index) in enumerate(zip(boxes.tolist(), classes, strict=True), start=1)
    ]
