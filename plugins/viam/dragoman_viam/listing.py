"""Which images a dataset holds, by the keys of their items. A listing goes on where it ended when it is asked again."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import grpc

from dragoman.errors import Conflict, NotFound
from dragoman_viam.errors import CallFailed
from dragoman_viam.notes import image_in, key_of
from dragoman_viam.sizes import Sizes
from dragoman_viam.wire import Wire

PAGE = 1000
IDS = 500
"""Ids of one request."""


class Listing:
    """The images of one dataset.

    Images that came into the dataset after later ones are not seen by going on; `forget` begins anew.

    Args:
        wire: The channel.
        sizes: Learns the sizes on the way.
        dataset: Id of the dataset.
    """

    def __init__(self, wire: Wire, sizes: Sizes, dataset: str) -> None:
        self._wire = wire
        self._sizes = sizes
        self._dataset = dataset
        self.forget()

    def forget(self) -> None:
        """Begin anew when next asked."""
        self._ids: dict[str, list[str]] = {}
        self._last = ""

    def go_on(self) -> None:
        """Take in the images that have come since."""
        try:
            self._read_on()
        except CallFailed as failed:
            # The last image has been deleted, or the platform has another reason not to go on from it.
            if failed.code is not grpc.StatusCode.INVALID_ARGUMENT or not self._last:
                raise
            self.forget()
            self._read_on()

    def present(self, keys: Iterable[str]) -> dict[str, Any]:
        """Return the metadata of the images of these keys, as they are now, as far as there are any.

        Raises:
            Conflict: Two images have one of the keys.
        """
        wanted = dict.fromkeys(keys)
        found = self._there(wanted)
        if any(key in self._ids for key in wanted if key not in found):
            # An image has gone since it was listed, and another of its key may have come.
            self.forget()
            found = self._there(wanted)
        return found

    def _there(self, wanted: dict[str, None]) -> dict[str, Any]:
        if not wanted.keys() <= self._ids.keys():
            self.go_on()
        held = metadata_of(self._wire, [image for key in wanted for image in self._ids.get(key, ())])
        found = {}
        for key in wanted:
            listed = [held[image] for image in self._ids.get(key, ()) if image in held]
            several = [metadata for metadata in listed if self._dataset in metadata.dataset_ids]
            if len(several) > 1:
                raise Conflict(
                    f"Dataset {self._dataset} holds {len(several)} images named {key!r}.",
                    hint="Take all but one out of it with `images.leave`.",
                )
            if several:
                found[key] = several[0]
        return found

    def _read_on(self) -> None:
        for answer in pages_of(self._wire, self._dataset, self._last):
            for found in answer.data:
                note = image_in(found.metadata)
                image = found.metadata.binary_data_id
                self._sizes.learn(image, note)
                self._ids.setdefault(key_of(found.metadata, note), []).append(image)
            self._last = answer.last


def pages_of(wire: Wire, dataset: str, last: str = "") -> Iterator[Any]:
    """Yield the answers that hold a dataset's images, the oldest first, from after `last` on."""
    while True:
        answer = wire.call("data.BinaryDataByFilter", data_request=page_of(dataset, last, PAGE))
        if not answer.data:
            return
        yield answer
        last = answer.last


def page_of(dataset: str, last: str | None, size: int) -> dict[str, Any]:
    """Return the request for a page of a dataset's images, the oldest first.

    Raises:
        NotFound: The dataset has no id; a filter by none would mean all images of the organisation.
    """
    if not dataset:
        raise NotFound("A dataset without an id is not on Viam.", hint="`datasets.create` returns it with its id.")
    return {
        "filter": {"dataset_id": dataset},
        "limit": size,
        "last": last or "",
        "sort_order": "ORDER_ASCENDING",
    }


def metadata_of(wire: Wire, images: Sequence[str]) -> dict[str, Any]:
    """Return the metadata of images by their ids, without those that are gone.

    Raises:
        CallFailed: The platform does not answer.
    """
    chunks = [images[start : start + IDS] for start in range(0, len(images), IDS)]
    found: dict[str, Any] = {}
    for chunk, answer in zip(chunks, wire.many("data.BinaryDataByIDs", _requests(chunks)), strict=True):
        if isinstance(answer, CallFailed):
            if answer.code is not grpc.StatusCode.NOT_FOUND:
                raise answer
            found |= _one_by_one(wire, chunk)
        else:
            found |= {one.metadata.binary_data_id: one.metadata for one in answer.data}
    return found


def _one_by_one(wire: Wire, images: Sequence[str]) -> dict[str, Any]:
    """Ask for each alone, where one unknown id has made the platform refuse all."""
    found: dict[str, Any] = {}
    for answer in wire.many("data.BinaryDataByIDs", _requests([[image] for image in images])):
        if not isinstance(answer, CallFailed):
            found |= {one.metadata.binary_data_id: one.metadata for one in answer.data}
        elif answer.code is not grpc.StatusCode.NOT_FOUND:
            raise answer
    return found


def _requests(chunks: Iterable[Sequence[str]]) -> list[dict[str, Any]]:
    return [{"binary_data_ids": list(chunk)} for chunk in chunks]
