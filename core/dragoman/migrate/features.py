"""Feature maps: which feature of the source becomes which of the target, suggested from their names."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TypeVar

import msgspec

from dragoman.fidelity import FidelityTable, Survival
from dragoman.schema import Feature, Label, Ontology, Prediction

Row = TypeVar("Row", bound=Label)


class FeatureNames:
    """Names of features on the target. `seen` has every name that was asked for, with its answer.

    A feature that was chosen gets that name; one that the target has under another spelling (case, spaces, dashes)
    gets the target's; any other keeps its own.

    Args:
        targets: Features that the target has.
        chosen: Feature of the source to its name on the target.
    """

    def __init__(self, targets: Iterable[str], chosen: Mapping[str, str]) -> None:
        self.seen: dict[str, str] = {}
        self._chosen = chosen
        self._targets = dict.fromkeys(targets)
        self._spelled: dict[str, str] = {}
        for name in self._targets:
            self._spelled.setdefault(_plain(name), name)

    def of(self, name: str) -> str:
        """Return the name on the target."""
        if name not in self.seen:
            self.seen[name] = self._chosen.get(name) or self._suggested(name)
        return self.seen[name]

    def _suggested(self, name: str) -> str:
        return name if name in self._targets else self._spelled.get(_plain(name), name)

    def row(self, row: Row) -> Row:
        """Return a row under the target's names; where several features become one, its probabilities add up."""
        changes: dict[str, object] = {}
        if (name := self.of(row.feature)) != row.feature:
            changes["feature"] = name
        if isinstance(row, Prediction) and row.class_pdf and any(self.of(key) != key for key in row.class_pdf):
            together: dict[str, float] = {}
            for key, probability in row.class_pdf.items():
                together[self.of(key)] = min(1.0, together.get(self.of(key), 0.0) + probability)
            changes["class_pdf"] = together
        return msgspec.structs.replace(row, **changes) if changes else row

    def all(self, features: Sequence[str]) -> tuple[str, ...]:
        """Return features under the target's names, each once, in their order."""
        return tuple(dict.fromkeys(map(self.of, features)))

    def ontology(self, ontology: Ontology, there: Ontology | None, keeping: FidelityTable) -> Ontology | None:
        """Return the ontology that the target should have; None if what is there has every feature already.

        Args:
            ontology: The source's.
            there: The target's, whose features come first and stay as they are.
            keeping: What the target keeps of labels: a feature has the kinds of geometry that its rows become, and one
                whose rows are all dropped is left out.
        """
        features: dict[str, Feature] = {feature.name: feature for feature in there.features} if there else {}
        held = len(features)
        for feature in ontology.features:
            name = self.of(feature.name)
            kinds = tuple(dict.fromkeys(kind for of in feature.geometries if (kind := _becomes(of, keeping))))
            if kinds or not feature.geometries:
                features.setdefault(name, feature.model_copy(update={"name": name, "geometries": kinds}))
        if there is not None and len(features) == held:
            return None
        return (there or ontology).model_copy(update={"features": tuple(features.values())})


def _becomes(kind: str, keeping: FidelityTable) -> str | None:
    """Return the kind of geometry that a kind becomes on the target; None where it is dropped."""
    kept = keeping.geometry(kind)
    if kept.survival is Survival.DROPPED:
        return None
    return "whole" if kept.survival is Survival.STORED else (kept.to or kind).split(" ")[0]


def _plain(name: str) -> str:
    return "".join(character for character in name.casefold() if character.isalnum()) or name
