"""Metrics of items: a prediction's metadata become Labelbox's own rows beside it, and come back with it."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from dragoman import Box, InvalidData, Prediction
from dragoman.emulate import Live
from dragoman_labelbox.metrics import metrics_out

BOX = Box(1, 2, 3, 4)


def scored(metrics: Any, **fields: Any) -> Prediction:
    """A prediction with metrics."""
    return Prediction("a", "car", BOX, confidence=0.5, metadata={"metrics": metrics}, **fields)


@pytest.mark.parametrize(
    ("said", "value", "aggregation"),
    [
        (0.5, 0.5, "ARITHMETIC_MEAN"),
        (0, 0, "ARITHMETIC_MEAN"),
        ([1, 2, 3, 4], [1, 2, 3, 4], "CONFUSION_MATRIX"),
        ({"0.25": 3, "0.5": 2}, {"0.25": 3, "0.5": 2}, "ARITHMETIC_MEAN"),
        ({"0.25": [1, 0, 0, 0], "0.5": [0, 0, 0, 1]}, {"0.25": [1, 0, 0, 0], "0.5": [0, 0, 0, 1]}, "CONFUSION_MATRIX"),
        ({"value": 7, "aggregation": "SUM"}, 7, "SUM"),
    ],
)
def test_each_metric_is_a_row_of_its_item_and_feature(said: Any, value: Any, aggregation: str) -> None:
    (row,) = metrics_out(scored({"m": said}), "key")
    sent = msgspec.json.decode(msgspec.json.encode(row))
    assert len(sent.pop("uuid")) == 36
    assert sent == {
        "dataRow": {"globalKey": "key"},
        "metricName": "m",
        "metricValue": value,
        "featureName": "car",
        "aggregation": aggregation,
    }


@pytest.mark.parametrize(
    ("metrics", "reason"),
    [
        ({"m": -1}, "neither a number"),
        ({"m": 1e9}, "neither a number"),
        ({"m": True}, "neither a number"),
        ({"m": "0.5"}, "neither a number"),
        ({"m": None}, "neither a number"),
        ({"m": [1, 2, 3]}, "nor four counts"),
        ({"m": [1, 2, 3, -4]}, "nor four counts"),
        ({"m": [1, 2, 3, 0.5]}, "nor four counts"),
        ({"m": {"0.5": 1, "0.25": [1, 2, 3, 4]}}, "nor four counts"),
        ({"m": {"0.5": 1}}, "2 to 15 thresholds"),
        ({"m": {"low": 1, "high": 2}}, "thresholds between 0 and 1"),
        ({"m": {"0.5": 1, "1.5": 2}}, "thresholds between 0 and 1"),
        ({"m": {str(n / 20): 1 for n in range(16)}}, "2 to 15 thresholds"),
        ({"m": {"value": 1, "aggregation": "MEDIAN"}}, "aggregated by one of"),
        ({"m": {"value": [1, 2, 3, 4], "aggregation": "SUM"}}, "aggregated by one of"),
        ({" Precision": 1}, "computes one of that name itself"),
        ([1, 2], "no table of names"),
    ],
)
def test_what_labelbox_does_not_take_is_the_outcome_of_its_row(
    backend: Any, dataset: Any, version: Any, metrics: Any, reason: str
) -> None:
    with pytest.raises(InvalidData, match=reason):
        list(metrics_out(scored(metrics), "key"))
    good = Prediction("b", "car", BOX)
    report = backend.predictions.write([scored(metrics), good], version=version, dataset=dataset)
    assert [outcome.status for outcome in report] == ["rejected", "created"]
    assert reason in (next(report.problems()).reason or "")


def test_metrics_are_sent_once_and_read_back(backend: Any, dataset: Any, version: Any, emulated: Live[Any]) -> None:
    row = scored({"sharpness": 0.5, "matches": [1, 0, 0, 2]})
    assert backend.predictions.write([row], version=version, dataset=dataset).counts == {"created": 1}
    assert backend.predictions.write([row], version=version, dataset=dataset).counts == {"ignored": 1}
    held = emulated.state.runs[version.id].rows.values()
    stored = [msgspec.json.decode(one.raw) for each in held if each.predictions for one in each.predictions.rows]
    assert [one["metricName"] for one in stored if "metricName" in one] == ["sharpness", "matches"]
    (read,) = backend.predictions.read(version, dataset=dataset)
    assert (read.id, read.metadata) == (row.id, row.metadata)


def test_a_metric_that_the_platform_refuses_is_said(
    backend: Any, dataset: Any, version: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    from dragoman_labelbox.emulator import rows
    from dragoman_labelbox.emulator.answers import RowError

    def refuse(name: str, *_: Any) -> None:
        if name == "odd":
            raise RowError("InvalidAnnotation", "No odd metrics.")

    monkeypatch.setattr(rows, "check_metric", refuse)
    report = backend.predictions.write([scored({"odd": 1, "even": 2})], version=version, dataset=dataset)
    (outcome,) = report
    assert outcome.status == "rejected"
    assert outcome.reason == ("The annotation was taken; its metric 'odd' was not: InvalidAnnotation: No odd metrics.")
    assert len(list(backend.predictions.read(version, dataset=dataset))) == 1
