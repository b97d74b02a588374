"""Evaluations on the local backend: the core computes them from its labels and predictions."""

from __future__ import annotations

from dragoman.capability import Gap
from dragoman.interface import Evaluations


class LocalEvaluations(Evaluations):
    """Leaves evaluating to the core, and keeps no results."""

    _get = Gap.impossible("The local backend keeps no evaluations; each is computed anew.", instead="evaluate(...)")
