"""Which images a `Filter` of the data service means: all its fields must fit, any value of a list does."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from dragoman_viam.emulator.refusals import invalid
from dragoman_viam.emulator.state import Image, State
from dragoman_viam.messages import number

_CAPTURED = ("component_name", "component_type", "robot_name", "robot_id", "part_name", "part_id")
"""Fields of a filter that are fields of the capture metadata, too."""


def matching(state: State, wanted: Any) -> Iterator[Image]:
    """Yield the images that a filter means, in the order of arrival."""
    if wanted.dataset_id:
        state.dataset(wanted.dataset_id)
    return (image for image in state.images.values() if fits(wanted, image.metadata))


def fits(wanted: Any, metadata: Any) -> bool:
    """Return whether a filter means an image."""
    captured = metadata.capture_metadata
    return (
        all(not getattr(wanted, name) or getattr(wanted, name) == getattr(captured, name) for name in _CAPTURED)
        and (not wanted.method or wanted.method == captured.method_name)
        and _among(wanted.location_ids, captured.location_id)
        and _among(wanted.organization_ids, captured.organization_id)
        and _among(wanted.mime_type, captured.mime_type)
        and (not wanted.dataset_id or wanted.dataset_id in metadata.dataset_ids)
        and (not wanted.bbox_labels or any(box.label in wanted.bbox_labels for box in metadata.annotations.bboxes))
        and _tags_fit(wanted, captured.tags)
        and _in_time(wanted, metadata)
    )


def page(state: State, request: Any) -> tuple[list[Image], int]:
    """Return the page that a data request asks for, and how many images its filter means."""
    found = list(matching(state, request.filter))
    if request.sort_order == number("data", "Order", "ORDER_DESCENDING"):
        found.reverse()
    start = 0
    if request.last:
        ids = [image.metadata.binary_data_id for image in found]
        if request.last not in ids:
            raise invalid(f"no entry {request.last!r} to go on from", "last")
        start = ids.index(request.last) + 1
    limit = min(request.limit or DEFAULT_PAGE, state.settings.page_limit or request.limit or DEFAULT_PAGE)
    return found[start : start + limit], len(found)


DEFAULT_PAGE = 50


def _among(values: Any, value: str) -> bool:
    return not values or value in values


def _tags_fit(wanted: Any, tags: Any) -> bool:
    if not wanted.HasField("tags_filter"):
        return True
    kind = wanted.tags_filter.type
    if kind == number("data", "TagsFilterType", "TAGS_FILTER_TYPE_TAGGED"):
        return bool(tags)
    if kind == number("data", "TagsFilterType", "TAGS_FILTER_TYPE_UNTAGGED"):
        return not tags
    return any(tag in tags for tag in wanted.tags_filter.tags)


def _in_time(wanted: Any, metadata: Any) -> bool:
    interval = wanted.interval
    taken = metadata.time_received.ToNanoseconds()
    early = interval.HasField("start") and taken < interval.start.ToNanoseconds()
    late = interval.HasField("end") and taken > interval.end.ToNanoseconds()
    return not early and not late
