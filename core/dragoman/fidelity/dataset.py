"""What is kept of a dataset besides its rows: of its items, its ontology, and the ontology's features.

Fields of rows are `table`'s. A field is named with what it is a field of: `"item metadata"`, `"feature color"`,
`"ontology id"`. What is not declared is exact.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any

import msgspec
from pydantic_core import PydanticUndefined

from dragoman.errors import WouldLose
from dragoman.fidelity.policy import LossPolicy
from dragoman.fidelity.table import EXACT, Fidelity, Loss, Survival
from dragoman.schema import Feature, Item, MeasuredLoss, Ontology

_EMPTY_ITEM = Item("-")
_EMPTY: dict[str, dict[str, Any]] = {
    "item": {name: getattr(_EMPTY_ITEM, name) for name in Item.__struct_fields__ if name != "key"},
    **{
        kind: {
            name: field.default for name, field in model.model_fields.items() if field.default is not PydanticUndefined
        }
        for kind, model in (("feature", Feature), ("ontology", Ontology))
    },
}
"""Fields that may say nothing, by what they are fields of, and what they are then."""


class DatasetFidelity:
    """What is kept of items and ontologies in one direction.

    Args:
        fields: Field, as in `"item metadata"`, to fidelity; a field that is not named is exact.
    """

    def __init__(self, fields: Mapping[str, Fidelity] | None = None) -> None:
        self.fields = dict(fields or {})

    def field(self, what: str) -> Fidelity:
        """Return what survives of a field."""
        return self.fields.get(what, EXACT)

    def losses(self, kind: str, thing: Item | Feature | Ontology) -> list[Loss]:
        """Return what is not kept exactly of an `"item"`, a `"feature"` or an `"ontology"`."""
        lost = []
        for what, kept in self.fields.items():
            of, name = what.split(" ", 1)
            if of == kind and kept.survival is not Survival.EXACT and getattr(thing, name) != _EMPTY[kind].get(name):
                lost.append(Loss(what, kept))
        return lost


WHOLE_DATASET = DatasetFidelity()
"""Keeps everything."""


def allows_of_dataset(policy: LossPolicy, loss: Loss) -> bool:
    """Return whether a policy lets a loss of items or ontologies pass: nothing can be stored beside those."""
    return policy == "drop" or (policy != "raise" and loss.fidelity.survival is not Survival.DROPPED)


class DatasetKeeper:
    """Makes items and ontologies fit what a writer keeps, as the caller chose, and counts what that costs.

    A field that is dropped is emptied. Nothing can be stored beside an item, so that `"store"` does as `"convert"`.

    Args:
        fidelity: What the writer keeps.
        policy: What the caller chose.
    """

    def __init__(self, fidelity: DatasetFidelity, policy: LossPolicy) -> None:
        self._fidelity = fidelity
        self._policy = policy
        self._counts: Counter[tuple[str, str, str]] = Counter()

    def item(self, item: Item) -> Item:
        """Return the item as the writer keeps it.

        Raises:
            WouldLose: It would lose something that the policy does not allow.
        """
        emptied = self._settle("item", item)
        return msgspec.structs.replace(item, **emptied) if emptied else item

    def ontology(self, ontology: Ontology) -> Ontology:
        """Return the ontology as the writer keeps it; raises as `item` does."""
        features = tuple(self._feature(feature) for feature in ontology.features)
        return ontology.model_copy(update={**self._settle("ontology", ontology), "features": features})

    def losses(self) -> tuple[MeasuredLoss, ...]:
        """Return what has been lost so far; `rows` counts the items, features or ontologies that lost it."""
        return tuple(MeasuredLoss(*key, rows=count) for key, count in sorted(self._counts.items()))

    def _feature(self, feature: Feature) -> Feature:
        emptied = self._settle("feature", feature)
        return feature.model_copy(update=emptied) if emptied else feature

    def _settle(self, kind: str, thing: Item | Feature | Ontology) -> dict[str, Any]:
        """Return the fields that the writer drops, emptied."""
        emptied = {}
        for loss in self._fidelity.losses(kind, thing):
            name, survival = loss.what.split(" ", 1)[1], loss.fidelity.survival
            if not allows_of_dataset(self._policy, loss):
                others = '"drop"' if survival is Survival.DROPPED else '"convert", "store" or "drop"'
                raise WouldLose(f"The {loss}.", hint=f"Choose with on_loss={others}.", field=loss.what)
            if survival is Survival.DROPPED and name in _EMPTY[kind]:
                emptied[name] = _EMPTY[kind][name]
            self._counts[loss.what, str(survival), loss.fidelity.how] += 1
        return emptied
