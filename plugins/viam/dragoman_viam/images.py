"""Images beyond one dataset: by filter and by id, in and out of datasets, tagged, changed, fetched and deleted."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from dragoman.calls.pipeline import Operation, Page
from dragoman.errors import InvalidData
from dragoman.schema import Box, Item, Label
from dragoman_viam.codec import CORNERS, shape_out
from dragoman_viam.extension import Extension
from dragoman_viam.listing import IDS, metadata_of
from dragoman_viam.uploads import Source, source_of, upload

Filter = Mapping[str, Any]
"""The fields of Viam's `Filter`, such as `{"tags_filter": {"tags": ["car"]}, "location_ids": ["..."]}`."""


class Images(Extension):
    """Binary data through `DataService`, where a dataset is no help. Ids are those of items."""

    name = "images"

    # -- reading -------------------------------------------------------------------------------------------------------

    def find(self, wanted: Filter | None = None, *, page_size: int | None = None) -> Iterator[Item]:
        """Iterate over the images that a filter means, of any dataset or none; all if it is not given."""

        def fetch(cursor: str | None, size: int) -> Page[Item]:
            request = {"filter": wanted or {}, "limit": size, "last": cursor or "", "sort_order": "ORDER_ASCENDING"}
            answer = self._adapter.wire.call("data.BinaryDataByFilter", data_request=request)
            if not answer.data:
                return Page([])
            return Page(self._adapter.items_in([found.metadata for found in answer.data]), answer.last)

        return self._adapter.pipeline.pages(Operation(self.name, "find"), fetch, page_size)

    def count(self, wanted: Filter | None = None) -> int:
        """Return how many images a filter means."""

        def ask() -> int:
            answer = self._adapter.wire.call(
                "data.BinaryDataByFilter", data_request={"filter": wanted}, count_only=True
            )
            return int(answer.count)

        return self._call("count", ask)

    def get(self, ids: Sequence[str]) -> list[Item]:
        """Return the images of these ids, without those that are gone."""

        def ask() -> list[Item]:
            held = metadata_of(self._adapter.wire, ids)
            return self._adapter.items_in([held[image] for image in ids if image in held])

        return self._call("get", ask)

    def download(self, image: str, path: str | Path) -> Path:
        """Write an image to a file and return its path."""

        def fetch() -> Path:
            answer = self._adapter.wire.call("data.BinaryDataByIDs", binary_data_ids=[image], include_binary=True)
            Path(path).write_bytes(answer.data[0].binary)
            return Path(path)

        return self._call("download", fetch)

    def url(self, image: str, *, minutes: int | None = None) -> str:
        """Return a URL under which an image can be fetched without credentials for a while."""
        until = {"expiration_minutes": minutes or self._adapter.settings.url_minutes}

        def ask() -> str:
            return str(
                self._adapter.wire.call("data.CreateBinaryDataSignedURL", binary_data_id=image, **until).signed_url
            )

        return self._call("url", ask)

    # -- writing -------------------------------------------------------------------------------------------------------

    def upload(self, source: Source, *, name: str, tags: Sequence[str] = (), dataset: str | None = None) -> str:
        """Upload a file, a URL's content or bytes, and return the id of the image.

        Args:
            source: Where it is; an open file is read from its start to its end, and never held whole.
            name: Its name with its suffix, by which Viam knows an image.
            tags: Tags that it gets.
            dataset: Id of the dataset that it is put into.
        """
        # A text or path is found as an item's is, and refused likewise.
        media = source_of(Item(name, uri=str(source))) if isinstance(source, str | Path) else source

        def send() -> str:
            part = self._adapter.workspace.part
            chosen = {"part": part, "source": media, "dataset": dataset, "tags": tuple(tags)}
            return upload(self._adapter.wire, Item(name), **chosen)

        return self._call("upload", send, repeatable=False)

    def join(self, ids: Sequence[str], dataset: str) -> None:
        """Put images into a dataset; those that are in it stay."""
        try:
            self._call("join", self._in_chunks, "AddBinaryDataToDatasetByIDs", ids, {"dataset_id": dataset})
        finally:
            # An image that is older than what was listed last is not seen by going on from there.
            self._adapter.listings.pop(dataset, None)

    def leave(self, ids: Sequence[str], dataset: str) -> None:
        """Take images out of a dataset; they stay in the organisation."""
        self._call("leave", self._in_chunks, "RemoveBinaryDataFromDatasetByIDs", ids, {"dataset_id": dataset})
        self._adapter.listings.pop(dataset, None)

    def tag(self, tags: Sequence[str], *, ids: Sequence[str] = (), wanted: Filter | None = None) -> None:
        """Tag images, by their ids or by a filter."""
        self._call("tag", self._chosen, "AddTagsToBinaryData", ids, wanted, {"tags": tags})

    def untag(self, tags: Sequence[str], *, ids: Sequence[str] = (), wanted: Filter | None = None) -> int:
        """Take tags off images, by their ids or by a filter, and return how many were there."""
        return self._call("untag", self._chosen, "RemoveTagsFromBinaryData", ids, wanted, {"tags": tags})

    def delete(self, *, ids: Sequence[str] = (), wanted: Filter | None = None) -> int:
        """Delete images for good, out of all datasets, by their ids or by a filter, and return how many there were."""
        deleted = self._call("delete", self._chosen, "DeleteBinaryData", ids, wanted, {})
        self._adapter.listings.clear()
        return deleted

    # -- boxes ---------------------------------------------------------------------------------------------------------

    def change_box(
        self,
        image: str,
        box: str,
        *,
        label: str | None = None,
        geometry: Box | None = None,
        confidence: float | None = None,
    ) -> None:
        """Change what is given of a box.

        Args:
            image: Id of the image.
            box: Id of the box, which labels have in `provenance.id`.
            label: Its label.
            geometry: Its place, in pixels.
            confidence: How sure a model is of it.
        """
        self._call("change_box", self._change_box, image, box, label, geometry, confidence)

    def remove_box(self, image: str, box: str) -> None:
        """Take a box off an image, by their ids."""

        def remove() -> None:
            self._adapter.wire.call("data.RemoveBoundingBoxFromImageByID", binary_data_id=image, bbox_id=box)

        self._call("remove_box", remove)

    # -- translations --------------------------------------------------------------------------------------------------

    def _in_chunks(self, method: str, ids: Sequence[str], fields: Mapping[str, Any]) -> int:
        count = 0
        for start in range(0, len(ids), IDS):
            chunk = list(ids[start : start + IDS])
            answer = self._adapter.wire.call(f"data.{method}", binary_data_ids=chunk, **fields)
            count += getattr(answer, "deleted_count", 0)
        return count

    def _chosen(self, method: str, ids: Sequence[str], wanted: Filter | None, fields: Mapping[str, Any]) -> int:
        if bool(ids) is (wanted is not None):
            # An empty filter means everything: it must be said, not left out.
            raise InvalidData("Either ids or a filter says which images.", field="ids")
        if wanted is None:
            return self._in_chunks(f"{method}ByIDs", ids, fields)
        answer = self._adapter.wire.call(f"data.{method}ByFilter", filter=wanted, **fields)
        return int(getattr(answer, "deleted_count", 0))

    def _change_box(
        self, image: str, box: str, label: str | None, geometry: Box | None, confidence: float | None
    ) -> None:
        fields: dict[str, Any] = {"label": label, "confidence": confidence}
        if geometry is not None:
            (size,) = self._adapter.sizes.of([image])
            if size is None:
                raise InvalidData(f"{image} is no image whose size can be read.", field="image")
            shape = shape_out(Label(image, label or "box", geometry), size)
            fields |= dict(zip(CORNERS, shape[1:], strict=True))
        given = {name: value for name, value in fields.items() if value is not None}
        self._adapter.wire.call("data.UpdateBoundingBox", binary_data_id=image, bbox_id=box, **given)
