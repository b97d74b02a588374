"""Ontologies on Viam: there are none. Labels of boxes and tags are free texts; those in use can be asked for."""

from __future__ import annotations

from typing import Any

from dragoman.capability import Gap
from dragoman.interface import Ontologies
from dragoman.schema import Feature, Ontology


class ViamOntologies(Ontologies):
    """Features in use, through `BoundingBoxLabelsByFilter` and `TagsByFilter`."""

    _adapter: Any

    _create = Gap.impossible("Labels and tags are free texts on Viam.", instead="labels.write")

    def _get(self, dataset: str) -> Ontology:
        wire = self._adapter.wire
        found = self._adapter.datasets._get(dataset)
        wanted = {"dataset_id": dataset}
        labels = wire.call("data.BoundingBoxLabelsByFilter", filter=wanted).labels
        used: dict[str, tuple[str, ...]] = dict.fromkeys(labels, ("box",))
        for tag in wire.call("data.TagsByFilter", filter=wanted).tags:
            used[tag] = (*used.get(tag, ()), "whole")
        features = tuple(Feature(name=name, geometries=kinds) for name, kinds in used.items())
        return Ontology(name=found.name, features=features)
