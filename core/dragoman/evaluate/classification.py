"""Classification: how often the class that is said is the class that is there.

A class is a feature, or a feature and what it is answered with: an option (`weather/fog`), or all that are ticked of a
checklist (`weather/fog + rain`); what follows from an option is no part of it. Free text and numbers are no classes.

Where rows answer questions, each question on an item, or frame, is evaluated by itself; without answers the item as a
whole is. The most confident prediction is what is said of it, and a label of another class is wrong, as is one without
a prediction.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from hotcoco import metrics as measures

from dragoman.errors import InvalidData
from dragoman.evaluate.ids import Ids
from dragoman.evaluate.index import Floats, Index, Integers, item_of
from dragoman.schema import Checklist, Label, Prediction, Radio, Whole

BINS = 10
TOP = (3, 5)
"""How many of the most confident classes count as said in `top3` and `top5`, where there are more classes than that."""
NOTHING = "nothing"
"""What is said of an item without a prediction."""
TOGETHER = 1 << 16
"""Scores that are put into their table in one go."""


@dataclass(frozen=True)
class Classification:
    """The classes of items, and what was said of them.

    Args:
        names: The classes that labels have, and those that are said of what has a label.
        questions: Number of the question that each class answers, shape (names,); classes without answers share one.
        there: Class of each label, shape (labels,).
        said: Class of the most confident prediction on its item or question, `len(names)` for none, shape (labels,).
        confidence: Its confidence, shape (labels,).
        scores: Confidence in each class, shape (labels, names); 0 where nothing was said of it.
        items: Item of each label, with its frame if it has one.
        skipped: Predictions with a shape, free text or a number, which are not evaluated here.
        predictions: How many predictions there were.
    """

    names: list[str]
    questions: Integers
    there: Integers
    said: Integers
    confidence: Floats
    scores: Floats
    items: list[Any]
    skipped: int
    predictions: int

    def metrics(self) -> dict[str, float]:
        """Return accuracy, also of the best three and five, macro precision, recall, F1 and ROC AUC, and calibration.

        `top3` and `top5` are of questions with more classes than that, `AUC` of classes with predictions both on their
        own items and on others of the question. `ECE` is the expected calibration error in ten bins (Guo et al. 2017,
        https://arxiv.org/abs/1706.04599), and needs a prediction. What there is nothing for is left out.
        """
        right, sure = self.there == self.said, self.said < len(self.names)
        found = {"accuracy": float(right.mean())}
        rank = _rank(self.scores, self.there, right)
        classes = np.bincount(self.questions)[self.questions[self.there]]
        found |= {f"top{most}": float(np.mean(rank[classes > most] < most)) for most in TOP if (classes > most).any()}
        by_class = list(self.per_feature().values())
        for name in ("precision", "recall", "F1"):
            found[name] = float(np.mean([values[name] for values in by_class]))
        if areas := [values["AUC"] for values in by_class if "AUC" in values]:
            found["AUC"] = float(np.mean(areas))
        if sure.any():
            found["ECE"] = float(measures.calibration_error(self.confidence[sure], right[sure], BINS)[0])
        return found

    def per_feature(self) -> dict[str, dict[str, float]]:
        """Return class to precision, recall, F1, and the area under its ROC curve where it has one."""
        matrix = self.confusion()[1]
        sure = self.said < len(self.names)
        found = {}
        for number in np.unique(self.there).tolist():
            hits, there, said = matrix[number, number], matrix[number].sum(), matrix[:, number].sum()
            values = {
                "precision": float(hits / said) if said else 0.0,
                "recall": float(hits / there),
                "F1": float(2 * hits / (there + said)),
            }
            asked = self.questions[self.there] == self.questions[number]
            mine = self.there[asked] == number
            if sure[asked][mine].any() and sure[asked][~mine].any():
                values["AUC"] = _area(self.scores[asked, number], mine)
            found[self.names[number]] = values
        return dict(sorted(found.items()))

    def confusion(self) -> tuple[list[str], Integers]:
        """Return the names, `nothing` last, and counts: a row for what is there, a column for what was said."""
        size = len(self.names) + 1
        counts = np.zeros((size, size), np.int64)
        np.add.at(counts, (self.there, self.said), 1)
        return [*self.names, NOTHING], counts

    def within(self, items: set[str]) -> Classification:
        """Return the same for some items only; `items` has their keys."""
        mine = np.array([item_of(unit) in items for unit in self.items], np.bool_)
        return replace(
            self,
            there=self.there[mine],
            said=self.said[mine],
            confidence=self.confidence[mine],
            scores=self.scores[mine],
            items=[unit for unit, chosen in zip(self.items, mine, strict=True) if chosen],
        )

    def reliability(self) -> list[dict[str, Any]]:
        """Return for each bin of the confidence how many predictions it has, how sure and how right they are."""
        sure = self.said < len(self.names)
        right = self.there[sure] == self.said[sure]
        return measures.calibration_curve(self.confidence[sure], right, BINS)


def classify(labels: Iterable[Label], predictions: Iterable[Label]) -> Classification:
    """Bring labels and predictions together.

    Raises:
        InvalidData: A label is free text or a number, or an id occurs twice.
    """
    names, asked = Index(), Index()
    there, places = array("q"), array("q")
    units: list[Any] = []
    ids: list[str] = []
    for label in labels:
        if isinstance(label.geometry, Whole):
            there.append(names[_sound(label)])
            places.append(asked[_asked(label)])
            units.append(_unit(label))
            ids.append(label.id)
    _check(ids)
    said, ids, skipped = _Said(asked, names), [], 0
    for prediction in predictions:
        whole = isinstance(prediction.geometry, Whole)
        if isinstance(prediction, Prediction) and whole and (name := class_of(prediction)) is not None:
            ids.append(prediction.id)
            said.add(prediction, name)
        else:
            skipped += 1
    _check(ids)
    at = np.array(places)
    best = np.array(said.best, np.int64)[at]
    # The labels' classes come first, and keep their numbers.
    chosen, first = np.unique(np.concatenate((there, best[best >= 0])), return_index=True)
    every, about, questions = names.names(), asked.names(), Index()
    where = np.concatenate((at, at[best >= 0]))[first].tolist()
    return Classification(
        names=[every[number] for number in chosen.tolist()],
        questions=np.array([questions[about[place][-1]] for place in where], np.int64),
        there=np.array(there),
        said=np.where(best < 0, len(chosen), np.searchsorted(chosen, best)),
        confidence=np.maximum(np.array(said.surest)[at], 0.0),
        scores=said.scores(at, chosen),
        items=units,
        skipped=skipped,
        predictions=len(ids),
    )


class _Said:
    """What predictions say of the things that labels are about, gathered while they stream by.

    Args:
        asked: Numbers of these things; see `_asked`.
        names: Numbers of the classes; those that only predictions name are added.
    """

    def __init__(self, asked: Index, names: Index) -> None:
        self.best = [-1] * len(asked)
        """Class of the most confident prediction about each, -1 for none."""
        self.surest = [-1.0] * len(asked)
        """Its confidence."""
        self._asked = asked
        self._names = names
        self._table = np.zeros((len(asked), len(names)))
        # Kept until there are many: numpy takes as long for a few as for thousands.
        self._places, self._classes, self._shares = array("q"), array("q"), array("d")

    def add(self, prediction: Prediction, name: str) -> None:
        """Add a prediction that says a class; one about something else than the labels says nothing here."""
        if (place := self._asked.get(_asked(prediction))) is None:
            return
        confidence, shares = _shares(prediction, name)
        if confidence > self.surest[place]:
            self.surest[place], self.best[place] = confidence, self._names[name]
        self._places.extend([place] * len(shares))
        self._classes.extend(map(self._names.__getitem__, shares))
        self._shares.extend(shares.values())
        if len(self._shares) >= TOGETHER:
            self._write()

    def scores(self, places: Integers, classes: Integers) -> Floats:
        """Return how sure the surest prediction is of each class, shape (places, classes)."""
        self._write()
        return self._table[np.ix_(places, classes)]

    def _write(self) -> None:
        width = self._table.shape[1]
        if len(self._names) > width:
            # At least twice as wide, so that classes that come one by one do not copy it each time.
            self._table = np.pad(self._table, ((0, 0), (0, max(len(self._names) - width, width))))
        np.maximum.at(self._table, (np.array(self._places), np.array(self._classes)), np.array(self._shares))
        self._places, self._classes, self._shares = array("q"), array("q"), array("d")


def class_of(row: Label) -> str | None:
    """Return the class that a row says: its feature, with the options where it answers a question.

    Free text and numbers are none.
    """
    match row.answer:
        case None:
            return row.feature
        case Radio(option):
            return f"{row.feature}/{option.name}"
        case Checklist(options):
            return f"{row.feature}/{' + '.join(sorted(option.name for option in options))}"
        case _:
            return None


def _sound(label: Label) -> str:
    """Return the class of a label."""
    name = class_of(label)
    if name is None:
        raise InvalidData(
            f"The label {label.id!r} answers {label.feature!r} with free text or a number, which is no class.",
            hint="Leave the labels of that feature out, or make it a question with options.",
            field="answer",
        )
    return name


def _shares(prediction: Prediction, name: str) -> tuple[float, dict[str, float]]:
    """Return the confidence in the class that is said, and in each that is named."""
    shares = prediction.class_pdf or {}
    if isinstance(prediction.answer, Checklist):
        # Shares of single options are none of sets of them.
        shares = {}
    elif prediction.answer is not None:
        question = f"{prediction.feature}/"
        shares = {key if key.startswith(question) else question + key: share for key, share in shares.items()}
    # A model that gives no confidence is taken at its word.
    confidence = shares.get(name, 1.0) if prediction.confidence is None else prediction.confidence
    return confidence, shares if name in shares else {**shares, name: confidence}


def _asked(row: Label) -> tuple[str, int | None, str | None]:
    """Return what a row is about: an item or frame, and the question if it answers one."""
    return row.item, row.frame, None if row.answer is None else row.feature


def _unit(row: Label) -> Any:
    return row.item if row.frame is None else (row.item, row.frame)


def _check(ids: list[str]) -> None:
    held = Ids()
    held.add(ids)
    held.check()


def _rank(scores: Floats, there: Integers, right: Any) -> Integers:
    """Return how many classes have a higher score than the one that is there."""
    mine = np.take_along_axis(scores, there[:, None], axis=1)
    # A class of which nothing was said is nobody's guess; one can be said with a confidence of zero.
    return np.where((mine[:, 0] > 0) | right, (scores > mine).sum(axis=1), scores.shape[1])


def _area(scores: Floats, positive: Any) -> float:
    """Return the area under the ROC curve, as the share of pairs in the right order (Mann and Whitney)."""
    count, others = int(positive.sum()), int((~positive).sum())
    # Equal scores share the mean of their ranks.
    _, place, size = np.unique(scores, return_inverse=True, return_counts=True)
    ranks = (np.cumsum(size) - (size - 1) / 2)[place]
    return float((ranks[positive].sum() - count * (count + 1) / 2) / (count * others))
