"""Watching calls, as plugins of the hooks: spans and metrics for OpenTelemetry, and recordings for bug reports."""

from dragoman.observe.recorder import Recorder, recording
from dragoman.observe.telemetry import Telemetry, instrument

__all__ = ["Recorder", "Telemetry", "instrument", "recording"]
