"""`viam.app.data.v1.DataService`: images by filter and id, their tags and boxes, and which datasets they are in."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta
from typing import Any
from urllib.parse import quote

from dragoman_viam.emulator.files import signature
from dragoman_viam.emulator.filters import matching, page
from dragoman_viam.emulator.records import Image
from dragoman_viam.emulator.refusals import invalid, missing
from dragoman_viam.emulator.routes import Answer, Routes

CORNERS = ("x_min_normalized", "y_min_normalized", "x_max_normalized", "y_max_normalized")
DEFAULT_MINUTES = 15
MOST_MINUTES = 7 * 24 * 60


class Data(Routes):
    """The methods about images."""

    service = "data"

    # -- reading -------------------------------------------------------------------------------------------------------

    def BinaryDataByFilter(self, request: Any) -> Answer:
        """Return a page of the images that a filter means, or their number."""
        if request.count_only:
            return {"count": sum(1 for _ in matching(self.state, request.data_request.filter))}
        images, count = page(self.state, request.data_request)
        return {
            "data": [_shown(image, request.include_binary) for image in images],
            "count": count,
            "last": images[-1].metadata.binary_data_id if images else "",
            "total_size_bytes": sum(image.content.size for image in images),
        }

    def BinaryDataByIDs(self, request: Any) -> Answer:
        """Return the images of these ids, in their order."""
        images = [self.state.image(one) for one in _some_ids(request)]
        return {"data": [_shown(image, request.include_binary) for image in images], "count": len(images)}

    def CreateBinaryDataSignedURL(self, request: Any) -> Answer:
        """Return a URL that needs no credentials, for a while."""
        image = self.state.image(request.binary_data_id)
        minutes = request.expiration_minutes or DEFAULT_MINUTES
        if minutes > MOST_MINUTES:
            raise invalid(f"a URL holds for {MOST_MINUTES} minutes at most", "expiration_minutes")
        expires = self.state.clock.now() + timedelta(minutes=minutes)
        name, until = image.metadata.binary_data_id, int(expires.timestamp())
        sign = signature(self.state, name, until)
        url = f"{self.state.files_url}/data/{quote(name)}?expires={until}&signature={sign}"
        return {"signed_url": url, "expires_at": expires}

    # -- deleting ------------------------------------------------------------------------------------------------------

    def DeleteBinaryDataByIDs(self, request: Any) -> Answer:
        """Delete the images of these ids; unknown ids are passed over."""
        return {"deleted_count": self._delete(one for one in _some_ids(request) if one in self.state.images)}

    def DeleteBinaryDataByFilter(self, request: Any) -> Answer:
        """Delete the images that a filter means."""
        found = [image.metadata.binary_data_id for image in matching(self.state, request.filter)]
        return {"deleted_count": self._delete(found)}

    def _delete(self, ids: Iterable[str]) -> int:
        gone = [self.state.images.pop(one) for one in ids]
        return len(gone)

    # -- tags ----------------------------------------------------------------------------------------------------------

    def AddTagsToBinaryDataByIDs(self, request: Any) -> Answer:
        """Tag images."""
        return _tag([self.state.image(one) for one in _some_ids(request)], request.tags)

    def AddTagsToBinaryDataByFilter(self, request: Any) -> Answer:
        """Tag the images that a filter means."""
        return _tag(matching(self.state, request.filter), request.tags)

    def RemoveTagsFromBinaryDataByIDs(self, request: Any) -> Answer:
        """Take tags off images and count them."""
        return _untag([self.state.image(one) for one in _some_ids(request)], request.tags)

    def RemoveTagsFromBinaryDataByFilter(self, request: Any) -> Answer:
        """Take tags off the images that a filter means and count them."""
        return _untag(matching(self.state, request.filter), request.tags)

    def TagsByFilter(self, request: Any) -> Answer:
        """Return the tags in use."""
        found = matching(self.state, request.filter)
        return {"tags": sorted({tag for image in found for tag in image.metadata.capture_metadata.tags})}

    # -- boxes ---------------------------------------------------------------------------------------------------------

    def AddBoundingBoxToImageByID(self, request: Any) -> Answer:
        """Put a box on an image."""
        image = self.state.image(image_id(request))
        box = image.metadata.annotations.bboxes.add(id=self.state.new_id(), label=request.label)
        for corner in CORNERS:
            setattr(box, corner, getattr(request, corner))
        if request.HasField("confidence"):
            box.confidence = request.confidence
        try:
            _check(box)
        except Exception:
            del image.metadata.annotations.bboxes[-1]
            raise
        return {"bbox_id": box.id}

    def UpdateBoundingBox(self, request: Any) -> Answer:
        """Change the fields of a box that are given."""
        box = self._box(request)
        before = type(box)()
        before.CopyFrom(box)
        for name in ("label", "confidence", *CORNERS):
            if request.HasField(name):
                setattr(box, name, getattr(request, name))
        try:
            _check(box)
        except Exception:
            box.CopyFrom(before)
            raise
        return {}

    def RemoveBoundingBoxFromImageByID(self, request: Any) -> Answer:
        """Take a box off an image."""
        self.state.image(image_id(request)).metadata.annotations.bboxes.remove(self._box(request))
        return {}

    def BoundingBoxLabelsByFilter(self, request: Any) -> Answer:
        """Return the labels of boxes in use."""
        found = matching(self.state, request.filter)
        return {"labels": sorted({box.label for image in found for box in image.metadata.annotations.bboxes})}

    def _box(self, request: Any) -> Any:
        boxes = self.state.image(image_id(request)).metadata.annotations.bboxes
        found = next((box for box in boxes if box.id == request.bbox_id), None)
        if found is None:
            raise missing("bounding box", request.bbox_id)
        return found

    # -- datasets ------------------------------------------------------------------------------------------------------

    def AddBinaryDataToDatasetByIDs(self, request: Any) -> Answer:
        """Put images into a dataset; those that are in it stay."""
        dataset = self.state.dataset(request.dataset_id).id
        for image in [self.state.image(one) for one in _ids(request)]:
            if dataset not in image.metadata.dataset_ids:
                image.metadata.dataset_ids.append(dataset)
        return {}

    def RemoveBinaryDataFromDatasetByIDs(self, request: Any) -> Answer:
        """Take images out of a dataset."""
        dataset = self.state.dataset(request.dataset_id).id
        for image in [self.state.image(one) for one in _ids(request)]:
            if dataset in image.metadata.dataset_ids:
                image.metadata.dataset_ids.remove(dataset)
        return {}


def _shown(image: Image, with_content: bool) -> dict[str, Any]:
    return {"metadata": image.metadata, "binary": image.content.read() if with_content else b""}


def image_id(request: Any) -> str:
    """Return the id that a request names, in the new form or in the deprecated one."""
    if request.binary_data_id or not request.HasField("binary_id"):
        return str(request.binary_data_id)
    return _joined(request.binary_id)


def _ids(request: Any) -> list[str]:
    return [*request.binary_data_ids, *map(_joined, request.binary_ids)]


def _some_ids(request: Any) -> list[str]:
    """Return the ids that a request names, or refuse one that names none."""
    ids = _ids(request)
    if not ids:
        raise invalid("no image is named", "binary_data_ids")
    return ids


def _joined(old: Any) -> str:
    return f"{old.organization_id}/{old.location_id}/{old.file_id}"


def _check(box: Any) -> None:
    if not box.label:
        raise invalid("a box needs a label", "label")
    for corner in CORNERS:
        if not 0 <= getattr(box, corner) <= 1:
            raise invalid(f"{corner} is {getattr(box, corner)}, and must lie between 0 and 1", corner)
    if box.HasField("confidence") and not 0 <= box.confidence <= 1:
        raise invalid(f"confidence is {box.confidence}, and must lie between 0 and 1", "confidence")
    if box.x_max_normalized < box.x_min_normalized or box.y_max_normalized < box.y_min_normalized:
        raise invalid("the upper left corner of a box comes first", "x_max_normalized")


def _tag(images: Iterable[Image], tags: Iterable[str]) -> Answer:
    named = _some_tags(tags)
    for image in images:
        held = image.metadata.capture_metadata.tags
        held.extend(tag for tag in named if tag not in held)
    return {}


def _untag(images: Iterable[Image], tags: Iterable[str]) -> Answer:
    named, count = _some_tags(tags), 0
    for image in images:
        held = image.metadata.capture_metadata.tags
        for tag in named:
            if tag in held:
                held.remove(tag)
                count += 1
    return {"deleted_count": count}


def _some_tags(tags: Iterable[str]) -> list[str]:
    """Return each tag once, or refuse an empty one, and none at all."""
    named = list(dict.fromkeys(tags))
    if not named or not all(named):
        raise invalid("there are tags, and none of them is empty", "tags")
    return named
