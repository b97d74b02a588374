"""The channel: who we are, how long we wait, how large a message may be, and what a broken stream leaves."""

from __future__ import annotations

import contextlib
import io
import socket
import threading
from collections.abc import Iterator
from datetime import timedelta
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

import dragoman
from dragoman import AuthenticationError, InvalidData, Item, OutcomeUnknown, Timeout, Unavailable
from dragoman.emulate import Answer, Delay, DropAfter, DropBefore, Live, ManualClock, SystemClock, running
from dragoman_viam.emulator import create
from dragoman_viam.uploads import FRAME


def count(live: Live[Any], end: str) -> int:
    """How often a method was called."""
    return sum(seen.path.endswith(end) for seen in live.journal.entries())


def connected(live: Live[Any], **settings: Any) -> Any:
    """A backend that does not wait between attempts."""
    backend = dragoman.connect("viam", endpoint=live.url, **live.credentials, **settings)
    backend.sleep = lambda seconds: None
    return backend


class TestTokens:
    def test_a_key_is_shown_once(self, backend: Any, emulated: Live[Any]) -> None:
        for _ in range(3):
            list(backend.datasets.list())
        assert count(emulated, "/Authenticate") == 1

    def test_an_expired_token_is_renewed_once_and_nobody_notices(self, backend: Any, emulated: Live[Any]) -> None:
        list(backend.datasets.list())
        emulated.state.revoke_tokens()
        assert list(backend.datasets.list()) == []
        assert backend.waited == []
        assert count(emulated, "/Authenticate") == 2

    def test_tokens_expire_by_the_clock(self) -> None:
        clock = ManualClock()
        with running(create(clock=clock)) as live, connected(live) as backend:
            list(backend.datasets.list())
            clock.advance(live.state.token_seconds + 1)
            list(backend.datasets.list())
            assert count(live, "/Authenticate") == 2

    def test_an_upload_begins_anew_with_the_new_token(
        self, backend: Any, dataset: Any, emulated: Live[Any], items: list[Item]
    ) -> None:
        emulated.state.revoke_tokens()
        image = backend.images.upload(items[0].uri, name="again.png", dataset=dataset.id)
        assert emulated.state.images[image].content.read() == Path(items[0].uri or "").read_bytes()
        assert len(emulated.state.images) == len(items) + 1

    def test_calls_in_flight_are_made_again(self, backend: Any, dataset: Any, emulated: Live[Any]) -> None:
        emulated.faults.add(Answer(16), path="*/CreateBinaryDataSignedURL", times=3)
        assert all(item.uri for item in backend.datasets.read_items(dataset))
        assert backend.waited == []

    def test_a_key_that_is_refused_stays_refused(self, backend: Any, emulated: Live[Any]) -> None:
        emulated.faults.add(Answer(16, body="expired"), path="*/ListDatasetsByOrganizationID", times=None)
        with pytest.raises(AuthenticationError, match="expired"):
            list(backend.datasets.list())
        assert count(emulated, "/ListDatasetsByOrganizationID") == 2


