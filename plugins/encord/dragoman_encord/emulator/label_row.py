"""What the platform keeps of a label row."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

Json = dict[str, Any]


@dataclass(kw_only=True)
class LabelRow:
    """The labels of one piece of data on one branch. `units` maps a unit's hash to its `labels`.

    `spaces` does so for the files of a data group.
    """

    label_hash: str
    branch: str
    data_hash: str
    created: datetime
    edited: datetime
    units: dict[str, Json] = field(default_factory=dict)
    spaces: dict[str, Json] = field(default_factory=dict)
    object_answers: Json = field(default_factory=dict)
    object_actions: Json = field(default_factory=dict)
    classification_answers: Json = field(default_factory=dict)
