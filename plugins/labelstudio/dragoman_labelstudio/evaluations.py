"""Evaluations: the core computes them from the labels and predictions of a project."""

from __future__ import annotations

from dragoman.capability import Gap
from dragoman.interface import Evaluations


class LabelStudioEvaluations(Evaluations):
    """None that Label Studio keeps."""

    _get = Gap.impossible("Label Studio keeps no evaluations.", instead="evaluations.evaluate")
