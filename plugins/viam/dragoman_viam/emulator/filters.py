"""What a `Filter` of the data service means: all its fields must fit, any value of a list does."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any, TypeVar

from dragoman_viam.emulator.records import Image
from dragoman_viam.emulator.refusals import invalid
from dragoman_viam.emulator.state import State
from dragoman_viam.messages import number

T = TypeVar("T")
DEFAULT_PAGE = 50
_CAPTURED = ("component_name", "component_type", "robot_name", "robot_id", "part_name", "part_id")
"""Fields of a filter that are fields of the capture metadata, too."""


def matching(state: State, wanted: Any) -> Iterator[Image]:
    """Yield the images that a filter means, in the order of arrival."""
    if wanted.dataset_id:
        state.dataset(wanted.dataset_id)
    return (image for image in state.images.values() if fits(wanted, image.metadata))


def fits(wanted: Any, metadata: Any) -> bool:
    """Return whether a filter means an image."""
    return (
        captured_fits(wanted, metadata.capture_metadata)
        and (not wanted.dataset_id or wanted.dataset_id in metadata.dataset_ids)
        and (not wanted.bbox_labels or any(box.label in wanted.bbox_labels for box in metadata.annotations.bboxes))
        and in_time(wanted.interval, metadata.time_received.ToNanoseconds())
    )


def captured_fits(wanted: Any, captured: Any) -> bool:
    """Return whether a filter means what was captured there."""
    return (
        all(not getattr(wanted, name) or getattr(wanted, name) == getattr(captured, name) for name in _CAPTURED)
        and (not wanted.method or wanted.method == captured.method_name)
        and _among(wanted.location_ids, captured.location_id)
        and _among(wanted.organization_ids, captured.organization_id)
        and _among(wanted.mime_type, captured.mime_type)
        and _tags_fit(wanted, captured.tags)
    )


def page(state: State, request: Any) -> tuple[list[Image], int]:
    """Return the page of images that a data request asks for, and how many its filter means."""
    found = list(matching(state, request.filter))
    return page_of(state, request, found, _image_id, _taken), len(found)


def page_of(state: State, request: Any, found: list[T], key: Callable[[T], str], taken: Callable[[T], int]) -> list[T]:
    """Return the page that a data request asks for out of all that its filter means.

    They are in the order of arrival, or in that of the time when they were taken if the request asks for one.

    Raises:
        Refusal: What the page before ended with is not among those.
    """
    ordered = sorted(found, key=taken) if request.sort_order else found
    if request.sort_order == number("data", "Order", "ORDER_DESCENDING"):
        ordered = ordered[::-1]
    start = 0
    if request.last:
        keys = [key(one) for one in ordered]
        if request.last not in keys:
            raise invalid(f"no entry {request.last!r} to go on from", "last")
        start = keys.index(request.last) + 1
    limit = min(request.limit or DEFAULT_PAGE, state.settings.page_limit or request.limit or DEFAULT_PAGE)
    return ordered[start : start + limit]


def token_start(token: str) -> int:
    """Return the position that a page token stands for, or refuse one that is none of ours."""
    if token and not token.isdecimal():
        raise invalid(f"the page token {token!r} was not issued here", "page_token")
    return int(token or 0)


def token_page(state: State, request: Any, found: Sequence[T], field: str = "page_size") -> tuple[list[T], str]:
    """Return the page that a token and a size ask for, and the token of the next one, which is a position.

    Args:
        state: Its settings may make pages smaller.
        request: What has the token and the size.
        found: What is on all pages.
        field: The request's field for the size.

    Raises:
        Refusal: The token is none of ours, or the size is negative.
    """
    asked = getattr(request, field)
    if asked < 0:
        raise invalid(f"a page of {asked} cannot be", field)
    start, size = token_start(request.page_token), asked or DEFAULT_PAGE
    end = start + min(size, state.settings.page_limit or size)
    return list(found[start:end]), str(end) if end < len(found) else ""


def _image_id(image: Image) -> str:
    return str(image.metadata.binary_data_id)


def _taken(image: Image) -> int:
    taken: int = image.metadata.time_received.ToNanoseconds()
    return taken


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
    if kind == number("data", "TagsFilterType", "TAGS_FILTER_TYPE_UNSPECIFIED") and not wanted.tags_filter.tags:
        # The SDK's `create_filter` sends such a one where its caller names no tags.
        return True
    return any(tag in tags for tag in wanted.tags_filter.tags)


def in_time(interval: Any, taken: int) -> bool:
    """Return whether a time, in nanoseconds since the epoch, lies in an interval; its ends belong to it."""
    early = interval.HasField("start") and taken < interval.start.ToNanoseconds()
    late = interval.HasField("end") and taken > interval.end.ToNanoseconds()
    return not early and not late
