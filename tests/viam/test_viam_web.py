"""Images and packages that lie on some web server: addresses of all kinds, and answers that break off."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from dragoman import Item, Unavailable
from dragoman.conformance.difficult import HEIGHT, WIDTH, png
from dragoman_viam.downloads import fetch


class _Handler(BaseHTTPRequestHandler):
    """Serves an image under any path; below `/short` and `/chunked` it breaks off."""

    def do_GET(self) -> None:
        self.server.asked.append(self.path)  # type: ignore[attr-defined]
        content = png(1)
        self.send_response(200)
        if self.path.startswith("/chunked"):
            self.send_header("Transfer-Encoding", "chunked")
            self.end_headers()
            self.wfile.write(b"%x\r\n" % len(content) + content[:9])
        else:
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content[:9] if self.path.startswith("/short") else content)

    def log_message(self, format: str, *arguments: Any) -> None: ...


@pytest.fixture
def web() -> Iterator[Any]:
    """A web server; `asked` has the paths that it was asked for."""
    with ThreadingHTTPServer(("127.0.0.1", 0), _Handler) as server:
        server.asked = []  # type: ignore[attr-defined]
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()


def at(web: Any, path: str) -> str:
    return f"http://127.0.0.1:{web.server_port}{path}"


class TestItems:
    def test_an_address_may_have_any_letters_and_blanks(self, backend: Any, web: Any) -> None:
        dataset = backend.datasets.create("street")
        rows = [Item(path, uri=at(web, path)) for path in ("/Höhe.png", "/a b.png", "/a%20b.png?sign=ü%2F+&x=1#part")]
        backend.datasets.write_items(rows, dataset=dataset).raise_for_problems()
        assert sorted(web.asked) == ["/H%C3%B6he.png", "/a%20b.png", "/a%20b.png?sign=%C3%BC%2F+&x=1"]
        assert {(item.width, item.height) for item in backend.datasets.read_items(dataset)} == {(WIDTH, HEIGHT)}

    @pytest.mark.parametrize(
        "uri", ["http://127.0.0.1:none/x.png", "http://[::1/x.png", "http:///x.png", "http://h:99999/x.png", "//[x"]
    )
    def test_one_that_is_none_is_rejected_alone(self, backend: Any, items: list[Item], uri: str) -> None:
        dataset = backend.datasets.create("street")
        report = backend.datasets.write_items([items[0], Item("bad", uri=uri), items[1]], dataset=dataset)
        assert [problem.key for problem in report.problems()] == ["bad"]
        assert dict(report.counts) == {"created": 2, "rejected": 1}

    @pytest.mark.parametrize("path", ["/short.png", "/chunked.png"])
    def test_half_an_image_is_not_kept(self, backend: Any, items: list[Item], web: Any, path: str) -> None:
        dataset = backend.datasets.create("street")
        report = backend.datasets.write_items([items[0], Item("half", uri=at(web, path))], dataset=dataset)
        assert dict(report.counts) == {"created": 1, "rejected": 1}
        assert [item.key for item in backend.datasets.read_items(dataset)] == [items[0].key]
        assert backend.images.count() == 1


@pytest.mark.parametrize("path", ["/short.png", "/chunked.png"])
def test_half_an_image_is_not_uploaded_alone_either(backend: Any, web: Any, path: str) -> None:
    with pytest.raises(Unavailable, match="broke"):
        backend.images.upload(at(web, path), name="half.png")
    assert backend.images.count() == 0


def test_half_a_download_leaves_no_file(backend: Any, web: Any, tmp_path: Path) -> None:
    with pytest.raises(ConnectionError, match="bytes are missing"):
        fetch(at(web, "/short.tar.gz"), tmp_path / "package", backend.settings)
    assert list(tmp_path.iterdir()) == []
