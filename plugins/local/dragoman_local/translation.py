"""The engine's results as canonical predictions: classes, boxes, masks or polygons, on items or frames of them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import TYPE_CHECKING

from dragoman.schema import AnyGeometry, Box, Mask, Polygon, Prediction, Provenance, Whole, derive_id
from dragoman_local.shots import Shot

if TYPE_CHECKING:
    from dragoman_local.engine.masks import Patch
    from dragoman_local.engine.predict import BoxResult, Result
    from dragoman_local.tracking import VideoTracker


class Translator:
    """Makes predictions of results.

    Args:
        version: Id of the version that made them.
        features: Names of its classes.
        confidence: Least probability of a classification; boxes below it are left out before.
        simplify: Make masks polygons, with this tolerance in pixels.
        track: Give the objects of videos ids.
    """

    def __init__(
        self, version: str, features: tuple[str, ...], confidence: float, simplify: float | None, track: bool
    ) -> None:
        self._version = version
        self._features = features
        self._confidence = confidence
        self._simplify = simplify
        self._track = track
        self._provenance = Provenance("local", version=version)
        self._tracked: tuple[int, VideoTracker] | None = None

    def predictions(self, shot: Shot, result: Result) -> Iterator[Prediction]:
        """Yield the predictions of a result, the best first."""
        from dragoman_local.engine.predict import BoxResult, ClassResult

        if isinstance(result, ClassResult):
            best = int(result.probabilities.argmax())
            probability = float(result.probabilities[best])
            if probability >= self._confidence:
                pdf = dict(zip(self._features, result.probabilities.tolist(), strict=True))
                yield self._prediction(shot, best, Whole(), probability, pdf=pdf)
        elif isinstance(result, BoxResult):
            yield from self._objects(shot, result)

    def _objects(self, shot: Shot, result: BoxResult) -> Iterator[Prediction]:
        tracks = self._tracks(shot, result)
        equal: Counter[tuple[int, AnyGeometry]] = Counter()
        rows = zip(self._shapes(result), result.scores.tolist(), result.classes.tolist(), tracks, strict=True)
        for shape, score, feature, track in rows:
            if shape is None:
                continue
            # Scores of boxes are independent of each other, no distribution: so no `class_pdf`.
            yield self._prediction(shot, feature, shape, score, equal=equal[feature, shape], track=track)
            equal[feature, shape] += 1

    def _shapes(self, result: BoxResult) -> Iterator[AnyGeometry | None]:
        """The shape of each object; None for one that no pixel belongs to."""
        if result.masks is None:
            for left, top, right, bottom in result.boxes.tolist():
                yield Box(left, top, right - left, bottom - top)
            return
        for patch in result.masks:
            if not patch.pixels.any():
                yield None
            elif self._simplify is None:
                yield mask_of(patch, result.width, result.height)
            else:
                yield polygon_of(patch, self._simplify)

    def _tracks(self, shot: Shot, result: BoxResult) -> list[str | None]:
        if not self._track or shot.frame is None:
            return [None] * len(result.boxes)
        if self._tracked is None or self._tracked[0] != shot.row:
            from dragoman_local.tracking import VideoTracker

            identity = (self._version, shot.item.key, shot.first)
            self._tracked = shot.row, VideoTracker(identity, self._confidence, shot.item.frame_rate)
        return self._tracked[1].track(result.boxes, result.scores, result.classes)

    def _prediction(
        self,
        shot: Shot,
        feature: int,
        geometry: AnyGeometry,
        score: float,
        *,
        equal: int = 0,
        pdf: dict[str, float] | None = None,
        track: str | None = None,
    ) -> Prediction:
        name = self._features[feature]
        where = () if shot.frame is None else (shot.frame,)
        return Prediction(
            item=shot.item.key,
            feature=name,
            geometry=geometry,
            # The same prediction gets the same id each time. Clipped to the image two boxes may be equal; counting the
            # equal ones before keeps them apart.
            id=derive_id("local", self._version, shot.item.key, name, geometry, equal, *where),
            frame=shot.frame,
            track_id=track,
            provenance=self._provenance,
            confidence=min(1.0, score),
            class_pdf=pdf,
        )


def mask_of(patch: Patch, width: int, height: int) -> Mask:
    """Return a patch as the mask of an image of that size."""
    from dragoman.geometry import mask_of_array

    return mask_of_array(patch.whole(width, height))


def polygon_of(patch: Patch, tolerance: float) -> Polygon:
    """Return the outline of a patch, simplified within a tolerance in pixels (Ramer, Douglas and Peucker)."""
    from dragoman.geometry import simplify
    from dragoman.geometry.outlines import outlines

    shift = (patch.left, patch.top)
    parts = tuple(tuple(tuple((ring + shift).ravel().tolist()) for ring in part) for part in outlines(patch.pixels))
    outline = simplify(Polygon(parts), tolerance)
    assert isinstance(outline, Polygon)
    return outline
