"""`viam.app.datasync.v1.DataSyncService`: files that arrive as a stream. A stream that breaks off leaves nothing."""

from __future__ import annotations

import mimetypes
from collections.abc import Iterator
from typing import Any

from dragoman_viam.emulator.refusals import invalid, missing
from dragoman_viam.emulator.routes import Answer, Routes, first_of
from dragoman_viam.emulator.state import Blob
from dragoman_viam.messages import modules, number


class Uploads(Routes):
    """The upload of files. Uploads of sensors' captures are not emulated."""

    service = "sync"
    streams = frozenset({"FileUpload"})

    def FileUpload(self, frames: Iterator[Any]) -> Answer:
        """Keep a file: its description first, then its contents in any number of messages."""
        described = first_of(frames, "metadata", invalid("the first message must be the metadata", "metadata"))
        with self.state.lock:
            self._check(described)
        content = Blob(self._contents(frames))
        with self.state.lock:
            image = self.state.add_image(self._metadata(described), content)
        return {"file_id": image.metadata.id, "binary_data_id": image.metadata.binary_data_id}

    def _check(self, described: Any) -> None:
        if described.part_id != self.state.part.id:
            raise missing("part", described.part_id)
        if described.type != number("sync", "DataType", "DATA_TYPE_FILE"):
            raise invalid("only files are uploaded here", "type")
        for dataset in described.dataset_ids:
            self.state.dataset(dataset)

    def _contents(self, frames: Iterator[Any]) -> Iterator[bytes]:
        for frame in frames:
            if not frame.HasField("file_contents"):
                raise invalid("only the first message is the metadata", "metadata")
            yield frame.file_contents.data

    def _metadata(self, described: Any) -> Any:
        now = self.state.clock.now()
        extension = described.file_extension
        captured = {
            "organization_id": self.state.organization.id,
            "location_id": self.state.location.id,
            "robot_name": self.state.robot.name,
            "robot_id": self.state.robot.id,
            "part_name": self.state.part.name,
            "part_id": self.state.part.id,
            "component_type": described.component_type,
            "component_name": described.component_name,
            "method_name": described.method_name,
            "method_parameters": described.method_parameters,
            "tags": list(dict.fromkeys(described.tags)),
            "mime_type": described.mime_type or mimetypes.guess_type(f"x{extension}")[0] or "",
        }
        return modules()["data"].BinaryMetadata(
            capture_metadata=captured,
            time_requested=now,
            time_received=now,
            file_name=described.file_name,
            file_ext=extension,
            dataset_ids=list(dict.fromkeys(described.dataset_ids)),
        )
