"""Chunked uploads: the file arrives once and whole, whatever breaks on the way."""

from __future__ import annotations

import hashlib
import logging
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

import dragoman
from dragoman import InvalidData, NotFound, PlatformError
from dragoman.emulate import Answer, DropAfter, DropBefore, Live
from dragoman.schema import Version

CHUNK = 1000
SIZE = 4 * CHUNK + 321
CHUNKS = 5


@pytest.fixture
def sender(emulated: Live[Any]) -> Iterator[Any]:
    """A backend that sends small chunks and does not wait."""
    with dragoman.connect("synapse", endpoint=emulated.url, chunk_bytes=CHUNK, **emulated.credentials) as backend:
        backend.waited = []
        backend.sleep = backend.waited.append
        yield backend


@pytest.fixture
def version(sender: Any) -> Version:
    """A version without weights."""
    return sender.versions.create(sender.models.create("m", task="classification", features=["a"]), name="v")


@pytest.fixture
def weights(tmp_path: Path) -> Path:
    """A file of several chunks."""
    path = tmp_path / "weights.safetensors"
    path.write_bytes(os.urandom(SIZE))
    return path


def uploads(emulated: Live[Any]) -> list[Any]:
    """The uploads that the platform holds."""
    return list(emulated.state.uploads.held.values())


def sent(emulated: Live[Any]) -> list[tuple[str, int | None]]:
    """The requests of the upload, with what was answered."""
    return [(seen.method, seen.status) for seen in emulated.journal.entries() if "chunked_upload" in seen.path]


def assert_arrived(sender: Any, version: Version, weights: Path, emulated: Live[Any]) -> None:
    """The platform has the file, and one model entry that holds it."""
    back = sender.versions.download_weights(version, weights.with_name("back"))
    assert back.read_bytes() == weights.read_bytes()
    assert sum(model.file is not None for model in emulated.state.home.models.values()) == 1


def test_a_file_is_sent_in_chunks_and_checked(
    sender: Any, version: Version, weights: Path, emulated: Live[Any]
) -> None:
    assert sender.versions.upload_weights(version, weights).id == version.id
    assert sent(emulated) == [("PUT", 201), *[("PUT", 200)] * (CHUNKS - 1), ("POST", 200)]
    (upload,) = uploads(emulated)
    assert upload.checksum == hashlib.md5(weights.read_bytes()).hexdigest()
    assert upload.filename == weights.name
    assert_arrived(sender, version, weights, emulated)
    assert sender.uploads.orphans == []


@pytest.mark.parametrize("size", [1, CHUNK - 1, CHUNK, CHUNK + 1, 2 * CHUNK])
def test_every_size_arrives(sender: Any, version: Version, tmp_path: Path, emulated: Live[Any], size: int) -> None:
    path = tmp_path / 'a "quoted" näme.bin'
    path.write_bytes(os.urandom(size))
    sender.versions.upload_weights(version, path)
    assert_arrived(sender, version, path, emulated)


def test_an_empty_file_is_refused_before_anything_is_sent(
    sender: Any, version: Version, tmp_path: Path, emulated: Live[Any]
) -> None:
    (tmp_path / "empty").touch()
    with pytest.raises(InvalidData, match="is empty"):
        sender.versions.upload_weights(version, tmp_path / "empty")
    assert sent(emulated) == []


@pytest.mark.parametrize("drop", [DropBefore(), DropAfter()], ids=["before", "after"])
@pytest.mark.parametrize("chunk", range(1, CHUNKS))
def test_a_connection_that_drops_at_any_chunk_costs_that_chunk_at_most(
    sender: Any, version: Version, weights: Path, emulated: Live[Any], chunk: int, drop: Any
) -> None:
    emulated.faults.add(drop, method="PUT", path="/chunked_upload/*", skip=chunk)
    sender.versions.upload_weights(version, weights)
    assert_arrived(sender, version, weights, emulated)
    assert len(uploads(emulated)) == 1
    resent = isinstance(drop, DropBefore)
    assert [method for method, _ in sent(emulated)].count("PUT") == CHUNKS + resent


@pytest.mark.parametrize("fault", [DropBefore(), DropAfter(), Answer(503)])
def test_a_first_chunk_whose_answer_was_lost_is_sent_anew_and_reported(
    sender: Any, version: Version, weights: Path, emulated: Live[Any], fault: Any, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING, "dragoman.calls")
    emulated.faults.add(fault, method="PUT", path="/chunked_upload/")
    sender.versions.upload_weights(version, weights)
    assert_arrived(sender, version, weights, emulated)
    assert sender.uploads.orphans == [weights.name]
    assert weights.name in caplog.text
    assert sum(upload.stored is not None for upload in uploads(emulated)) == 1


