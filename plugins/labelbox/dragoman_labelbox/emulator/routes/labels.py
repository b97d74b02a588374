"""Labels of projects: listing, changing and deleting them; reviews, benchmarks and scores.

The emulator has no editor, so labels come by import only, and none has versions.
"""

from __future__ import annotations

import re
from typing import Any

from dragoman_labelbox.emulator import wire
from dragoman_labelbox.emulator.graphql import Handler, Query, not_found
from dragoman_labelbox.emulator.objects import Review
from dragoman_labelbox.emulator.state import State

Json = dict[str, Any]

_IN_DATASETS = re.compile(r"id_in: \[([^\]]*)\]")
_BY_USER = re.compile(r"createdBy: \{id: \"([^\"]*)\"\}")
_SCORE = re.compile(r"netScore: (\w+)")


class Labels:
    """The handlers of this module."""

    def __init__(self, state: State) -> None:
        self._state = state

    def operations(self) -> dict[str, Handler]:
        return {
            "GetProjectLabelsPyApi": self.of_project,
            "GetLabelPyApi": lambda query: wire.label(self._state, *self._state.label(query.get("param_0"))[1:]),
            "updateLabelPyApi": self.update,
            "deleteLabelsPyApi": self.delete,
            "LabelCountPyApi": lambda query: {"labelCount": len(self._state.project(query.subject()).labels)},
            "GetLabelVersionsPyApi": lambda _: {"nodes": [], "nextCursor": None},
            "GetLabelVersionPyApi": lambda _: None,
            "CreateReviewPyApi": self.review,
            "updateReviewPyApi": self.update_review,
            "deleteReviewPyApi": self.delete_review,
            "ProjectReviewMetricsPyApi": self.review_metrics,
            "CreateBenchmarkPyApi": self.make_benchmark,
            "DeleteBenchmarkPyApi": self.delete_benchmark,
            "UpsertAutoQaLabelFeedbackPyApi": self.feedback,
            "GetWinningLabelIdPyApi": self.winner,
        }

    def of_project(self, query: Query) -> Json:
        project = self._state.project(query.subject())
        rows = project.labels
        if within := _IN_DATASETS.search(query.text):
            rows = {key: label for key, label in rows.items() if self._state.rows[key].dataset_id in within[1]}
        if (by := _BY_USER.search(query.text)) and by[1] != self._state.user.id:
            rows = {}
        return {"labels": query.paged(rows.items(), lambda held: wire.label(self._state, *held))}

    def update(self, query: Query) -> Json:
        _, row_id, label = self._state.label(query.get("LabelId"))
        label.text = query.variables.get("label", label.text)
        label.updated = self._state.clock.now()
        return wire.label(self._state, row_id, label)

    def delete(self, query: Query) -> list[Json]:
        wanted = dict.fromkeys(query.literals())
        for project, row_id, _ in [self._state.label(key) for key in wanted]:
            del project.labels[row_id]
        return [{"id": key} for key in wanted]

    def winner(self, query: Query) -> Json:
        """Answer with the one label of a data row in a project."""
        row = self._state.row(query.get("dataRowId"))
        label = self._state.project(query.get("projectId")).labels.get(row.id)
        return {"labelingActivity": {"selectedLabelId": label.id if label else None}}

    def feedback(self, query: Query) -> Json:
        label = self._state.label(query.get("labelId"))[2]
        label.feedback = query.get("feedback")
        label.scores |= {
            name: (label.scores[name][0] if name in label.scores else self._state.ids.new(), value)
            for name, value in query.get("scores").items()
        }
        scores = [{"id": key, "name": name, "score": value} for name, (key, value) in label.scores.items()]
        return {"id": label.id, "scores": scores}

    # -- reviews and benchmarks ---------------------------------------------------------------------------------------

    def review(self, query: Query) -> Json:
        # The SDK names the variables of related objects by the relation: `label`, `project`.
        label = self._state.label(query.get("label"))[2]
        made = Review(score=query.get("score"), **self._state.stamp())
        label.reviews[made.id] = made
        return wire.review(made)

    def update_review(self, query: Query) -> Json:
        key = query.get("ReviewId")
        review = self._state.reviewed(key)[2].reviews[key]
        review.score = query.variables.get("score", review.score)
        review.updated = self._state.clock.now()
        return wire.review(review)

    def delete_review(self, query: Query) -> Json:
        key = query.get("ReviewId")
        del self._state.reviewed(key)[2].reviews[key]
        return {"id": key}

    def review_metrics(self, query: Query) -> Json:
        """Count the labels of a project by the sign of the sum of their reviews' scores."""
        wanted = _SCORE.search(query.text)
        labels = self._state.project(query.subject()).labels.values()
        signs = [_sign(sum(review.score for review in label.reviews.values())) for label in labels if label.reviews]
        chosen = [sign for sign in signs if wanted is None or wanted[1] in ("None", sign)]
        return {"reviewMetrics": {"labelAggregate": {"count": len(chosen)}}}

    def make_benchmark(self, query: Query) -> Json:
        label = self._state.label(query.get("labelId"))[2]
        label.benchmarked = label.benchmarked or self._state.clock.now()
        return wire.benchmark(label)

    def delete_benchmark(self, query: Query) -> Json:
        label = self._state.label(query.get("labelId"))[2]
        if label.benchmarked is None:
            raise not_found("Benchmark of label", label.id)
        label.benchmarked = None
        return {"id": label.id}


def _sign(score: float) -> str:
    return "Positive" if score > 0 else "Negative" if score < 0 else "Zero"
