"""Models and their runs, as an emulated account holds them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from dragoman_nucleus.emulator.items import Json
from dragoman_nucleus.emulator.rows import Rows
from dragoman_nucleus.emulator.weights import Weights

if TYPE_CHECKING:
    from dragoman_nucleus.emulator.matches import Match


@dataclass(kw_only=True)
class Model:
    """A registered model. `predictions` are those uploaded without a run."""

    id: str
    name: str
    reference_id: str
    metadata: Json
    bundle_name: str | None = None
    tags: list[str] = field(default_factory=list)
    trained_slice_ids: list[str] = field(default_factory=list)
    predictions: Rows = field(default_factory=Rows)
    weights: Weights | None = None

    def to_json(self) -> Json:
        return {
            "id": self.id,
            "name": self.name,
            "ref_id": self.reference_id,
            "metadata": self.metadata,
            "bundle_name": self.bundle_name,
            "tags": self.tags,
            "trained_slice_ids": self.trained_slice_ids,
        }


@dataclass(kw_only=True)
class Run:
    """One run of a model over the items of one or more datasets."""

    id: str
    model_id: str
    name: str | None = None
    reference_id: str | None = None
    metadata: Json = field(default_factory=dict)
    dataset_ids: list[str] = field(default_factory=list)
    status: str = "pending"
    matching: Json | None = None
    """Options of the latest commit; `None` before the first."""
    matches: dict[str, list[Match]] = field(default_factory=dict)
    """What the latest commit found, by dataset id."""
    trained_slice_id: str | None = None
    point_labels: dict[str, str] = field(default_factory=dict)
    """URLs of the labels of all points of a cloud, by item id."""
    predictions: Rows = field(default_factory=Rows)

    def cover(self, dataset_id: str) -> None:
        """Widen the run to a dataset."""
        if dataset_id not in self.dataset_ids:
            self.dataset_ids.append(dataset_id)
