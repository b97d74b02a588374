"""Labelling tasks: items that were sent to a labelling project. Nobody labels them here, so they stay pending."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from dragoman_nucleus.emulator.items import Json


@dataclass(frozen=True, kw_only=True)
class Task:
    """One item that waits for its labels in a project."""

    id: str
    project_id: str
    item_id: str
    batch: str
    created: datetime

    def to_json(self) -> Json:
        return {
            "task_id": self.id,
            "task_status": "pending",
            "task_audit_status": None,
            "task_audit_review_comment": None,
            "project_name": self.project_id,
            "batch": self.batch,
            "created_at": self.created.isoformat(),
            "completed_at": None,
        }
