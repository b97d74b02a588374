"""Files into a folder of Encord: signed links, the bytes, and the job that makes items of them."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from uuid import UUID

import requests
from encord.exceptions import RequestException, UnknownException
from encord.http.v2.payloads import Page as SdkPage
from encord.orm.dataset import LongPollingStatus
from encord.orm.storage import (
    DataUploadImage,
    DataUploadItems,
    GetUploadJobParams,
    PostUploadJobParams,
    StorageItemType,
    UploadLongPollingState,
    UploadSignedUrl,
    UploadSignedUrlsPayload,
)
from urllib3.exceptions import NewConnectionError

from dragoman.errors import PlatformError, Timeout, Unavailable
from dragoman.schema import CREATED, Item, RowResult
from dragoman_encord.items import opened, upload

LINKS = 200
"""Signed links of one request, as the SDK asks for."""
IN_ONE_PIECE = 1 << 20
SHORTEST_PAUSE = 0.02
ENDED = (LongPollingStatus.DONE, LongPollingStatus.ERROR, LongPollingStatus.CANCELLED)
LOST = RowResult("unknown", reason="The answer to the upload was lost; the job may still be running.")


class Uploads:
    """Uploads into one folder.

    Args:
        api: The SDK's v2 client.
        folder: Id of the folder.
        timeout: Seconds to wait for a file to be taken.
        workers: Most files that are sent at a time.
    """

    def __init__(self, api: Any, folder: str, *, timeout: int, workers: int) -> None:
        self._api = api
        self._folder = folder
        self._timeout = timeout
        self._workers = workers

    def run(
        self,
        items: Sequence[Item],
        integration: str | None,
        *,
        rest: float,
        timeout: float,
        sleep: Callable[[float], None],
    ) -> list[RowResult]:
        """Upload the media of items, or name their URLs, and return one result per item when they are items there.

        Args:
            items: The items.
            integration: The cloud integration through which their URLs are registered; None to upload the media.
            rest: Longest pause in seconds between two looks at the job.
            timeout: Seconds after which the job counts as stuck.
            sleep: Pauses.

        Raises:
            PlatformError: The job failed as a whole.
            Timeout: It has not ended in time.
        """
        entries = [upload(item, item.uri or "") for item in items] if integration else self._uploaded(items)
        sent = [entry for entry in entries if not isinstance(entry, RowResult)]
        if not sent:
            return [entry for entry in entries if isinstance(entry, RowResult)]
        job = self._start(sent, integration)
        if job is None:
            return [entry if isinstance(entry, RowResult) else LOST for entry in entries]
        results = _results(job, self._finished(job, rest, timeout, sleep), [entry.object_url for entry in sent])
        return [entry if isinstance(entry, RowResult) else next(results) for entry in entries]

    def _start(self, entries: Sequence[Any], integration: str | None) -> str | None:
        """Start the job that makes items of entries; return None if the answer was lost."""
        images = [entry for entry in entries if isinstance(entry, DataUploadImage)]
        videos = [entry for entry in entries if not isinstance(entry, DataUploadImage)]
        payload = PostUploadJobParams(
            data_items=DataUploadItems(images=images, videos=videos),
            integration_hash=UUID(integration) if integration else None,
            ignore_errors=True,
        )
        path = f"storage/folders/{self._folder}/data-upload-jobs"
        try:
            job = self._api.post(path, params=None, payload=payload, result_type=UUID, allow_retries=False)
        except (RequestException, UnknownException):
            # Sent again, the same files would become items twice.
            return None
        return str(job)

    def _uploaded(self, items: Sequence[Item]) -> list[Any]:
        """Return an entry for each item whose media is uploaded, and a result for each whose media cannot be had."""
        entries: dict[str, Any] = {}
        for kind, media in ((StorageItemType.IMAGE, "image"), (StorageItemType.VIDEO, "video")):
            chosen = [item for item in items if item.media == media]
            for start in range(0, len(chosen), LINKS):
                part = chosen[start : start + LINKS]
                links = self._links(kind, len(part))
                with ThreadPoolExecutor(self._workers) as pool:
                    entries |= zip((item.key for item in part), pool.map(self._put, part, links), strict=True)
        return [entries[item.key] for item in items]

    def _put(self, item: Item, link: UploadSignedUrl) -> Any:
        try:
            media = opened(item, self._timeout)
        except OSError as error:
            if _may_pass(error):
                why = type(error).__name__
                raise Unavailable(f"The media of {item.key!r} cannot be fetched now: {why}.") from error
            # Without the message, which may hold a signed link.
            return RowResult("rejected", reason=f"Its media cannot be read: {type(error).__name__}.")
        # A signed link is another host's: it gets no header of ours but those that Encord names.
        headers = {"Content-Type": "application/octet-stream", **link.upload_headers}
        with media as file:
            file.seek(0, 2)
            size = file.tell()
            file.seek(0)
            # A large file is streamed; a small one is sent in one piece.
            content = file if size > IN_ONE_PIECE else file.read()
            requests.put(link.signed_url, data=content, headers=headers, timeout=self._timeout).raise_for_status()
        return upload(item, link.object_key, link.item_uuid)

    def _links(self, kind: StorageItemType, count: int) -> list[UploadSignedUrl]:
        wanted = UploadSignedUrlsPayload(item_type=kind, count=count, frames_subfolder_name=None)
        path = f"storage/folders/{self._folder}/upload-signed-urls"
        return list(self._api.post(path, params=None, payload=wanted, result_type=SdkPage[UploadSignedUrl]).results)

    def _finished(
        self, job: str, rest: float, timeout: float, sleep: Callable[[float], None]
    ) -> UploadLongPollingState:
        deadline = time.monotonic() + timeout
        pause = min(rest, SHORTEST_PAUSE)
        while (state := self._state(job)).status not in ENDED:
            if time.monotonic() > deadline:
                raise Timeout(f"Encord's upload job {job} has not ended after {timeout:.0f} s.", maybe_applied=True)
            sleep(pause)
            pause = min(rest, pause * 2)
        return state

    def _state(self, job: str) -> UploadLongPollingState:
        path = f"storage/folders/{self._folder}/data-upload-jobs/{job}"
        # No time to hold the request: the pauses between the looks are ours.
        return self._api.get(path, params=GetUploadJobParams(timeout_seconds=0), result_type=UploadLongPollingState)


def _may_pass(error: OSError) -> bool:
    """Return whether fetching media failed in a way that another try can mend; all errors of requests are OSErrors."""
    if isinstance(error, requests.HTTPError):
        return error.response.status_code >= 500 or error.response.status_code in (408, 429)
    if isinstance(error, requests.ConnectionError):
        reason = getattr(error.args[0] if error.args else None, "reason", None)
        # Nobody of that name, or nobody listens there: that is the item's fault and not the moment's.
        return not isinstance(reason, NewConnectionError)
    return isinstance(error, requests.Timeout)


def _results(job: str, state: UploadLongPollingState, urls: Sequence[str]) -> Iterator[RowResult]:
    blamed = {url: error.error for error in state.unit_errors for url in error.object_urls}
    unclear = state.units_error_count + state.units_cancelled_count - len(state.unit_errors)
    if state.status is LongPollingStatus.CANCELLED or (state.status is LongPollingStatus.ERROR and not blamed):
        said = "; ".join(state.errors) or "no reason is given"
        raise PlatformError(f"Encord's upload job {job} ended as {state.status.value}: {said}.", maybe_applied=True)
    rest = RowResult("unknown", reason="The job's counts do not tell this item's fate.") if unclear else CREATED
    return (RowResult("rejected", reason=blamed[url]) if url in blamed else rest for url in urls)
