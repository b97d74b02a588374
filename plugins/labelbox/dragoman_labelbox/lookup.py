"""Which data rows have some global keys, in whatever dataset, now and before a batch was first sent."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import Any

from dragoman.errors import PlatformError
from dragoman_labelbox import queries
from dragoman_labelbox.jobs import Waiter


def ids_of(adapter: Any, global_keys: Iterable[str]) -> dict[str, str]:
    """Return the ids of the data rows of some global keys, by key; keys that no data row has are left out.

    Raises:
        PlatformError: Labelbox cannot say.
    """
    wanted = list(dict.fromkeys(global_keys))
    if not wanted:
        return {}
    job = adapter.client.execute(queries.BY_GLOBAL_KEY, {"globalKeys": wanted})["dataRowsForGlobalKeys"]

    def look() -> dict[str, Any]:
        answer = adapter.client.execute(queries.BY_GLOBAL_KEY_RESULT, {"jobId": job["jobId"]})
        found: dict[str, Any] = answer["dataRowsForGlobalKeysResult"]
        return found

    def going(state: dict[str, Any]) -> bool:
        return state["jobStatus"] not in ("COMPLETE", "FAILED")

    answer = Waiter(adapter).until(look, going, "look-up of global keys")
    if answer["jobStatus"] == "FAILED":
        raise PlatformError("Labelbox's look-up of global keys failed; it does not say why.")
    # In the order of the keys; the id of a data row that is not there is empty.
    rows = zip(wanted, answer["data"]["fetchedDataRows"], strict=True)
    return {key: row["id"] for key, row in rows if row["id"]}


class Earlier:
    """Remembers which keys were taken before the batch that is under way was first sent.

    An attempt whose answer was lost leaves data rows of its own, which the next one must not take for older ones.
    """

    def __init__(self) -> None:
        self._batch: tuple[str, ...] = ()
        self._taken: Collection[str] = ()

    def of(self, batch: tuple[str, ...], now: Collection[str]) -> Collection[str]:
        """Return what was taken before a batch's first attempt: what is taken now, if this is the first."""
        if batch != self._batch:
            self._batch, self._taken = batch, now
        return self._taken

    def done(self) -> None:
        """Forget the batch: its outcomes are known."""
        self._batch = ()
