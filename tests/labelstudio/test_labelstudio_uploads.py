"""Uploads: names that say what a file is, and files that are fetched under names that can be had."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import httpx
import pytest
from labelstudio_said import ENDPOINT, LEGACY, client_of

import dragoman
from dragoman import InvalidData, Item
from dragoman.conformance.difficult import png
from dragoman_labelstudio.uploads import fetch, send


class Uploads:
    """Takes files, of which it keeps the names."""

    def __init__(self) -> None:
        self.names: list[str] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        if request.method == "POST":
            parts = request.read().split(b'filename="')[1:]
            self.names += [part.split(b'"')[0].decode() for part in parts]
            return httpx.Response(201, json={"file_upload_ids": list(range(len(self.names)))})
        return httpx.Response(200, json=[{"id": n, "file": f"upload/1/{name}"} for n, name in enumerate(self.names)])


@pytest.mark.parametrize(
    ("item", "suffix"),
    [
        (Item("frame", data=png(0)), ".png"),
        (Item("frame.0001", data=png(0)), ".png"),
        (Item("frame", data=b"\xff\xd8\xff\xe0"), ".jpg"),
        (Item("street/a.JPG", data=b"whatever"), ".jpg"),
        (Item("frame", data=b"whatever"), ""),
        (Item("film.MOV", data=png(0), media="video"), ".mov"),
    ],
)
def test_an_image_is_sent_under_a_name_that_says_what_it_is(item: Item, suffix: str) -> None:
    uploads = Uploads()
    send(client_of(uploads), "1", [item])
    (name,) = uploads.names
    assert Path(name).suffix == suffix


def pixels(request: httpx.Request) -> httpx.Response:
    return httpx.Response(200, content=request.url.path.encode())


def test_uploads_of_long_names_are_told_apart(tmp_path: Path) -> None:
    names = ["a" * 400 + ".png", "a" * 399 + "b.png", "a.png", "ü" * 90 + ".png"]
    files = [fetch(client_of(pixels), f"/data/upload/1/{name}", tmp_path) for name in names]
    assert len(set(files)) == 4
    assert all(file.suffix == ".png" and file.is_file() and file.parent == tmp_path for file in files)


def test_an_upload_is_fetched_once(tmp_path: Path) -> None:
    asked: list[Any] = []

    def answer(request: httpx.Request) -> httpx.Response:
        asked.append(request)
        return pixels(request)

    for _ in range(2):
        fetch(client_of(answer), f"/data/upload/1/{'a' * 400}.png", tmp_path)
    assert len(asked) == 1


@pytest.mark.parametrize("name", ["", ".", ".."])
def test_a_folder_of_uploads_is_none_of_them(tmp_path: Path, name: str) -> None:
    with pytest.raises(InvalidData, match="no address of an upload"):
        fetch(client_of(pixels), f"/data/upload/{name}", tmp_path)


def exporting(request: httpx.Request) -> httpx.Response:
    if request.method == "POST":
        return httpx.Response(201, json={"id": 3})
    return httpx.Response(204) if request.method == "DELETE" else httpx.Response(200, content=b"[]")


def test_an_export_is_there_after_the_backend_is_closed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    with dragoman.connect("labelstudio", endpoint=ENDPOINT, token=LEGACY) as backend:
        exported: Any = backend
        exported.client = client_of(exporting)
        file = Path(exported.labels.export("1"))
    assert file.read_bytes() == b"[]"
    assert file.is_relative_to(tmp_path)
