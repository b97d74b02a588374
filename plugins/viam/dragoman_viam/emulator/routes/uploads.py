"""`viam.app.datasync.v1.DataSyncService`: files and captures of sensors. A stream that breaks off leaves nothing."""

from __future__ import annotations

import mimetypes
from collections.abc import Iterator
from datetime import datetime
from typing import Any

from dragoman_viam.emulator.blobs import Blob
from dragoman_viam.emulator.records import Image, Row
from dragoman_viam.emulator.refusals import invalid
from dragoman_viam.emulator.routes import Answer, Routes, first_of
from dragoman_viam.messages import modules, name_of

FILE, BINARY, TABULAR = "DATA_TYPE_FILE", "DATA_TYPE_BINARY_SENSOR", "DATA_TYPE_TABULAR_SENSOR"


class Uploads(Routes):
    """The methods about uploads."""

    service = "sync"
    streams = frozenset({"FileUpload", "StreamingDataCaptureUpload"})

    def FileUpload(self, frames: Iterator[Any]) -> Iterator[Answer]:
        """Keep a file: its description first, then its contents in any number of messages."""
        described = first_of(frames, "metadata", invalid("the first message must be the metadata", "metadata"))
        with self.state.lock:
            self._check(described, FILE)
        content = Blob(frame.file_contents.data for frame in _rest(frames, "file_contents"))
        yield from self._kept(described, content)

    def StreamingDataCaptureUpload(self, frames: Iterator[Any]) -> Iterator[Answer]:
        """Keep what a sensor captured: its description first, then its contents in any number of messages."""
        first = first_of(frames, "metadata", invalid("the first message must be the metadata", "metadata"))
        with self.state.lock:
            self._check(first.upload_metadata, BINARY)
        content = Blob(frame.data for frame in _rest(frames, "data"))
        yield from self._kept(first.upload_metadata, content, first.sensor_metadata)

    def DataCaptureUpload(self, request: Any) -> Answer:
        """Keep what sensors captured: readings, or one image for each entry; the last one's ids are told."""
        kind = self._check(request.metadata, BINARY, TABULAR)
        if not request.sensor_contents:
            raise invalid("there is nothing to keep", "sensor_contents")
        part = "struct" if kind == TABULAR else "binary"
        if any(not entry.HasField(part) for entry in request.sensor_contents):
            raise invalid(f"an entry has no {part}", "sensor_contents")
        if kind == TABULAR:
            for entry in request.sensor_contents:
                self._add_row(request.metadata, entry)
            return {"file_id": self.state.new_id()}
        for entry in request.sensor_contents:
            image = self._image(request.metadata, Blob([entry.binary]), entry.metadata)
            self.state.keep(image)
        return _told(image)

    def _check(self, described: Any, *kinds: str) -> str:
        """Return the kind of an upload that can be."""
        self.state.one_part(described.part_id)
        kind = name_of("sync", "DataType", described.type)
        if kind not in kinds:
            raise invalid(f"{kind} is not uploaded here", "type")
        for dataset in described.dataset_ids:
            self.state.dataset(dataset)
        if not all(described.tags):
            raise invalid("a tag is not empty", "tags")
        return kind

    def _add_row(self, described: Any, entry: Any) -> None:
        now = self.state.clock.now()
        captured = modules()["data"].CaptureMetadata(**self._captured(described))
        requested, received = (_time(entry.metadata, name, now) for name in ("time_requested", "time_received"))
        self.state.rows.append(Row(self.state.next_number(), captured, entry.struct, requested, received, now))

    def _kept(self, described: Any, content: Blob, sensor: Any = None) -> Iterator[Answer]:
        with self.state.lock:
            image = self._image(described, content, sensor)
        yield _told(image)
        with self.state.lock:
            self.state.keep(image)

    def _image(self, described: Any, content: Blob, sensor: Any = None) -> Image:
        now = self.state.clock.now()
        mime = described.mime_type or mimetypes.guess_type(f"x{described.file_extension}")[0] or ""
        metadata = modules()["data"].BinaryMetadata(
            capture_metadata={**self._captured(described), "mime_type": mime},
            time_requested=_time(sensor, "time_requested", now),
            time_received=_time(sensor, "time_received", now),
            file_name=described.file_name,
            file_ext=described.file_extension,
            dataset_ids=list(dict.fromkeys(described.dataset_ids)),
            annotations=None if sensor is None else sensor.annotations,
        )
        for found in (*metadata.annotations.bboxes, *metadata.annotations.classifications):
            found.id = self.state.new_id()
        return self.state.new_image(metadata, content)

    def _captured(self, described: Any) -> dict[str, Any]:
        part = self.state.one_part(described.part_id)
        robot = self.state.machine(part.robot)
        return {
            "organization_id": self.state.owner(part.location_id),
            "location_id": part.location_id,
            "robot_name": robot.name,
            "robot_id": robot.id,
            "part_name": part.name,
            "part_id": part.id,
            "component_type": described.component_type,
            "component_name": described.component_name,
            "method_name": described.method_name,
            "method_parameters": described.method_parameters,
            "tags": list(dict.fromkeys(described.tags)),
        }


def _rest(frames: Iterator[Any], field: str) -> Iterator[Any]:
    """Yield the messages after the first, which all have contents."""
    for frame in frames:
        if not frame.HasField(field):
            raise invalid("only the first message is the metadata", "metadata")
        yield frame


def _told(image: Image) -> Answer:
    return {"file_id": image.metadata.id, "binary_data_id": image.metadata.binary_data_id}


def _time(sensor: Any, name: str, now: datetime) -> Any:
    """Return the time stamp that a sensor says, now where it does not say."""
    from google.protobuf.timestamp_pb2 import Timestamp

    said = Timestamp()
    if sensor is None or not sensor.HasField(name):
        said.FromDatetime(now)
    else:
        said.CopyFrom(getattr(sensor, name))
    return said
