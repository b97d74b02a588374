"""Keyframes of one object and span are one stretch, and the earlier of two says what lies between them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from drawn_rows import comparable

from dragoman import Box, Feature, Item, Label, Ontology
from dragoman.formats.cvat import CvatReader, CvatWriter
from dragoman.formats.labelstudio import LabelStudioReader, LabelStudioWriter
from dragoman.schema.rows import Interpolation

VIDEO = Item("v", media="video", width=100, height=100, frames=10, frame_rate=25.0)
FORMATS = [
    pytest.param(CvatWriter, CvatReader, id="cvat"),
    pytest.param(LabelStudioWriter, LabelStudioReader, id="labelstudio"),
]


def keys(*kinds: Interpolation) -> list[Label]:
    """Keyframes of one sheep, four frames from each other."""
    return [
        Label("v", "sheep", Box(n, 0, 1, 1), frame=4 * n, span=(0, 9), interpolation=kind, track_id="t", id=f"at {n}")
        for n, kind in enumerate(kinds)
    ]


@pytest.mark.parametrize(
    "kinds",
    [("linear", "none"), ("linear", "hold", "none"), ("linear", "none", "linear"), ("none", "hold", "linear")],
)
@pytest.mark.parametrize(("writer", "reader"), FORMATS)
def test_they_are_one_track_and_come_back(
    tmp_path: Path, kinds: tuple[Interpolation, ...], writer: Any, reader: Any
) -> None:
    file = tmp_path / "annotations.xml" if writer is CvatWriter else tmp_path / "tasks.json"
    writer(file).write(Ontology(name="o", features=(Feature(name="sheep"),)), [VIDEO], iter(keys(*kinds)))

    text = file.read_text()
    assert text.count("<track ") + text.count('"videorectangle"') == 1
    assert comparable(reader(file).rows()) == comparable(keys(*kinds))
