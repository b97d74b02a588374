"""What the conformance kit must know of servers of the protocol, whichever server it is."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import dragoman
from dragoman import Item, Version, conformance
from dragoman.conformance import Subject, overrides
from dragoman.emulate import Live
from dragoman.errors import NotFound


class OpenInference(Subject):
    platform = "openinference"
    probe = "models.list"
    # The probe asks for the repository's index; a server that does not know that path has no such extension.
    faults = {kind: action for kind, action in Subject.faults.items() if kind is not NotFound}

    def settings(self, live: Live[Any] | None, folder: Path) -> dict[str, Any]:
        assert live is not None
        return {"endpoint": live.url}


class Inference(OpenInference, conformance.BaseInference):
    @pytest.fixture
    def ready(self, backend: Any) -> Version:
        """The first version of the detector."""
        version: Version = next(iter(backend.versions.list("detector")))
        return version

    @pytest.fixture
    def items(self, tmp_path: Path) -> list[Item]:
        """Items to look at."""
        return [self.item(number, tmp_path) for number in range(3)]


class Secrets(OpenInference, conformance.BaseSecrets):
    @overrides("The protocol has no credentials; a token is for what may stand before a server.")
    def test_a_wrong_key_is_refused_and_not_shown(self, backend: Any, live: Live[Any]) -> None:
        token = "wrong-0123456789abcdef"
        with dragoman.connect("openinference", **self.settings(live, Path()), token=token) as other:
            assert token not in f"{other!r} {other.settings!r}"
            assert list(other.models.list()) == list(backend.models.list())
