"""One batch of labels on its way to Viam: what is there is found out first, then only what is missing is sent."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Hashable, Sequence
from typing import Any

from dragoman.errors import InvalidData
from dragoman.schema import IGNORED, UPDATED, Label, RowResult, Whole
from dragoman_viam.bulk import FOUND, rejection, rejections
from dragoman_viam.codec import Shape, box_in, box_out, own_id, shape_of, shape_out
from dragoman_viam.messages import method
from dragoman_viam.wire import Fields

OTHER_ID = "Viam keeps no ids; it reads this row back as {}."
SURE = RowResult("rejected", reason="Viam takes no confidence off a box; remove it with `images.remove_box` first.")


class Writing:
    """A batch and what its images hold.

    Args:
        adapter: The backend.
        dataset: Id of the dataset.
        rows: The batch: boxes and classifications.
    """

    def __init__(self, adapter: Any, dataset: str, rows: Sequence[Label]) -> None:
        self._adapter = adapter
        self._dataset = dataset
        self._rows = rows
        self._held = adapter.listings[dataset].present(row.item for row in rows)
        self._results: dict[int, RowResult] = {}
        self._shapes = self._shaped()
        self._boxes = {item: {shape_of(box): box for box in _boxes(held)} for item, held in self._held.items()}

    def _shaped(self) -> dict[int, Shape]:
        """Return the boxes as Viam would hold them, by the rows' places; rows that cannot be are rejected."""
        boxed = [place for place, row in enumerate(self._rows) if not isinstance(row.geometry, Whole)]
        there = [place for place in boxed if self._image(place) is not None]
        sizes = self._adapter.sizes.of([self._image(place) for place in there])
        shapes = {}
        for place, size in zip(there, sizes, strict=True):
            row = self._rows[place]
            try:
                if size is None:
                    raise InvalidData(f"{row.item!r} is no image whose size can be read.", field="item")
                shapes[place] = shape_out(row, size)
            except InvalidData as error:
                self._results[place] = rejection(error)
        return shapes

    def holds(self, place: int) -> bool:
        """Return whether Viam holds the row at this place of the batch."""
        row = self._rows[place]
        if row.item not in self._held:
            return False
        if place in self._shapes:
            return self._shapes[place] in self._boxes[row.item]
        return isinstance(row.geometry, Whole) and row.feature in self._held[row.item].capture_metadata.tags

    def write(self, *, update: bool) -> list[RowResult]:
        """Write the batch and return each row's outcome.

        Raises:
            NotFound: There is no such dataset.
            DragomanError: Viam failed; some rows may have been written.
        """
        if not self._held:
            self._adapter.datasets._get(self._dataset)
        added: list[int] = []
        changed: dict[int, Any] = {}
        tags: list[int] = []
        for place in self._open(update):
            if place not in self._shapes:
                tags.append(place)
            elif update and (box := self._earlier(place)) is not None:
                if box.HasField("confidence") and getattr(self._rows[place], "confidence", None) is None:
                    self._results[place] = SURE
                else:
                    changed[place] = box
            else:
                added.append(place)
        self._add(added)
        self._change(changed)
        self._tag(tags)
        return [self._results[place] for place in range(len(self._rows))]

    def _open(self, update: bool) -> list[int]:
        """Return the places of the rows that are to be sent; the others have their outcomes."""
        sent = self._adapter.attempts.of(self._rows)
        here: set[Hashable] = set()
        places = []
        for place, row in enumerate(self._rows):
            if place in self._results:
                continue
            image = self._image(place)
            identity = (image, self._shapes.get(place) or row.feature)
            if image is None:
                reason = f"Dataset {self._dataset} holds no item {row.item!r}."
                self._results[place] = RowResult("rejected", reason=reason)
            elif identity in here:
                self._results[place] = IGNORED
            elif self.holds(place) and not self._differs(place, update):
                there = UPDATED if update else IGNORED
                self._results[place] = FOUND if identity in sent and not update else there
            else:
                sent.add(identity)
                places.append(place)
            here.add(identity)
        return places

    def _image(self, place: int) -> str | None:
        """Return the id of the image that a row is on; None if there is none of that key any more."""
        held = self._held.get(self._rows[place].item)
        return None if held is None else str(held.binary_data_id)

    def _differs(self, place: int, update: bool) -> bool:
        """Return whether an update has something to change about a box that is there: its confidence."""
        if not update or place not in self._shapes:
            return False
        row = self._rows[place]
        box = self._boxes[row.item][self._shapes[place]]
        held = box.confidence if box.HasField("confidence") else None
        return getattr(row, "confidence", None) != held

    def _earlier(self, place: int) -> Any:
        """Return the box that an update is about: one of the row's content, or of the content that derives its id."""
        row = self._rows[place]
        if (same := self._boxes[row.item].get(self._shapes[place])) is not None:
            return same
        (size,) = self._adapter.sizes.of([self._image(place)])
        return next(
            (box for box in _boxes(self._held[row.item]) if own_id(box_in(box, row.item, size)) == row.id), None
        )

    def _add(self, places: Sequence[int]) -> None:
        where = {place: {"binary_data_id": self._image(place)} for place in places}
        answers = self._boxes_sent("data.AddBoundingBoxToImageByID", where)
        for place, answer, refused in zip(places, answers, rejections(answers), strict=True):
            self._results[place] = refused or self._created(place, answer.bbox_id)

    def _change(self, boxes: dict[int, Any]) -> None:
        where = {place: {"binary_data_id": self._image(place), "bbox_id": box.id} for place, box in boxes.items()}
        answers = self._boxes_sent("data.UpdateBoundingBox", where)
        for place, refused in zip(boxes, rejections(answers), strict=True):
            self._results[place] = refused or RowResult("updated", id=boxes[place].id)

    def _boxes_sent(self, name: str, where: dict[int, Fields]) -> list[Any]:
        """Send boxes by one method and return the answers; `where` has the other fields of each request."""
        request = method(name).request
        made = [box_out(self._rows[place], self._shapes[place], request(**fields)) for place, fields in where.items()]
        return self._adapter.wire.send(name, made) if made else []

    def _tag(self, places: Sequence[int]) -> None:
        """Add the tags, those images together that get the same ones."""
        by_image: defaultdict[str, list[int]] = defaultdict(list)
        for place in places:
            by_image[self._image(place) or ""].append(place)
        groups: defaultdict[tuple[str, ...], list[str]] = defaultdict(list)
        for image, on_it in by_image.items():
            groups[tuple(self._rows[place].feature for place in on_it)].append(image)
        requests = [{"binary_data_ids": images, "tags": tags} for tags, images in groups.items()]
        answers = self._adapter.wire.many("data.AddTagsToBinaryDataByIDs", requests) if requests else []
        for images, refused in zip(groups.values(), rejections(answers), strict=True):
            for place in (place for image in images for place in by_image[image]):
                self._results[place] = refused or self._created(place, None)

    def _created(self, place: int, box: str | None) -> RowResult:
        row = self._rows[place]
        own = own_id(row)
        return RowResult("created", id=box, reason=None if row.id == own else OTHER_ID.format(own))


def _boxes(metadata: Any) -> Any:
    return metadata.annotations.bboxes
