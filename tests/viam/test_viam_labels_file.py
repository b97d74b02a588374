"""A model knows the labels that its archive lists, however that was packed and its lines end."""

from __future__ import annotations

import gzip
import io
import tarfile
from typing import Any

import pytest

from dragoman.conformance.difficult import png


def packed(content: bytes, name: str = "labels.txt") -> bytes:
    """An archive with one file."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as archive:
        entry = tarfile.TarInfo(name)
        entry.size = len(content)
        archive.addfile(entry, io.BytesIO(content))
    return buffer.getvalue()


@pytest.mark.parametrize(
    ("archive", "classes"),
    [
        (packed(b"car\ndog"), 2),
        (packed(b"car\ndog\n"), 2),
        (packed(b"car\r\ndog\r\n"), 2),
        (packed(b"car\n", "./labels.txt"), 1),
        # Without a list that can be read, all labels in use are known.
        (packed(b"\xff\xfe"), 3),
        (packed(b"car\ndog")[:12] + b"\xff" * 40, 3),
        (gzip.compress(b"no archive"), 3),
    ],
    # Named, since an archive has the time of its making in it.
    ids=["two", "ended line", "windows", "in a folder", "no text", "broken", "no archive"],
)
def test_labels_are_the_lines_of_their_file(backend: Any, tmp_path: Any, archive: bytes, classes: int) -> None:
    path = tmp_path / "model.tar.gz"
    path.write_bytes(archive)
    package = backend.packages.upload(
        "model", path, version="1", kind="ml_model", metadata={"model_framework": "tflite"}
    )
    image = backend.images.upload(png(1), name="a.png", tags=["car", "dog", "cat"])
    answer = backend.wire.call(
        "inference.GetInference",
        organization_id=backend.workspace.organization,
        registry_item_id=package.replace("/", ":"),
        registry_item_version="1",
        binary_data_id=image,
    )
    assert list(answer.output_tensors.tensors["probability"].shape) == [1, classes]
