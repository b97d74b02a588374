"""Kit tests of failure: every kind of error is bound to ours, waits are asked for and kept, secrets stay inside."""

from __future__ import annotations

import logging
from typing import Any

import pytest

from dragoman.adapter import Adapter
from dragoman.conformance.rules import Kit
from dragoman.connecting import connect
from dragoman.emulate import DropBefore, Live
from dragoman.errors import AuthenticationError, DragomanError, RateLimited, Unavailable


class BaseFailures(Kit):
    """What a user sees when the platform fails. It needs an emulator that can be told to."""

    def test_every_kind_of_failure_is_one_of_our_errors(
        self, backend: Adapter, live: Live[Any] | None, request: Any
    ) -> None:
        for kind, action in request.instance.faults.items():
            with_fault(live, action)
            with pytest.raises(kind) as caught:
                probe(backend, request)
            assert (caught.value.platform, caught.value.operation) == (backend.name, request.instance.probe), kind
            assert caught.value.message, kind
            assert caught.value.__cause__ is not None, f"{kind.__name__} keeps no cause"
            assert live is not None
            live.faults.clear()

    def test_a_passing_failure_is_not_seen(self, backend: Adapter, live: Live[Any] | None, request: Any) -> None:
        for action in (request.instance.faults[Unavailable], DropBefore()):
            with_fault(live, action, times=1)
            probe(backend, request)
        assert len(backend.slept) == 2  # type: ignore[attr-defined]

    def test_a_wait_that_is_asked_for_is_kept(self, backend: Adapter, live: Live[Any] | None, request: Any) -> None:
        if RateLimited not in request.instance.faults:
            pytest.skip("the platform has no rate limit to speak of")
        with_fault(live, request.instance.faults[RateLimited], times=1)
        probe(backend, request)
        assert backend.slept == [3.0]  # type: ignore[attr-defined]


class BaseSecrets(Kit):
    """The credentials are in no error, log, repr or setting."""

    def test_a_wrong_key_is_refused_and_not_shown(
        self, live: Live[Any] | None, request: Any, tmp_path: Any, caplog: pytest.LogCaptureFixture
    ) -> None:
        if live is None:
            pytest.skip("there are no credentials")
        settings = request.instance.settings(live, tmp_path) | self.wrong_credentials(live)
        secrets = [str(value) for name, value in settings.items() if name in live.credentials]
        caplog.set_level(logging.DEBUG)
        with connect(request.instance.platform, **settings) as backend:
            with pytest.raises(AuthenticationError) as refusal:
                probe(backend, request)
            shown = [str(refusal.value), repr(refusal.value), repr(backend), repr(backend.settings), caplog.text]
            cause: BaseException | None = refusal.value.__cause__
            while cause is not None:
                shown += [str(cause), repr(cause)]
                cause = cause.__cause__ or cause.__context__
        for secret in secrets:
            assert not [text for text in shown if secret in text], "a credential is shown"

    def wrong_credentials(self, live: Live[Any]) -> dict[str, Any]:
        """Return credentials of the right form that the platform does not accept."""
        return dict.fromkeys(live.credentials, "wrong-0123456789abcdef")

    def test_right_credentials_are_not_shown_either(
        self, backend: Adapter, live: Live[Any] | None, request: Any, caplog: pytest.LogCaptureFixture
    ) -> None:
        if live is None:
            pytest.skip("there are no credentials")
        caplog.set_level(logging.DEBUG)
        shown = [repr(backend), repr(backend.settings)]
        for action in request.instance.faults.values():
            with_fault(live, action)
            with pytest.raises(DragomanError) as caught:
                probe(backend, request)
            shown += [str(caught.value), repr(caught.value.__cause__), str(caught.value.to_dict())]
            live.faults.clear()
        for secret in live.credentials.values():
            assert not [text for text in (*shown, caplog.text) if secret in text], "a credential is shown"


def probe(backend: Adapter, request: Any) -> None:
    """Ask for the listing that the subject names."""
    facet, _, operation = request.instance.probe.partition(".")
    list(getattr(getattr(backend, facet), operation)())


def with_fault(live: Live[Any] | None, action: Any, *, times: int | None = None) -> None:
    """Tell the emulator to fail."""
    if live is None:
        pytest.skip("there is no emulator to fail")
    live.faults.add(action, times=times)
