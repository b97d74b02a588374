"""Watching calls: spans, measurements and recordings of what a backend was asked."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

import dragoman
from dragoman import AuthenticationError, NotFound, Unsupported
from dragoman.emulate import Answer, Live, running
from dragoman.observe import instrument, recording
from dragoman.plugins import installed


@pytest.fixture
def live() -> Iterator[Live[Any]]:
    with running(installed().platform("nucleus").load("emulator")()) as live:
        yield live


@pytest.fixture
def backend(live: Live[Any]) -> Iterator[Any]:
    with dragoman.connect("nucleus", endpoint=live.url, **live.credentials) as backend:
        backend.sleep = lambda seconds: None
        yield backend


@pytest.fixture
def seen() -> Iterator[tuple[InMemorySpanExporter, InMemoryMetricReader]]:
    spans, measured = InMemorySpanExporter(), InMemoryMetricReader()
    tracers = TracerProvider()
    tracers.add_span_processor(SimpleSpanProcessor(spans))
    plugin = instrument(tracer_provider=tracers, meter_provider=MeterProvider([measured]))
    yield spans, measured
    installed().hooks.unregister(plugin)


def test_a_call_is_a_span_and_a_measurement(backend: Any, live: Live[Any], seen: Any) -> None:
    spans, measured = seen
    live.faults.add(Answer(503))
    list(backend.datasets.list())

    (span,) = spans.get_finished_spans()
    assert span.name == "nucleus datasets.list"
    assert dict(span.attributes) == {
        "dragoman.platform": "nucleus",
        "dragoman.operation": "datasets.list",
        "dragoman.attempts": 2,
    }
    (scope,) = measured.get_metrics_data().resource_metrics[0].scope_metrics
    metrics = {metric.name: metric.data.data_points[0] for metric in scope.metrics}
    assert metrics["dragoman.call.attempts"].value == 2
    assert metrics["dragoman.call.duration"].sum > 0


def test_a_call_that_failed_says_how_and_holds_no_key(live: Live[Any], seen: Any) -> None:
    spans, _ = seen
    backend = dragoman.connect("nucleus", endpoint=live.url, api_key="wrong-key-0123456789")
    with backend, pytest.raises(AuthenticationError):
        list(backend.datasets.list())
    (span,) = spans.get_finished_spans()
    assert (span.status.is_ok, span.attributes["error.type"]) == (False, "authentication")
    assert "wrong-key" not in span.to_json()


def test_a_recording_has_a_line_for_each_call_and_no_key(backend: Any, live: Live[Any], tmp_path: Path) -> None:
    path = tmp_path / "calls.ndjson"
    with recording(path):
        backend.datasets.create("street")
        with pytest.raises(NotFound):
            backend.datasets.get("ds_none")
    list(backend.datasets.list())

    made, missed = map(json.loads, path.read_text().splitlines())
    assert (made["operation"], made["attempts"], "error" in made) == ("datasets.create", 1, False)
    assert missed["error"]["code"] == "not-found"
    assert live.credentials["api_key"] not in path.read_text()


def test_without_opentelemetry_the_way_out_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "opentelemetry", None)
    with pytest.raises(Unsupported, match="OpenTelemetry") as refusal:
        instrument()
    assert "dragoman[telemetry]" in (refusal.value.hint or "")
