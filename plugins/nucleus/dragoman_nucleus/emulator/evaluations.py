"""Benchmarks, evaluations and presets, as an emulated account holds them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import msgspec

from dragoman_nucleus.emulator.detections import Case, Classes, Hit, RollupGroup
from dragoman_nucleus.emulator.exclusions import AnyRule, Excluded
from dragoman_nucleus.emulator.items import Json
from dragoman_nucleus.emulator.jobs import Job
from dragoman_nucleus.emulator.rows import Rows

STATUSES = {"Running": "computing", "Completed": "succeeded", "Cancelled": "cancelled"}
"""What an evaluation is while its job is something; `failed` otherwise."""


@dataclass(kw_only=True)
class Benchmark:
    """A set of items with ground truth, frozen unless it is a draft, and the classes that count."""

    id: str
    name: str
    created: datetime
    description: str | None = None
    metadata: Json | None = None
    status: str = "building"
    """`draft`, `building`, `ready` or `failed`."""
    members: dict[str, str] = field(default_factory=dict)
    """Ids of the items in their order, each with that of its dataset."""
    skipped: int = 0
    jobs_open: int = 0
    """Jobs that are still to add items."""
    parent_id: str | None = None
    version: tuple[int, int] = (1, 0)
    version_label: str | None = None
    rollup_groups: list[RollupGroup] | None = None
    class_agnostic: bool | None = None

    @property
    def item_ids(self) -> list[str]:
        """Ids of the items, in their order."""
        return list(self.members)

    def discard(self, item_ids: Iterable[str]) -> None:
        """Give up items, as far as they are in here."""
        for item_id in item_ids:
            self.members.pop(item_id, None)

    def to_json(self) -> Json:
        return {
            "benchmark_id": self.id,
            "name": self.name,
            "description": self.description,
            "metadata": self.metadata,
            "created_by_user_id": None,
            "created_at": self.created.isoformat(),
            "item_count": len(self.members),
            "dataset_count": len(set(self.members.values())),
            "skipped_items_without_ground_truth": self.skipped,
            "status": self.status,
            "parent_benchmark_id": self.parent_id,
            "version_major": self.version[0],
            "version_minor": self.version[1],
            "version_label": self.version_label,
            "rollup_groups": as_json(self.rollup_groups),
            "allowed_label_matches_id": None,
            "class_agnostic": self.class_agnostic,
        }


@dataclass(frozen=True, kw_only=True)
class EvaluationSettings:
    """What is measured, by what, and how."""

    benchmark_id: str
    model_id: str
    run_id: str | None = None
    name: str | None = None
    rollup_groups: list[RollupGroup] | None = None
    exclusion_rules: list[AnyRule] | None = None
    classes: Classes


@dataclass(kw_only=True)
class Evaluation:
    """A model, or one of its runs, measured by a benchmark. The job fills in what was measured, which then stays."""

    id: str
    settings: EvaluationSettings
    created: datetime
    job: Job | None = None
    cases: Sequence[Case] = ()
    predictions: Rows = field(default_factory=Rows)
    """Where the predictions were, to tell their ids."""
    ground_truth: dict[str, Rows] = field(default_factory=dict)
    """Where the ground truth was, by dataset id."""
    excluded: Excluded = field(default_factory=Excluded)
    _hits: dict[float, list[Hit]] = field(default_factory=dict)

    @property
    def status(self) -> str:
        """`computing`, `succeeded`, `cancelled` or `failed`."""
        return "pending" if self.job is None else STATUSES.get(self.job.outcome.status, "failed")

    def hits_at(self, threshold: float) -> list[Hit]:
        """Return all hits at a threshold of overlap."""
        if threshold not in self._hits:
            self._hits[threshold] = [hit for case in self.cases for hit in case.hits(threshold)]
        return self._hits[threshold]

    def to_json(self) -> Json:
        settings = self.settings
        errors = self.job.outcome.errors if self.job is not None and self.status == "failed" else None
        return {
            "id": self.id,
            "benchmark_id": settings.benchmark_id,
            # Evaluations of a run are shown without the model, as each is anchored on one of them.
            "model_id": settings.model_id if settings.run_id is None else None,
            "model_run_id": settings.run_id,
            "name": settings.name,
            "status": self.status,
            "error_message": None if errors is None else "; ".join(errors),
            "created_at": self.created.isoformat(),
            "rollup_groups": as_json(settings.rollup_groups),
            "exclusion_rules": as_json(settings.exclusion_rules),
            "exclusion_stats": self.excluded.to_json() if settings.exclusion_rules else None,
        }


@dataclass(kw_only=True)
class Preset:
    """Classes and exclusion rules that were saved under a name."""

    id: str
    name: str
    created: datetime
    updated: datetime
    rollup_groups: list[RollupGroup] | None = None
    exclusion_rules: list[AnyRule] | None = None

    def to_json(self) -> Json:
        return {
            "id": self.id,
            "name": self.name,
            "rollup_groups": as_json(self.rollup_groups),
            "exclusion_rules": as_json(self.exclusion_rules),
            "created_by_user_id": None,
            "created_at": self.created.isoformat(),
            "updated_at": self.updated.isoformat(),
            "deleted_at": None,
        }


def as_json(value: object) -> Any:
    """Return structs as plain JSON."""
    return msgspec.to_builtins(value)
