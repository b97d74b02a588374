"""Media behind links: fetched and compared whole, by addresses of all kinds, or not at all."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from hashlib import sha256
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import msgspec
import pytest
from memory import MemoryAdapter, open_memory
from moving import ITEMS, SCOPE, items_of

from dragoman import InvalidData, Item, Migration
from dragoman.links import address, as_files

CONTENT = b"twelve bytes"


class _Handler(BaseHTTPRequestHandler):
    """Serves the same under any path; below `/short` and `/chunked` it breaks off."""

    def do_GET(self) -> None:
        self.send_response(200)
        if self.path.startswith("/chunked"):
            self.send_header("Transfer-Encoding", "chunked")
            self.end_headers()
            self.wfile.write(b"%x\r\n" % len(CONTENT) + CONTENT[:5])
        else:
            self.send_header("Content-Length", str(len(CONTENT)))
            self.end_headers()
            self.wfile.write(CONTENT[:5] if self.path.startswith("/short") else CONTENT)

    def log_message(self, format: str, *arguments: Any) -> None: ...


@pytest.fixture
def web() -> Iterator[str]:
    """Root of a web server."""
    with ThreadingHTTPServer(("127.0.0.1", 0), _Handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()


@pytest.mark.parametrize("path", ["/a.png", "/ü b.png", "/a%20b.png?sign=ü#part"])
def test_an_address_may_have_any_letters_and_blanks(web: str, path: str, tmp_path: Path) -> None:
    (item,) = as_files([Item("a", uri=web + path)], tmp_path)
    assert Path(item.uri or "").suffix == ".png"
    assert Path(item.uri or "").read_bytes() == CONTENT


@pytest.mark.parametrize("path", ["/short.png", "/chunked.png"])
def test_a_file_that_breaks_off_is_not_taken_for_a_whole_one(web: str, path: str, tmp_path: Path) -> None:
    with pytest.raises(InvalidData, match="cannot be fetched") as failure:
        as_files([Item("whole", uri=web), Item("half", uri=web + path)], tmp_path)
    assert failure.value.row == 1
    assert [file.read_bytes() for file in tmp_path.iterdir() if file.suffix != ".part"] == [CONTENT]


def test_an_address_that_is_none_has_the_position_of_its_item(tmp_path: Path) -> None:
    with pytest.raises(InvalidData, match="is no address") as failure:
        as_files([Item("a"), Item("b", uri="http://[::1/b.png")], tmp_path)
    assert failure.value.row == 1


def test_halves_of_a_file_are_not_the_same(web: str, source: MemoryAdapter, tmp_path: Path) -> None:
    held = items_of(source)
    digest = f"sha256:{sha256(CONTENT).hexdigest()}"
    for name, path in (("img-4", "/short.png"), ("img-5", "/whole.png")):
        held[name] = msgspec.structs.replace(held[name], uri=web + path, content_hash=digest)
    migration = Migration(source, open_memory(name="there"), SCOPE)
    plan = migration.plan()
    migration.apply(plan)

    verification = migration.verify(plan, media=True)

    assert verification.counts("media") == {"same": ITEMS - 1, "changed": 1}
    (difference,) = verification.differences
    assert "7 bytes are missing" in difference.detail


def test_a_host_may_have_any_letters() -> None:
    assert address("https://müller.example/ü") == "https://xn--mller-kva.example/%C3%BC"
    with pytest.raises(InvalidData, match="is no address"):
        address("https://ü..example/")
