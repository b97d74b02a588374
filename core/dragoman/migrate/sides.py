"""The two sides of a migration: the things that its scope names on the source, and their counterparts on the target."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from dragoman.adapter import Adapter
from dragoman.errors import InvalidData, NotFound
from dragoman.migrate.scope import Scope, Selection
from dragoman.schema import Dataset, Feature, Model, Ontology, Version


class Sides:
    """Finds things on both sides. Nothing is kept: every call looks again.

    Args:
        source: Where the data is.
        target: Where it goes.
        scope: What is to move.
    """

    def __init__(self, source: Adapter, target: Adapter, scope: Scope) -> None:
        self.source = source
        self.target = target
        self.scope = scope

    def chosen(self) -> Selection:
        """Return what the scope names on the source.

        Raises:
            NotFound: The source has no such dataset, model or version.
        """
        source, scope = self.source, self.scope
        dataset = None
        if scope.dataset is not None:
            dataset = _by_id_or(source.datasets, scope.dataset, source.datasets.find)
        if scope.model is None or not scope.moves("model"):
            return Selection(dataset)
        model = _by_id_or(source.models, scope.model, source.models.find)
        return Selection(dataset, model, self._version(model) if scope.moves("version") else None)

    def counterparts(self, chosen: Selection) -> Selection:
        """Return what the target has under the names and keys of what was chosen on the source."""
        dataset = self.target.datasets.find(chosen.dataset.name) if chosen.dataset else None
        model = self.target.models.find(chosen.model.key or chosen.model.id) if chosen.model else None
        version = self.run_of(model, chosen.version.name) if model and chosen.version else None
        return Selection(dataset, model, version)

    def run_of(self, model: Model, name: str) -> Version | None:
        """Return the target's version of that name, or None."""
        return next((version for version in self.target.versions.list(model) if version.name == name), None)

    def ontology(self, dataset: Dataset, shapes: Mapping[str, tuple[str, ...]]) -> Ontology | None:
        """Return what the target must know to take the rows: the source's ontology and what else the rows are of.

        Args:
            dataset: The source's dataset.
            shapes: The kinds of geometry that rows of each feature have.

        Returns:
            None where the target keeps no ontologies, or there are no features.
        """
        if not (self.scope.moves("ontology") and self.target.ontologies.supports("create")):
            return None
        held = ontology_of(self.source, dataset)
        features = {feature.name: feature for feature in (held.features if held else ())}
        for name, kinds in shapes.items():
            features.setdefault(name, Feature(name=name, geometries=kinds))
        if not features:
            return None
        base = held or Ontology(name=dataset.name, features=())
        return base.model_copy(update={"features": tuple(features.values())})

    def moves_weights(self, chosen: Selection) -> bool:
        """Return whether weights can go from one side to the other."""
        able = self.source.versions.supports("download_weights") and self.target.versions.supports("upload_weights")
        return able and chosen.version is not None and self.scope.moves("weights")

    def _version(self, model: Model) -> Version | None:
        named = self.scope.version
        versions = list(self.source.versions.list(model))
        if named is not None:
            versions = [version for version in versions if named in (version.id, version.name)]
            if not versions:
                raise NotFound(f"{model.name} has no version {named!r}.", platform=self.source.name)
        return versions[-1] if versions else None


def ontology_of(backend: Adapter, dataset: Dataset | None) -> Ontology | None:
    """Return a backend's ontology of a dataset, or None where there is none."""
    if dataset is None or not backend.ontologies.supports("get"):
        return None
    try:
        return backend.ontologies.get(dataset)
    except NotFound:
        return None


def _by_id_or(facet: Any, text: str, find: Callable[[str], Any]) -> Any:
    """Return the thing of that id, else what `find` finds by key or name.

    Raises:
        NotFound: There is neither.
    """
    try:
        return facet.get(text)
    except (NotFound, InvalidData) as error:
        found = find(text)
        if found is None:
            raise NotFound(
                f"{facet.name} has nothing with the id or name {text!r}.", platform=error.platform, operation="migrate"
            ) from error
        return found
