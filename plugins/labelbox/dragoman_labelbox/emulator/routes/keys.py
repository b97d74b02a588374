"""Global keys: looking data rows up by them, assigning and clearing them. Each is a job whose result is asked for."""

from __future__ import annotations

from typing import Any

from dragoman_labelbox.emulator.graphql import Handler, Query, invalid
from dragoman_labelbox.emulator.state import KEY_LENGTH, State

Json = dict[str, Any]


class Keys:
    """The handlers of this module."""

    def __init__(self, state: State) -> None:
        self._state = state

    def operations(self) -> dict[str, Handler]:
        return {
            "getDataRowsForGlobalKeysPyApi": lambda query: self._start(query.get("globalKeys"), self._look_up),
            "getDataRowsForGlobalKeysResultPyApi": self.result,
            "assignGlobalKeysToDataRowsPyApi": lambda query: self._start(
                query.get("globalKeyDataRowLinks"), self._assign
            ),
            "assignGlobalKeysToDataRowsResultPyApi": self.result,
            "clearGlobalKeysPyApi": lambda query: self._start(query.get("globalKeys"), self._clear),
            "clearGlobalKeysResultPyApi": self.result,
        }

    def _start(self, wanted: list[Any], answer: Any) -> Json:
        held: Json = {}

        def work() -> None:
            held.update(answer(wanted))

        now = self._state.clock.now()
        return {"jobId": self._state.jobs.start(self._state.ids.new(), "global-keys", now, work, held=held).id}

    def result(self, query: Query) -> Json:
        job = self._state.jobs.by_id.get(query.get("jobId"))
        if job is None:
            raise invalid("There is no such job.", 400)
        return {"jobStatus": job.look(), "data": job.held}

    def _look_up(self, keys: list[str]) -> Json:
        found = [self._state.by_global_key.get(key) for key in keys]
        return {
            "fetchedDataRows": [{"id": row.id if row else ""} for row in found],
            "notFoundGlobalKeys": [key for key, row in zip(keys, found, strict=True) if row is None],
            "accessDeniedGlobalKeys": [],
        }

    def _assign(self, links: list[Json]) -> Json:
        done: list[Json] = []
        refused: list[Json] = []
        for link in links:
            row, key = self._state.rows.get(link["dataRowId"]), link["globalKey"]
            free = self._state.by_global_key.get(key, row) is row
            if row is None or not free or not key or len(key) > KEY_LENGTH:
                refused.append(link)
            else:
                self._state.rename_row(row, key)
                done.append(link)
        return {
            "sanitizedAssignments": [],
            "unmodifiedAssignments": done,
            "invalidGlobalKeyAssignments": refused,
            "accessDeniedAssignments": [],
        }

    def _clear(self, keys: list[str]) -> Json:
        known = [key for key in keys if key in self._state.by_global_key]
        for key in known:
            self._state.rename_row(self._state.by_global_key[key], None)
        return {
            "clearedGlobalKeys": known,
            "failedToClearGlobalKeys": [],
            "notFoundGlobalKeys": [key for key in keys if key not in known],
            "accessDeniedGlobalKeys": [],
        }
