"""`compact` for classification: the backbone of the compact detector, averaged over the image.

It learns from nothing in seconds and needs torch alone; `classifiers` has those of transformers, whose import takes
longer than such a training. What all classifiers share is here, too.
"""

from __future__ import annotations

from abc import abstractmethod
from typing import ClassVar

import torch.nn.functional as F
from torch import Tensor, nn

from dragoman_local.engine.compact import Backbone, BackboneOptions
from dragoman_local.engine.config import Task
from dragoman_local.engine.network import Network, Options, Targets


class Classifier(Network):
    """A classifier with a cross-entropy loss."""

    task: ClassVar[Task] = "classification"
    outputs: ClassVar[tuple[str, ...]] = ("probabilities",)

    @abstractmethod
    def logits(self, images: Tensor) -> Tensor:
        """Return `[n, features]` floats of which the softmax is the probabilities; arguments as in `predict`."""

    def loss(self, images: Tensor, targets: Targets) -> dict[str, Tensor]:
        assert isinstance(targets, Tensor)
        return {"class": F.cross_entropy(self.logits(images), targets)}

    def predict(self, images: Tensor) -> Tensor:
        return self.logits(images).softmax(1)

    def dense(self, images: Tensor) -> tuple[Tensor, ...]:
        return (self.predict(images),)


class CompactClassifier(Classifier):
    """See the module's description; options are those of `BackboneOptions`."""

    architecture: ClassVar[str] = "compact"
    convolutional: ClassVar[bool] = True

    def __init__(self, features: int, image_size: tuple[int, int], options: Options) -> None:
        size = BackboneOptions.model_validate(dict(options))
        super().__init__(features, image_size, size.model_dump())
        self.backbone = Backbone(size.width, size.blocks)
        self.last = nn.Linear(self.backbone.channels[-1], features)

    def logits(self, images: Tensor) -> Tensor:
        coarsest = self.backbone(self.normalised(images))[-1]
        found: Tensor = self.last(coarsest.mean((2, 3)))
        return found.float()
