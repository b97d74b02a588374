"""Tracks over the frames of videos."""

from __future__ import annotations

import sys

import pytest

from dragoman import Box, Label, Prediction, Unsupported
from dragoman.evaluate.tracking import Tracks, evaluate_tracks

pytest.importorskip("trackeval", reason="TrackEval is an extra of its own")


def moving(kind: type, names: list[str | None], **more: object) -> list:
    """An object that moves one pixel a frame, under a name on each frame."""
    return [kind("v", "car", Box(n, 0, 40, 40), frame=n, track_id=name, **more) for n, name in enumerate(names)]


TRUTH = moving(Label, ["1"] * 10)


def test_a_track_that_is_kept_is_perfect() -> None:
    metrics, per_feature = evaluate_tracks(Tracks(TRUTH), Tracks(moving(Prediction, ["a"] * 10, confidence=0.5)))

    assert metrics == pytest.approx({"HOTA": 1, "DetA": 1, "AssA": 1, "MOTA": 1, "MOTP": 1, "IDF1": 1})
    assert per_feature == {"car": metrics}


def test_a_track_that_breaks_in_the_middle_costs_its_association() -> None:
    metrics, _ = evaluate_tracks(Tracks(TRUTH), Tracks(moving(Prediction, ["a"] * 5 + ["b"] * 5, confidence=0.5)))

    # Each half is associated with the whole by half; one switch among ten.
    assert metrics["DetA"] == pytest.approx(1)
    assert metrics["AssA"] == pytest.approx(0.5)
    assert metrics["HOTA"] == pytest.approx(0.5**0.5)
    assert metrics["MOTA"] == pytest.approx(0.9)
    assert metrics["IDF1"] == pytest.approx(0.5)


def test_rows_without_a_track_or_a_frame_take_no_part() -> None:
    rows = [*TRUTH, Label("v", "car", Box(0, 0, 9, 9), frame=1), Label("v", "car", Box(0, 0, 9, 9), track_id="x")]

    assert Tracks(rows).sequences == Tracks(TRUTH).sequences


def test_nothing_found_is_nothing() -> None:
    metrics, _ = evaluate_tracks(Tracks(TRUTH), Tracks())

    assert {metrics[name] for name in ("HOTA", "MOTA", "IDF1")} == {0.0}


def test_without_trackeval_the_way_out_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "trackeval.metrics", None)
    with pytest.raises(Unsupported, match="TrackEval") as refusal:
        evaluate_tracks(Tracks(TRUTH), Tracks())
    assert "dragoman[tracking]" in (refusal.value.hint or "")
