"""Evaluations on the local backend: computed by the core, and kept in the state as they were then."""

from __future__ import annotations

from dragoman.interface import Evaluations
from dragoman.schema import Evaluation
from dragoman_local.home import home_of


class LocalEvaluations(Evaluations):
    """Leaves evaluating to the core, and keeps the results."""

    def _keep(self, evaluation: Evaluation) -> Evaluation:
        return home_of(self).evaluations.add(evaluation)

    def _get(self, evaluation: str) -> Evaluation:
        return home_of(self).evaluations.get(evaluation)
