"""Taking in annotation rows: JSON bodies, multipart forms with masks, NDJSON files.

A body is decoded in one go into typed rows. Only if that fails is it taken apart row by row, so that each
bad row becomes an error of its own and the good ones are stored all the same.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

import msgspec
from msgspec import Raw, Struct
from starlette.datastructures import UploadFile
from starlette.requests import Request

from dragoman.emulate.app import ApiError, decode
from dragoman_nucleus.emulator.complaints import complaint
from dragoman_nucleus.emulator.items import Item, Scene
from dragoman_nucleus.emulator.rows import (
    UNIDENTIFIED,
    Category,
    GroundTruthRow,
    Mask,
    MultiCategory,
    PredictionRow,
    Row,
    Rows,
    RunFreeRow,
)
from dragoman_nucleus.emulator.state import State
from dragoman_nucleus.emulator.wire import encode

R = TypeVar("R", bound=Row)
T = TypeVar("T")
Finder = Callable[[Row], Item | Scene | None]
"""Finds what a row is on."""

FORM_LIMIT = 64 * 2**20
"""Largest JSON part of a multipart form, in bytes."""


class Upload(Struct):
    """Body of a synchronous upload with rows that are not decoded yet."""

    annotations: list[Raw] = []
    segmentations: list[Raw] = []
    update: bool = False
    trained_slice_id: str | None = None


class MaskForm(Struct):
    """JSON part of a form with mask files."""

    segmentations: list[dict[str, Any]] = []
    update: bool = False


class AsyncUpload(Struct):
    """Body of the request that starts an asynchronous upload; the rows were sent before, as NDJSON."""

    request_id: str = msgspec.field(name="requestId")
    update: bool = False
    trained_slice_id: str | None = None


@dataclass(frozen=True)
class Batch:
    """Rows of one upload; `errors` has a text for each that could not be decoded."""

    rows: Sequence[Row]
    errors: Sequence[str] = ()
    update: bool = False
    trained_slice_id: str | None = None


@dataclass
class Tally:
    """What became of the rows of one upload. Masks are counted apart, as the platform does."""

    processed: int = 0
    ignored: int = 0
    masks_processed: int = 0
    masks_ignored: int = 0
    masks_errored: int = 0
    errors: list[str] = field(default_factory=list)

    @property
    def steps(self) -> tuple[int, int]:
        """Return the steps of the job, all of which were made: one for each row."""
        rows = self.processed + self.ignored + self.masks_processed + self.masks_ignored + len(self.errors)
        return rows, rows

    def counts(self, noun: str) -> dict[str, object]:
        """Return what a synchronous upload answers; `noun` is the beginning of the names of the counts."""
        answer: dict[str, object] = {
            f"{noun}_processed": self.processed + self.masks_processed,
            f"{noun}_ignored": self.ignored + self.masks_ignored,
        }
        return answer | ({"errors": self.errors} if self.errors else {})

    def message(self, noun: str, dataset_id: str) -> dict[str, object]:
        """Return what the status of an asynchronous upload says at the end."""
        errored = len(self.errors) - self.masks_errored
        rows = {
            "epoch": 1,
            "total": self.processed + self.ignored + errored,
            "errored": errored,
            "ignored": self.ignored,
            "datasetId": dataset_id,
            "processed": self.processed,
        }
        masks = {"ignored": self.masks_ignored, "n_errors": self.masks_errored, "processed": self.masks_processed}
        return {f"{noun}_upload": rows, "segmentation_upload": masks}


class Intake:
    """The rows that one kind of upload takes.

    Args:
        noun: What a row is called in answers and errors.
        prefix: Prefix of the ids that rows without an annotation id get.
        row_type: The union of the structs that are accepted.
    """

    def __init__(self, noun: str, prefix: str, row_type: Any) -> None:
        self.noun = noun
        self._prefix = prefix
        self._row: msgspec.json.Decoder[Row] = msgspec.json.Decoder(row_type)
        self._mask = msgspec.json.Decoder(Mask)
        self._upload = msgspec.json.Decoder(
            msgspec.defstruct(
                f"Typed_{noun}_upload",
                [
                    ("annotations", list[row_type], msgspec.field(default_factory=list)),
                    ("segmentations", list[Mask], msgspec.field(default_factory=list)),
                    ("update", bool, False),
                    ("trained_slice_id", str | None, None),
                ],
            )
        )

    async def read(self, request: Request, state: State) -> Batch:
        """Read the body of a synchronous upload, JSON or multipart.

        Raises:
            ApiError: 400, the body as a whole is not what an upload looks like.
        """
        if request.headers.get("content-type", "").startswith("multipart/form-data"):
            return self.decode(await _read_form(request, state))
        return self.decode(await request.body())

    def decode(self, body: bytes) -> Batch:
        """Decode the JSON body of a synchronous upload."""
        try:
            upload: Any = self._upload.decode(body)
        except msgspec.ValidationError:
            return self._decode_singly(body)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise ApiError(400, f"Invalid request body: {error}") from error
        rows = [*upload.segmentations, *upload.annotations]
        return Batch(rows, (), upload.update, upload.trained_slice_id)

    def decode_lines(self, content: bytes, *, update: bool) -> Batch:
        """Decode an NDJSON file."""
        try:
            return Batch(self._row.decode_lines(content), (), update)
        except (msgspec.DecodeError, UnicodeDecodeError):
            rows, errors = self._attempt(non_empty_lines(content), self._row)
            return Batch(rows, errors, update)

    def _decode_singly(self, body: bytes) -> Batch:
        upload = decode(body, UPLOAD)
        masks, mask_errors = self._attempt(upload.segmentations, self._mask)
        rows, errors = self._attempt(upload.annotations, self._row)
        return Batch([*masks, *rows], mask_errors + errors, upload.update, upload.trained_slice_id)

    def _attempt(self, raw_rows: Sequence[Raw | bytes], decoder: msgspec.json.Decoder[R]) -> tuple[list[R], list[str]]:
        rows: list[R] = []
        errors: list[str] = []
        for raw in raw_rows:
            try:
                rows.append(decoder.decode(raw))
            except (msgspec.DecodeError, UnicodeDecodeError) as error:
                errors.append(complaint(self.noun, bytes(raw), str(error)))
        return rows, errors

    def store(self, batch: Batch, rows: Rows, find: Finder, state: State) -> Tally:
        """Store a batch.

        Args:
            batch: Decoded rows. They are stored themselves, with their item filled in.
            rows: Where to.
            find: Finds what a row is on, or `None`.
            state: Gives ids to rows without an annotation id, and knows the tracks that rows name.
        """
        # This loop sees every uploaded row, so it counts in locals: 100 000 rows are an ordinary upload.
        errors = list(batch.errors)
        masks_errored = 0
        counts = {False: [0, 0], True: [0, 0]}
        put, update, strict = rows.put, batch.update, state.strict_taxonomies
        for row in batch.rows:
            item = find(row)
            if item is None:
                target = row.item_id or row.reference_id
                errors.append(complaint(self.noun, row, f"Item with id {target} does not exist."))
                masks_errored += type(row) is Mask
                continue
            if strict and isinstance(row, Category | MultiCategory):
                reason = state.dataset(item.dataset_id).refusal(row)
                if reason is not None:
                    errors.append(complaint(self.noun, row, reason))
                    continue
            row.reference_id = item.reference_id
            row.dataset_item_id = item.id if type(item) is Item else None
            row.item_id = row.dataset_id = None
            if not row.annotation_id and not isinstance(row, UNIDENTIFIED):
                row.annotation_id = state.ids.new(self._prefix)
            if row.track_reference_id is not None:
                state.dataset(item.dataset_id).tracks.setdefault(row.track_reference_id, None)
            counts[type(row) is Mask][put(item.id, row, update)] += 1
        (ignored, processed), (masks_ignored, masks_processed) = counts[False], counts[True]
        return Tally(processed, ignored, masks_processed, masks_ignored, masks_errored, errors)


UPLOAD = msgspec.json.Decoder(Upload)
MASK_FORM = msgspec.json.Decoder(MaskForm)
ASYNC_UPLOAD = msgspec.json.Decoder(AsyncUpload)
GROUND_TRUTH = Intake("annotation", "ann", GroundTruthRow)
PREDICTIONS = Intake("prediction", "pred", PredictionRow)
RUN_FREE = Intake("prediction", "pred", RunFreeRow)


def non_empty_lines(content: bytes) -> list[bytes]:
    """Split an NDJSON file."""
    return [line for line in content.split(b"\n") if line.strip()]


def is_async(request: Request) -> bool:
    """Say whether a request asks for a job instead of an answer."""
    return request.query_params.get("async") == "1"


def uploaded(state: State, dataset_ids: Iterable[str], request_id: str) -> bytes:
    """Return the NDJSON that was sent for a request, to a URL that was signed for one of some datasets.

    Raises:
        ApiError: 400, nothing was sent under that request id.
    """
    for dataset_id in dataset_ids:
        content = state.blobs.uploads.get((dataset_id, request_id))
        if content is not None:
            return content
    raise ApiError(400, f"Nothing was uploaded for request {request_id}.")


async def form_files(
    request: Request, json_part: str, file_part: str, decoder: msgspec.json.Decoder[T]
) -> tuple[T, list[UploadFile]]:
    """Read a multipart form that has one part of JSON, and files whose order pairs them with its rows.

    Args:
        request: The request.
        json_part: Name of the part that is JSON.
        file_part: Name that all the files have.
        decoder: Decides what the JSON must look like.

    Raises:
        ApiError: 400, the JSON part is missing or broken.
    """
    form = await request.form(max_part_size=FORM_LIMIT)
    text = form.get(json_part)
    if not isinstance(text, str):
        raise ApiError(400, f"The form has no part named {json_part}.")
    files = [file for file in form.getlist(file_part) if isinstance(file, UploadFile)]
    return decode(text.encode(), decoder), files


async def _read_form(request: Request, state: State) -> bytes:
    """Keep the masks of a multipart form and return the equivalent JSON body, with their URLs in it."""
    form, files = await form_files(request, "serialized_request", "mask", MASK_FORM)
    masks = form.segmentations
    if len(masks) != len(files):
        raise ApiError(400, f"The form has {len(files)} mask files for {len(masks)} segmentations.")
    for mask, file in zip(masks, files, strict=True):
        path = state.blobs.add_media(await file.read(), file.content_type or "image/png")
        mask["mask_url"] = f"{request.base_url}{path}"
    return encode(form)
