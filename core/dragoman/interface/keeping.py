"""What a bulk write to one target keeps of its rows."""

from __future__ import annotations

from typing import Any

from dragoman.fidelity import FidelityTable, Keeper, LossPolicy
from dragoman.interface.base import Facet


def keeper_for(facet: Facet, everywhere: FidelityTable, policy: LossPolicy, *target: str) -> Keeper:
    """Return what stands before a write: it knows what the platform keeps of a row, and what the caller chose.

    An adapter writes `_fidelity(*target)`, which returns a function from a row to a `FidelityTable`, where that
    depends on what is written to: an ontology with a place for less, say. It is called once per write. What it returns
    may go by the row's feature, by its kind of geometry and by what else it says; see `Keeper`.

    Args:
        facet: The facet that writes.
        everywhere: The adapter's table, for facets without `_fidelity`.
        policy: What the caller chose.
        target: What is written to, as the facet's translation gets it.
    """
    of_target: Any = getattr(facet, "_fidelity", None)
    if of_target is None:
        return Keeper(everywhere, policy)
    return Keeper(facet._adapter.pipeline.call(facet.operations["write"], of_target, *target), policy)
