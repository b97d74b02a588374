"""The part of `viam.app.dataset.v1.DatasetService` about exports of sequences."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import timedelta
from typing import Any

from dragoman_viam.emulator.blobs import Blob
from dragoman_viam.emulator.files import signature
from dragoman_viam.emulator.records import Export
from dragoman_viam.emulator.refusals import missing
from dragoman_viam.emulator.routes import Answer, Routes

HELD = timedelta(hours=1)
"""How long the URL of an export holds."""


class Exports(Routes):
    """The methods about exports. One is done when it was looked at as often as the settings say."""

    service = "dataset"

    def StartSequenceDatasetExport(self, request: Any) -> Answer:
        """Export the sequences that are in a dataset now."""
        dataset = self.state.dataset(request.dataset_id).id
        held = [one for one in self.state.sequences.values() if dataset in one.dataset_ids]
        key = self.state.new_id()
        self.state.exports[key] = Export(Blob(_lines(held)), self.state.clock.now())
        return {"job_id": key}

    def GetSequenceDatasetExport(self, request: Any) -> Answer:
        """Say how far an export is, and where it lies."""
        key, now = request.job_id, self.state.clock.now()
        if key not in self.state.exports:
            raise missing("export", key)
        held = self.state.exports[key]
        if held.completed is None:
            done = held.asked >= self.state.settings.job_polls
            held = replace(held, asked=held.asked + 1, completed=now if done else None)
            self.state.exports[key] = held
        told = {"job_id": key, "created_at": held.created}
        if held.completed is None:
            return {**told, "status": "SEQUENCE_DATASET_EXPORT_STATUS_RUNNING"}
        until = int((now + HELD).timestamp())
        sign = signature(self.state, key, until)
        return {
            **told,
            "status": "SEQUENCE_DATASET_EXPORT_STATUS_COMPLETED",
            "completed_at": held.completed,
            "expires_at": now + HELD,
            "download_url": f"{self.state.files_url}/exports/{key}?expires={until}&signature={sign}",
        }


def _lines(sequences: Iterable[Any]) -> list[bytes]:
    """Return the sequences as JSON, one on a line."""
    from google.protobuf.json_format import MessageToJson

    return [MessageToJson(one, indent=None, preserving_proto_field_name=True).encode() + b"\n" for one in sequences]