@pytest.mark.parametrize("fault", [DropBefore(), DropAfter(), Answer(502)])
def test_a_lost_answer_to_the_last_request_is_asked_for(
    sender: Any, version: Version, weights: Path, emulated: Live[Any], fault: Any
) -> None:
    emulated.faults.add(fault, method="POST", path="/chunked_upload/*")
    sender.versions.upload_weights(version, weights)
    assert_arrived(sender, version, weights, emulated)
    done = [status for method, status in sent(emulated) if method == "POST"].count(200)
    assert done + isinstance(fault, DropAfter) == 1, "it is finished once"


def test_a_lost_answer_to_the_model_makes_no_second_one(
    sender: Any, version: Version, weights: Path, emulated: Live[Any]
) -> None:
    emulated.faults.add(DropAfter(), method="POST", path="/models/")
    sender.versions.upload_weights(version, weights)
    assert_arrived(sender, version, weights, emulated)
    assert [method for method, _ in sent(emulated)].count("PUT") == CHUNKS, "the file is not sent again"


def test_the_platform_s_own_count_of_bytes_decides(
    sender: Any, version: Version, weights: Path, emulated: Live[Any]
) -> None:
    def tell(arrived: int, total: int) -> None:
        if arrived == 2 * CHUNK:
            # The platform has lost half a chunk of what it had.
            (upload,) = uploads(emulated)
            upload.offset = CHUNK + 500
            upload.path.write_bytes(weights.read_bytes()[: upload.offset])

    sender.versions.store_weights(version.id, weights, tell)
    assert_arrived(sender, version, weights, emulated)


def test_an_upload_that_broke_off_goes_on_when_the_file_is_sent_again(
    sender: Any, version: Version, weights: Path, emulated: Live[Any]
) -> None:
    emulated.faults.add(DropBefore(), method="PUT", path="/chunked_upload/*", skip=3, times=None)
    with pytest.raises(PlatformError, match=f"{3 * CHUNK} of {SIZE} bytes have arrived") as stopped:
        sender.versions.upload_weights(version, weights)
    (upload,) = uploads(emulated)
    assert stopped.value.hint == f"The upload {upload.id} is left on Synapse until it expires; sending the file " + (
        "again goes on from there."
    )
    assert len(emulated.state.home.models) == 2, "nothing half-made"
    emulated.faults.clear()
    emulated.journal.clear()
    sender.versions.upload_weights(version, weights)
    assert [method for method, _ in sent(emulated)] == ["GET", "PUT", "PUT", "POST"]
    assert_arrived(sender, version, weights, emulated)


def test_first_chunks_that_are_never_answered_are_all_reported(
    sender: Any, version: Version, weights: Path, emulated: Live[Any]
) -> None:
    emulated.faults.add(DropAfter(), method="PUT", times=None)
    with pytest.raises(PlatformError, match="0 of 4321 bytes") as stopped:
        sender.versions.upload_weights(version, weights)
    assert "a first chunk is left" in str(stopped.value.hint)
    assert sender.uploads.orphans == [weights.name] * len(uploads(emulated)) == [weights.name] * 5


def test_progress_is_told_after_every_chunk(sender: Any, version: Version, weights: Path, emulated: Live[Any]) -> None:
    seen: list[tuple[int, int]] = []
    emulated.faults.add(DropAfter(), method="PUT", path="/chunked_upload/*", skip=2)
    sender.versions.store_weights(version.id, weights, lambda arrived, total: seen.append((arrived, total)))
    assert [arrived for arrived, _ in seen] == [CHUNK, 2 * CHUNK, 3 * CHUNK, 4 * CHUNK, SIZE]
    assert {total for _, total in seen} == {SIZE}


