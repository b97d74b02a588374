"""Every call of every backend as a span and a measurement of OpenTelemetry.

A bulk write is one call for each batch, and never one for each row. Names follow OpenTelemetry's conventions for
clients: https://opentelemetry.io/docs/specs/semconv/
"""

from __future__ import annotations

from typing import Any

from dragoman.calls.pipeline import Call
from dragoman.errors import Unsupported
from dragoman.hookspecs import hookimpl
from dragoman.plugins import installed

NAME = "dragoman"


class Telemetry:
    """A plugin that makes a span of each call, and measures how long it took and how often it was tried.

    Args:
        tracer: An OpenTelemetry tracer.
        meter: An OpenTelemetry meter.
    """

    def __init__(self, tracer: Any, meter: Any) -> None:
        self._tracer = tracer
        self._spans: dict[int, Any] = {}
        self._duration = meter.create_histogram("dragoman.call.duration", "s", "Duration of calls, retries included.")
        self._attempts = meter.create_counter("dragoman.call.attempts", "{attempt}", "Attempts of calls.")

    @hookimpl
    def dragoman_before_call(self, call: Call) -> None:
        """Begin the span."""
        from opentelemetry.trace import SpanKind

        attributes = {"dragoman.platform": call.platform, "dragoman.operation": str(call.operation)}
        self._spans[id(call)] = self._tracer.start_span(
            f"{call.platform} {call.operation}", kind=SpanKind.CLIENT, attributes=attributes
        )

    @hookimpl
    def dragoman_after_call(self, call: Call) -> None:
        """End the span and record the measurements."""
        from opentelemetry.trace import StatusCode

        attributes = {"dragoman.platform": call.platform, "dragoman.operation": str(call.operation)}
        span = self._spans.pop(id(call), None)
        if call.error is not None:
            attributes["error.type"] = call.error.code
        if span is not None:
            span.set_attribute("dragoman.attempts", call.attempts)
            if call.error is not None:
                span.set_attribute("error.type", call.error.code)
                # The message of one of our errors holds no secret.
                span.set_status(StatusCode.ERROR, call.error.message)
            span.end()
        self._duration.record(call.seconds or 0.0, attributes)
        self._attempts.add(call.attempts, attributes)


def instrument(*, tracer_provider: Any = None, meter_provider: Any = None) -> Telemetry:
    """Watch all backends that are opened from now on, until the plugin that is returned is unregistered.

    Args:
        tracer_provider: Where spans go; OpenTelemetry's global provider if not given.
        meter_provider: Where measurements go; likewise.

    Raises:
        Unsupported: OpenTelemetry is not installed.
    """
    try:
        from opentelemetry import metrics, trace
    except ImportError as error:
        raise Unsupported("Spans need OpenTelemetry.", hint="pip install 'dragoman[telemetry]'") from error
    made = Telemetry(
        trace.get_tracer(NAME, tracer_provider=tracer_provider), metrics.get_meter(NAME, meter_provider=meter_provider)
    )
    installed().hooks.register(made)
    return made
