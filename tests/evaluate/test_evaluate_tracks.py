"""Tracks over the frames of videos."""

from __future__ import annotations

import sys
from pathlib import Path

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


def test_false_tracks_on_a_labelled_video_count_though_it_lacks_their_feature() -> None:
    truth = [*TRUTH, *(Label("w", "walker", Box(n, 0, 40, 40), frame=n, track_id="1") for n in range(10))]
    said = [Prediction(row.item, row.feature, row.geometry, frame=row.frame, track_id=row.track_id) for row in truth]
    false = [Prediction("w", "car", Box(200, 0, 40, 40), frame=n, track_id="2") for n in range(10)]

    metrics, per_feature = evaluate_tracks(Tracks(truth), Tracks([*said, *false]))

    assert per_feature["walker"]["MOTA"] == 1.0
    assert per_feature["car"]["MOTA"] == 0.0
    assert metrics["MOTA"] == 0.5


def test_tracks_on_other_videos_and_of_other_features_count_for_nothing() -> None:
    said = moving(Prediction, ["a"] * 10)
    others = [
        Prediction(item, feature, row.geometry, frame=row.frame, track_id="b")
        for item, feature in (("w", "car"), ("v", "walker"))
        for row in said
    ]

    assert evaluate_tracks(Tracks(TRUTH), Tracks(others + said)) == evaluate_tracks(Tracks(TRUTH), Tracks(said))


def test_a_crowd_is_nobodys_to_find() -> None:
    crowd = {"coco": {"iscrowd": 1}}
    crowds = [Label("v", "car", Box(100, 0, 80, 80), frame=n, track_id="c", metadata=crowd) for n in range(10)]
    said = moving(Prediction, ["a"] * 10)
    inside = [Prediction("v", "car", Box(110 + n, 10, 20, 20), frame=n, track_id="b") for n in range(10)]
    outside = [Prediction("v", "car", Box(300, 10, 20, 20), frame=n, track_id="b") for n in range(5)]

    truth = Tracks([*TRUTH, *crowds])
    assert evaluate_tracks(truth, Tracks(said)) == evaluate_tracks(Tracks(TRUTH), Tracks(said))
    assert evaluate_tracks(truth, Tracks(said + inside))[0]["MOTA"] == 1.0
    assert evaluate_tracks(truth, Tracks(said + outside))[0]["MOTA"] == 0.5


def test_a_label_before_a_crowd_is_found_all_the_same() -> None:
    crowd = Label("v", "car", Box(0, 0, 200, 200), frame=0, metadata={"coco": {"iscrowd": 1}})

    assert evaluate_tracks(Tracks([*TRUTH, crowd]), Tracks(moving(Prediction, ["a"] * 10)))[0]["MOTA"] == 1.0


def test_what_trackeval_prints_of_itself_is_not_shown(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "trackeval").mkdir()
    (tmp_path / "trackeval" / "__init__.py").write_text("print('Error importing')\nraise ImportError('tabulate')")
    monkeypatch.syspath_prepend(tmp_path)
    for name in [name for name in sys.modules if name.partition(".")[0] == "trackeval"]:
        monkeypatch.delitem(sys.modules, name)
    with pytest.raises(Unsupported, match="TrackEval"):
        evaluate_tracks(Tracks(TRUTH), Tracks())

    shown = capsys.readouterr()
    assert (shown.out, shown.err) == ("", "")


def test_without_trackeval_the_way_out_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "trackeval.metrics", None)
    with pytest.raises(Unsupported, match="TrackEval") as refusal:
        evaluate_tracks(Tracks(TRUTH), Tracks())
    assert "dragoman[tracking]" in (refusal.value.hint or "")
