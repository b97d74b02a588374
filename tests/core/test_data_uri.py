"""Images that pages show: put into them where they can be had, else left out."""

from __future__ import annotations

from pathlib import Path

import pytest

from dragoman.conformance.difficult import png
from dragoman.pages import data_uri


def test_a_file_is_put_into_the_page(tmp_path: Path) -> None:
    (tmp_path / "a b.png").write_bytes(png(1))

    for uri in (str(tmp_path / "a b.png"), (tmp_path / "a b.png").as_uri()):
        assert (data_uri(uri) or "").startswith("data:image/png;base64,")


@pytest.mark.parametrize(
    "uri", [None, "no.png", "n\0.png", "http://h/a b.png", "http://[h/a.png", "http://h:port/a.png", "page.html"]
)
def test_what_cannot_be_had_is_left_out(uri: str | None) -> None:
    assert data_uri(uri) is None
