"""What an emulated account holds of machine learning: models, their trainings, and models attached to projects."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

Json = dict[str, Any]

TYPES = {"fasterRcnn": "objectDetection", "maskRcnn": "segmentation"}
"""Architecture to the type of its models; all others classify."""
ARCHITECTURES = {*TYPES, "resnet18", "resnet34", "resnet50", "resnet101", "resnet152", "vgg16", "vgg19"}


@dataclass(kw_only=True)
class Training:
    """A run that becomes an iteration once it is done. `fails` scripts its end."""

    id: str
    batch_size: int
    epochs: int
    features_mapping: dict[str, dict[str, list[str]]]
    labels: list[str]
    data: list[Json]
    """What was trained on, as it was then."""
    pretrained_training: str | None
    pretrained_weights: str | None
    created: datetime
    ends: datetime
    polls_left: int
    fails: bool = False
    weights: bytes = b""

    def iteration(self) -> Json:
        """Return the run as an iteration. The loss log is made up from the batch size and the number of labels."""
        start = 2.0 + len(self.labels) / max(self.batch_size, 1)
        return {
            "batchSize": self.batch_size,
            "createdAt": self.created.isoformat(),
            "duration": int((self.ends - self.created).total_seconds()),
            "epochs": self.epochs,
            "lossLog": {str(epoch): round(start / (epoch + 1), 4) for epoch in range(self.epochs)},
            "trainingUuid": self.id,
        }


@dataclass(kw_only=True)
class Model:
    id: str
    title: str
    description: str
    features: list[str]
    architecture: str
    created: datetime
    trainings: dict[str, Training] = field(default_factory=dict)
    done: list[str] = field(default_factory=list)
    """Ids of the trainings that have become iterations, the oldest first."""

    def group(self) -> Json:
        return {
            "createdAt": self.created.isoformat(),
            "description": self.description,
            "features": self.features,
            "model": self.architecture,
            "modelUuid": self.id,
            "title": self.title,
            "type": TYPES.get(self.architecture, "classification"),
        }

    def iterations(self, chosen: list[str] | None = None) -> list[Json]:
        return [self.trainings[run].iteration() for run in self.done if chosen is None or run in chosen]

    def to_json(self) -> Json:
        return {"modelGroup": self.group(), "modelIterations": self.iterations()}


@dataclass(kw_only=True)
class Attachment:
    """A model bound to a project. `features` maps the model's features to hashes of the ontology."""

    id: str
    model: str
    features: dict[str, str]
    policy: str
    trainings: list[str]
    created: datetime
