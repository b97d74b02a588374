"""What the emulated organisation holds. State is in memory; large contents are in temporary files.

Things are kept as the protobuf messages in which they are answered. Whoever changes anything holds `lock`.
"""

from __future__ import annotations

import secrets
import tempfile
import threading
import weakref
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from dragoman.emulate import Clock, Settings
from dragoman_viam.emulator.refusals import denied, missing, unauthenticated
from dragoman_viam.messages import modules

IN_MEMORY = 1 << 20
"""Contents beyond this many bytes go to a temporary file."""
CHUNK = 1 << 20


class Blob:
    """Contents of a file or package."""

    def __init__(self, chunks: Iterable[bytes] = ()) -> None:
        self._file = tempfile.SpooledTemporaryFile(max_size=IN_MEMORY)  # noqa: SIM115 - lives as long as the blob
        self.size = 0
        self._lock = threading.Lock()
        weakref.finalize(self, self._file.close)
        for chunk in chunks:
            self.add(chunk)

    def add(self, chunk: bytes) -> None:
        """Append bytes."""
        self._file.write(chunk)
        self.size += len(chunk)

    def chunks(self) -> Iterator[bytes]:
        """Yield the contents from the start."""
        place = 0
        while place < self.size:
            with self._lock:
                self._file.seek(place)
                chunk = self._file.read(CHUNK)
            place += len(chunk)
            yield chunk

    def read(self) -> bytes:
        """Return the whole contents."""
        return b"".join(self.chunks())


@dataclass
class Image:
    """One piece of binary data. `number` grows in the order of arrival."""

    number: int
    metadata: Any
    content: Blob


@dataclass
class Package:
    """One version of a package."""

    message: Any
    content: Blob


@dataclass
class Job:
    """One training job. `asked` counts the looks at it since it was last changed."""

    metadata: Any
    labels: tuple[str, ...]
    asked: int = 0
    logs: list[tuple[str, datetime, str]] = field(default_factory=list)
    fails_with: str | None = None


class State:
    """One organisation with one location, one machine and its main part.

    Args:
        settings: Switches of all emulators.
        clock: Where time stamps come from.
    """

    def __init__(self, settings: Settings, clock: Clock) -> None:
        self.settings = settings
        self.clock = clock
        self.lock = threading.RLock()
        app = modules()["app"]
        self.organization = app.Organization(id=self.new_id(), name="Emulated", created_on=clock.now())
        self.location = app.Location(id=secrets.token_hex(5), name="Workshop", created_on=clock.now())
        self.robot = app.Robot(id=self.new_id(), name="bench", location=self.location.id)
        self.part = app.RobotPart(
            id=self.new_id(), name="bench-main", robot=self.robot.id, location_id=self.location.id, main_part=True
        )
        self.datasets: dict[str, Any] = {}
        self.images: dict[str, Image] = {}
        self.items: dict[str, Any] = {}
        self.packages: dict[tuple[str, str], Package] = {}
        self.jobs: dict[str, Job] = {}
        self.containers: dict[str, Any] = {}
        self.token_seconds = 3600.0
        """How long an access token holds."""
        self.training_seconds = 0.0
        """How long a training runs at least, on the emulation's clock."""
        self.files_url = ""
        """Root of the HTTP server for downloads, while the emulator is served."""
        self._next_failure: str | None = None
        self._tokens: dict[str, datetime] = {}
        self._count = 0

    # -- ids and credentials -------------------------------------------------------------------------------------------

    def new_id(self) -> str:
        """Return a fresh id of 24 hexadecimal digits, like those of the platform."""
        return secrets.token_hex(12)

    def new_token(self) -> str:
        """Return an access token that holds for `token_seconds`."""
        token = secrets.token_hex(32)
        self._tokens[token] = self.clock.now() + timedelta(seconds=self.token_seconds)
        return token

    def revoke_tokens(self) -> None:
        """Let all access tokens expire now."""
        self._tokens.clear()

    def check_token(self, header: str) -> None:
        """Refuse a call without a valid token in its `authorization`."""
        expires = self._tokens.get(header.removeprefix("Bearer "))
        if expires is None or expires <= self.clock.now():
            raise unauthenticated("the access token is missing or expired")

    def check_organization(self, organization: str) -> str:
        """Return the id of the organisation, or refuse another one."""
        if organization != self.organization.id:
            raise denied(f"the key has no access to the organization {organization!r}")
        return organization

    # -- data ----------------------------------------------------------------------------------------------------------

    def dataset(self, dataset_id: str) -> Any:
        """Return a dataset, or refuse an unknown id."""
        if dataset_id not in self.datasets:
            raise missing("dataset", dataset_id)
        return self.datasets[dataset_id]

    def image(self, binary_data_id: str) -> Image:
        """Return an image, or refuse an unknown id."""
        if binary_data_id not in self.images:
            raise missing("binary data", binary_data_id)
        return self.images[binary_data_id]

    def add_image(self, metadata: Any, content: Blob) -> Image:
        """Keep an uploaded file; its id is filled in."""
        self._count += 1
        file_id = self.new_id()
        metadata.binary_data_id = f"{self.organization.id}/{self.location.id}/{file_id}"
        metadata.id = file_id
        metadata.file_size_bytes = content.size
        image = Image(self._count, metadata, content)
        self.images[metadata.binary_data_id] = image
        return image

    def images_of(self, dataset_id: str) -> list[Image]:
        """Return the images of a dataset in the order of arrival."""
        return [image for image in self.images.values() if dataset_id in image.metadata.dataset_ids]

    # -- trainings -----------------------------------------------------------------------------------------------------

    def fail_next_training(self, reason: str) -> None:
        """Let the next submitted training end as failed, for this reason."""
        self._next_failure = reason

    def take_failure(self) -> str | None:
        """Return why the training that is submitted now is to fail, once."""
        reason, self._next_failure = self._next_failure, None
        return reason
