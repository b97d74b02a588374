"""Attachments on the local backend: which model serves which dataset, with which features and versions."""

from __future__ import annotations

import pytest

from dragoman import Dataset, Feature, InvalidData, Model, NotFound, Ontology
from dragoman.adapter import Adapter


class TestAttachments:
    def test_attachment_goes_with_its_model_or_its_dataset(
        self, local: Adapter, detector: Model, boxes: Dataset
    ) -> None:
        version = local.versions.create(detector, name="v")
        made = local.attachments.attach(detector, project=boxes.id, features={"square": "box"}, versions=[version])
        assert list(local.attachments.list(boxes.id)) == [made]
        assert made.versions == (version.id,)
        local.models.delete(detector)
        assert list(local.attachments.list(boxes.id)) == []

    def test_what_does_not_belong_together_is_refused(self, local: Adapter, detector: Model, boxes: Dataset) -> None:
        attach = local.attachments.attach
        other = local.versions.create(local.models.create("o", task="classification", features=["x"]), name="v")
        with pytest.raises(InvalidData, match="model knows no feature 'disc'"):
            attach(detector, project=boxes.id, features={"disc": "x"})
        with pytest.raises(InvalidData, match="of another model"):
            attach(detector, project=boxes.id, features={}, versions=[other])
        with pytest.raises(NotFound):
            attach(detector, project="nothing", features={})
        local.ontologies.create(Ontology(name="o", features=(Feature(name="box"),)), dataset=boxes)
        with pytest.raises(InvalidData, match="project knows no feature 'circle'"):
            attach(detector, project=boxes.id, features={"square": "circle"})
        made = attach(detector, project=boxes.id, features={"square": "box"})
        with pytest.raises(InvalidData, match="project knows no feature"):
            local.attachments.update(made, features={"stripe": "circle"})
        assert list(local.attachments.list(boxes.id)) == [made]