class TestLimits:
    def test_a_deadline_ends_a_call(self) -> None:
        with running(create(clock=ManualClock())) as live, connected(live, timeout=0.3) as backend:
            backend.workspace.organization  # noqa: B018 - looked up before the server becomes slow
            live.faults.add(Delay(3600), path="*/CreateDataset")
            with pytest.raises(OutcomeUnknown, match="DEADLINE_EXCEEDED"):
                backend.datasets.create("slow")
            live.faults.add(Delay(3600), path="*/ListDatasetsByIDs", times=None)
            with pytest.raises(Timeout):
                backend.datasets.get("any")
            live.emulation.clock.advance(7200)

    def test_a_message_that_the_server_does_not_take_is_refused_clearly(self, tmp_path: Path) -> None:
        large = tmp_path / "large.bin"
        large.write_bytes(bytes(FRAME))
        with running(create(message_bytes=FRAME // 2)) as live, connected(live) as backend:
            with pytest.raises(InvalidData, match="larger than max"):
                backend.images.upload(large, name="large.bin")
            assert live.state.images == {}

    def test_an_answer_that_we_do_not_take_is_refused_clearly(self, emulated: Live[Any], tmp_path: Path) -> None:
        with connected(emulated, message_mib=1) as backend:
            image = backend.images.upload(bytes(2 << 20), name="large.bin")
            with pytest.raises(InvalidData, match="larger than max") as refusal:
                backend.images.download(image, tmp_path / "out.bin")
            assert "message_mib" in (refusal.value.hint or "")

    def test_images_above_grpc_s_own_limit_come_through(self, backend: Any, tmp_path: Path) -> None:
        content = bytes(range(256)) * (6 << 12)
        image = backend.images.upload(content, name="large.bin")
        assert backend.images.download(image, tmp_path / "out.bin").read_bytes() == content

    def test_nobody_listens(self, emulated: Live[Any]) -> None:
        with dragoman.connect("viam", endpoint="http://127.0.0.1:9", **emulated.credentials) as backend:
            backend.sleep = lambda seconds: None
            with pytest.raises(Unavailable, match="cannot be reached"):
                list(backend.datasets.list())


class TestStreams:
    @pytest.mark.parametrize("message", [1, 2, 3])
    def test_a_stream_that_breaks_is_begun_anew_and_leaves_one_image(
        self, backend: Any, emulated: Live[Any], tmp_path: Path, message: int
    ) -> None:
        content = bytes(range(256)) * 3000
        path = tmp_path / "image.bin"
        path.write_bytes(content)
        dataset = backend.datasets.create("broken")
        emulated.faults.add(DropBefore(), path=f"*/FileUpload/messages/{message}")
        report = backend.datasets.write_items([Item("image.bin", uri=str(path))], dataset=dataset)
        assert dict(report.counts) == {"created": 1}
        (image,) = emulated.state.images.values()
        assert image.content.read() == content

    def test_a_lost_answer_leaves_one_image(self, backend: Any, emulated: Live[Any], items: list[Item]) -> None:
        dataset = backend.datasets.create("lost")
        emulated.faults.add(DropAfter(), path="*/FileUpload", skip=3)
        report = backend.datasets.write_items(items, dataset=dataset)
        assert dict(report.counts) == {"created": len(items)}
        assert len(emulated.state.images) == len(items)
        held = sorted(image.content.read() for image in emulated.state.images.values())
        assert held == sorted(Path(item.uri or "").read_bytes() for item in items)

    def test_answers_that_stay_lost_leave_rows_unknown_or_found(
        self, backend: Any, emulated: Live[Any], items: list[Item]
    ) -> None:
        dataset = backend.datasets.create("lost")
        emulated.faults.add(DropBefore(), path="*/FileUpload", times=None)
        with pytest.raises(Unavailable) as failure:
            backend.datasets.write_items(items, dataset=dataset)
        assert dict(failure.value.report.counts) == {"unknown": len(items)}

    def test_a_connection_that_is_cut_is_made_again(self, emulated: Live[Any], items: list[Item]) -> None:
        with cutting(int(emulated.url.rpartition(":")[2])) as (port, cut):
            backend = dragoman.connect("viam", endpoint=f"http://127.0.0.1:{port}", **emulated.credentials)
            backend.sleep = lambda seconds: None
            with backend:
                dataset = backend.datasets.create("cut")
                cut()
                report = backend.datasets.write_items(items, dataset=dataset)
                assert dict(report.counts) == {"created": len(items)}
        assert len(emulated.state.images) == len(items)

    def test_a_connection_that_is_cut_in_the_middle_of_an_upload_leaves_one_image(
        self, emulated: Live[Any], tmp_path: Path
    ) -> None:
        content = bytes(range(256)) * 8000
        path = tmp_path / "large.bin"
        path.write_bytes(content)
        with cutting(int(emulated.url.rpartition(":")[2]), after=len(content) // 2) as (port, _):
            backend = dragoman.connect("viam", endpoint=f"http://127.0.0.1:{port}", **emulated.credentials)
            waits: list[float] = []
            backend.sleep = waits.append
            with backend:
                dataset = backend.datasets.create("cut")
                report = backend.datasets.write_items([Item("large.bin", uri=str(path))], dataset=dataset)
        assert (dict(report.counts), len(waits)) == ({"created": 1}, 1)
        (image,) = emulated.state.images.values()
        assert image.content.read() == content

    def test_a_file_that_breaks_in_its_middle_leaves_nothing(self, backend: Any, emulated: Live[Any]) -> None:
        class Broken(io.BytesIO):
            def read(self, size: int | None = -1) -> bytes:
                if self.tell():
                    raise OSError("the disk is gone")
                return super().read(size)

        for _ in range(5):
            with pytest.raises(InvalidData, match="the disk is gone"):
                backend.images.upload(Broken(bytes(2 * FRAME)), name="broken.bin")
        assert emulated.state.images == {}

    def test_a_source_that_breaks_is_the_outcome_of_its_row(self, backend: Any, emulated: Live[Any]) -> None:
        dataset = backend.datasets.create("sources")
        gone = "http://127.0.0.1:9/gone.png"
        bad = [Item("s3", uri="s3://bucket/a.png"), Item("none"), Item("gone", uri=gone)]
        report = backend.datasets.write_items([Item("there.png", data=b"x"), *bad], dataset=dataset)
        assert [outcome.status for outcome in report] == ["created", "rejected", "rejected", "rejected"]
        assert all(problem.reason for problem in report.problems())
        assert len(emulated.state.images) == 1


class TestEncryption:
    def test_a_certificate_that_is_trusted_is_enough(self, tmp_path: Path) -> None:
        key, certificate = self_signed()
        roots = tmp_path / "roots.pem"
        roots.write_bytes(certificate)
        with running(create(certificate=(key, certificate))) as live:
            assert live.url.startswith("https://")
            with connected(live, tls_roots=roots) as backend:
                assert backend.datasets.get(backend.datasets.create("secret").id).name == "secret"

    def test_a_certificate_that_is_not_trusted_is_refused(self) -> None:
        with running(create(certificate=self_signed())) as live, connected(live) as backend:
            with pytest.raises(Unavailable):
                list(backend.datasets.list())
            assert live.journal.count == 0


def self_signed() -> tuple[bytes, bytes]:
    """A key and a certificate for 127.0.0.1, in PEM."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "emulator")])
    now = SystemClock().now()
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False)
        .sign(key, hashes.SHA256())
    )
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    return pem, certificate.public_bytes(Encoding.PEM)


@contextlib.contextmanager
def cutting(target: int, *, after: int | None = None) -> Iterator[tuple[int, Any]]:
    """A relay in front of a port; gives its own port, and a function that cuts all its connections.

    With `after`, it cuts them itself, once, when that many bytes have passed.
    """
    listener = socket.create_server(("127.0.0.1", 0))
    open_ones: list[socket.socket] = []
    passed = 0

    def pump(source: socket.socket, sink: socket.socket) -> None:
        nonlocal passed, after
        with contextlib.suppress(OSError):
            while data := source.recv(65536):
                sink.sendall(data)
                passed += len(data)
                if after is not None and passed > after:
                    after = None
                    cut()
        for end in (source, sink):
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)

    def accept() -> None:
        with contextlib.suppress(OSError):
            while True:
                client, _ = listener.accept()
                server = socket.create_connection(("127.0.0.1", target))
                open_ones.extend((client, server))
                for pair in ((client, server), (server, client)):
                    threading.Thread(target=pump, args=pair, daemon=True).start()

    def cut() -> None:
        for end in open_ones:
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)

    threading.Thread(target=accept, daemon=True).start()
    try:
        yield listener.getsockname()[1], cut
    finally:
        listener.close()
        cut()
        for end in open_ones:
            end.close()