class TestRefusals:
    """One clear error each; no model is made, and what is left is reported."""

    def assert_nothing_made(self, sender: Any, emulated: Live[Any], *, left: int = 1) -> None:
        """No file became a model, and all uploads that are left are reported."""
        assert all(model.file is None for model in emulated.state.home.models.values())
        assert len(sender.uploads.orphans) == left
        assert set(sender.uploads.orphans) == {upload.id for upload in uploads(emulated)} or left == 0

    def damage(self, emulated: Live[Any], change: Callable[[bytes], bytes]) -> Callable[[int, int], None]:
        """Let the platform's disk change what has arrived, once."""

        def tell(arrived: int, total: int) -> None:
            (upload,) = uploads(emulated)
            if arrived == CHUNK:
                upload.path.write_bytes(change(upload.path.read_bytes()))

        return tell

    @pytest.mark.parametrize(
        "change",
        [lambda content: bytes([content[0] ^ 1]) + content[1:], lambda content: content[:-1]],
        ids=["corrupt", "truncated"],
    )
    def test_a_chunk_that_arrives_damaged(
        self, sender: Any, version: Version, weights: Path, emulated: Live[Any], change: Callable[[bytes], bytes]
    ) -> None:
        with pytest.raises(InvalidData, match="md5 checksum does not match") as refusal:
            sender.versions.store_weights(version.id, weights, self.damage(emulated, change))
        assert "nothing was made of it" in str(refusal.value.hint)
        self.assert_nothing_made(sender, emulated)

    def test_a_body_that_is_too_large(self, sender: Any, version: Version, weights: Path, emulated: Live[Any]) -> None:
        emulated.state.home.body_limit = 500
        with pytest.raises(InvalidData, match="413"):
            sender.versions.upload_weights(version, weights)
        self.assert_nothing_made(sender, emulated, left=0)

    def test_an_upload_that_expired(self, sender: Any, version: Version, weights: Path, emulated: Live[Any]) -> None:
        def tell(arrived: int, total: int) -> None:
            emulated.state.home.upload_seconds = -1.0

        with pytest.raises(NotFound, match="expired"):
            sender.versions.store_weights(version.id, weights, tell)
        emulated.state.home.upload_seconds = 1000.0
        sender.versions.upload_weights(version, weights)
        assert_arrived(sender, version, weights, emulated)

    def test_a_file_that_changes_while_it_is_sent(
        self, sender: Any, version: Version, weights: Path, emulated: Live[Any]
    ) -> None:
        def tell(arrived: int, total: int) -> None:
            if arrived == 2 * CHUNK:
                weights.write_bytes(os.urandom(SIZE))

        with pytest.raises(InvalidData, match="was changed"):
            sender.versions.store_weights(version.id, weights, tell)
        self.assert_nothing_made(sender, emulated)

    def test_a_model_that_is_refused(self, sender: Any, version: Version, weights: Path, emulated: Live[Any]) -> None:
        emulated.faults.add(Answer(400, body='{"name": ["Too long."]}'), method="POST", path="/models/")
        with pytest.raises(InvalidData, match="Too long") as refusal:
            sender.versions.upload_weights(version, weights)
        assert refusal.value.field == "name"
        emulated.journal.clear()
        sender.versions.upload_weights(version, weights)
        assert sent(emulated) == [], "the file is there already"
        assert_arrived(sender, version, weights, emulated)

    def test_an_answer_without_an_offset(
        self, sender: Any, version: Version, weights: Path, emulated: Live[Any]
    ) -> None:
        emulated.faults.add(Answer(201, body='{"id": "x", "url": "/chunked_upload/x/"}'), method="PUT")
        with pytest.raises(PlatformError, match="offset"):
            sender.versions.upload_weights(version, weights)

    def test_an_offset_beyond_what_was_sent(
        self, sender: Any, version: Version, weights: Path, emulated: Live[Any]
    ) -> None:
        body = '{"id": "x", "url": "/chunked_upload/x/", "offset": 99999}'
        emulated.faults.add(Answer(201, body=body), method="PUT")
        with pytest.raises(PlatformError, match="99999 bytes have arrived of 1000"):
            sender.versions.upload_weights(version, weights)


def test_new_weights_take_the_place_of_the_old_ones(
    sender: Any, version: Version, weights: Path, emulated: Live[Any], tmp_path: Path
) -> None:
    sender.versions.upload_weights(version, weights)
    other = tmp_path / "other"
    other.write_bytes(b"better")
    sender.versions.upload_weights(version, other)
    assert_arrived(sender, version, other, emulated)


def test_weights_go_with_their_version(sender: Any, version: Version, weights: Path, emulated: Live[Any]) -> None:
    sender.versions.upload_weights(version, weights)
    sender.versions.delete(version)
    assert [model.name for model in emulated.state.home.models.values()] == ["m"]
    assert not any(stored.name == weights.name for stored in emulated.state.media.files.values())
