"""The part of `viam.app.data.v1.DataService` about readings of sensors."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from dragoman_viam.emulator.filters import captured_fits, in_time, page_of
from dragoman_viam.emulator.records import Row
from dragoman_viam.emulator.routes import Answer, Routes
from dragoman_viam.messages import modules

COPIED = ("organization_id", "location_id", "robot_name", "robot_id", "part_name", "part_id", "method_name", "tags")
"""What an exported row says of where it was captured, under the same names."""
DAY = 24 * 60 * 60 * 1_000_000_000
"""A day in nanoseconds."""


class Tabular(Routes):
    """The methods about readings; those that ask in SQL and MQL are in `queries`."""

    service = "data"
    lists = frozenset({"ExportTabularData"})

    def TabularDataByFilter(self, request: Any) -> Answer:
        """Return a page of the readings that a filter means, or their number."""
        wanted = request.data_request.filter
        # No reading is in a dataset, and none has boxes.
        rows = [] if wanted.dataset_id or wanted.bbox_labels else self.state.rows
        found = [row for row in rows if captured_fits(wanted, row.metadata) and _within(wanted, row)]
        if request.count_only:
            return {"count": len(found)}
        rows = page_of(self.state, request.data_request, found, lambda row: str(row.number), _taken)
        return {
            "metadata": [row.metadata for row in rows],
            "data": [
                {
                    "data": row.data,
                    "metadata_index": index,
                    "time_requested": row.time_requested,
                    "time_received": row.time_received,
                }
                for index, row in enumerate(rows)
            ],
            "count": len(found),
            "last": str(rows[-1].number) if rows else "",
            "total_size_bytes": sum(row.data.ByteSize() for row in rows),
        }

    def GetLatestTabularData(self, request: Any) -> Answer:
        """Return the last reading of a resource; nothing where it has sent none within a year."""
        self.state.one_part(request.part_id)
        since = self.state.clock.now() - timedelta(days=365)
        rows = [row for row in self._of(request) if row.time_synced > since]
        if not rows:
            return {}
        last = max(rows, key=lambda row: (_taken(row), row.number))
        return {"time_captured": last.time_received, "time_synced": last.time_synced, "payload": last.data}

    def ExportTabularData(self, request: Any) -> Iterable[Answer]:
        """Return the readings of a resource one by one, the oldest first."""
        self.state.one_part(request.part_id)
        rows = [row for row in self._of(request) if _within(request, row)]
        for row in sorted(rows, key=lambda row: (_taken(row), row.number)):
            yield {
                **{name: getattr(row.metadata, name) for name in COPIED},
                "resource_name": row.metadata.component_name,
                "resource_subtype": row.metadata.component_type,
                "time_captured": row.time_received,
                "method_parameters": _parameters(row.metadata.method_parameters),
                "payload": row.data,
            }

    def DeleteTabularData(self, request: Any) -> Answer:
        """Delete the readings of days that are past by some days in UTC, or all, as far as a filter means them."""
        owner = self.state.check_organization(request.organization_id)
        wanted = modules()["data"].Filter(**{field.name: value for field, value in request.filter.ListFields()})
        days = request.delete_older_than_days
        limit = (_days(self.state.clock.now()) - days + 1) * DAY
        kept = [
            row
            for row in self.state.rows
            if row.metadata.organization_id != owner
            or not captured_fits(wanted, row.metadata)
            or (days and _taken(row) >= limit)
        ]
        deleted, self.state.rows = len(self.state.rows) - len(kept), kept
        return {"deleted_count": deleted}

    def _of(self, request: Any) -> list[Row]:
        wanted = (request.part_id, request.resource_name, request.resource_subtype, request.method_name)
        return [
            row
            for row in self.state.rows
            for held in [row.metadata]
            if (held.part_id, held.component_name, held.component_type, held.method_name) == wanted
        ]


def _within(wanted: Any, row: Row) -> bool:
    return in_time(wanted.interval, _taken(row))


def _taken(row: Row) -> int:
    taken: int = row.time_received.ToNanoseconds()
    return taken


def _days(now: datetime) -> int:
    """Return how many days of UTC have passed since the epoch."""
    return (now - datetime(1970, 1, 1, tzinfo=UTC)).days


def _parameters(packed: Mapping[str, Any]) -> dict[str, Any]:
    """Return the parameters of a method as values, as far as they are values."""
    from google.protobuf import struct_pb2, wrappers_pb2
    from google.protobuf.json_format import MessageToDict

    known = {*struct_pb2.DESCRIPTOR.message_types_by_name, *wrappers_pb2.DESCRIPTOR.message_types_by_name}
    held = {name: value for name, value in packed.items() if value.TypeName().removeprefix("google.protobuf.") in known}
    return {name: MessageToDict(value)["value"] for name, value in held.items()}
