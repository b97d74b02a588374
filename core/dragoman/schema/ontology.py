"""Ontologies: features with their geometry kinds, colours and attributes, and maps between two ontologies' features."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Annotated, Any, Literal

import msgspec
from pydantic import Field, field_validator, model_validator

from dragoman.errors import InvalidData
from dragoman.schema.base import Control, Metadata, Name
from dragoman.schema.rows import Label, Prediction, derive_id

AttributeKind = Literal["radio", "checklist", "text", "number"]


class AttributeOption(Control):
    """An option of a radio or checklist, with the attributes that are asked for once it is chosen."""

    name: Name
    id: str = ""
    attributes: tuple[Attribute, ...] = ()

    @field_validator("attributes")
    @classmethod
    def _unique(cls, attributes: tuple[Attribute, ...]) -> tuple[Attribute, ...]:
        _refuse_twice("attributes", (attribute.name for attribute in attributes))
        return attributes


class Attribute(Control):
    """A question about an annotation, or about a whole item.

    Args:
        name: Its name, unique among its neighbours.
        kind: What an answer is: one option, any number of options, free text, or a number.
        options: The options of a radio or checklist.
        required: Whether it must be answered.
        id: The platform's id.
    """

    name: Name
    kind: AttributeKind
    options: tuple[AttributeOption, ...] = ()
    required: bool = False
    id: str = ""

    @model_validator(mode="after")
    def _options_fit_the_kind(self) -> Attribute:
        chosen_from = self.kind in ("radio", "checklist")
        if chosen_from != bool(self.options):
            raise ValueError(f"{self.name}: a {self.kind} {'needs' if chosen_from else 'has no'} options")
        _refuse_twice("options", (option.name for option in self.options))
        return self


class Feature(Control):
    """A class that a model knows or an ontology holds.

    Args:
        name: Its name, unique in its ontology.
        geometries: Kinds of geometry it may have, such as `("box",)`; empty means any.
        color: `"#rrggbb"`, or None.
        attributes: What is asked of each annotation of it.
        id: The platform's id.
        metadata: JSON values that the user or the source attached, such as COCO's `supercategory`.
    """

    name: Name
    geometries: tuple[str, ...] = ()
    color: Annotated[str, Field(pattern=r"^#[0-9a-fA-F]{6}$")] | None = None
    attributes: tuple[Attribute, ...] = ()
    id: str = ""
    metadata: Metadata = {}

    @field_validator("attributes")
    @classmethod
    def _unique(cls, attributes: tuple[Attribute, ...]) -> tuple[Attribute, ...]:
        _refuse_twice("attributes", (attribute.name for attribute in attributes))
        return attributes


class Ontology(Control):
    """A named list of features, each name once.

    Args:
        name: Its name.
        features: The features.
        id: The platform's id.
        metadata: JSON values about the whole, such as COCO's `info` and `licenses`.
    """

    name: Name
    features: tuple[Feature, ...]
    id: str = ""
    metadata: Metadata = {}

    @field_validator("features")
    @classmethod
    def _unique(cls, features: tuple[Feature, ...]) -> tuple[Feature, ...]:
        _refuse_twice("features", (feature.name for feature in features))
        return features

    def feature(self, name: str) -> Feature | None:
        """Return the feature of that name, or None."""
        return next((feature for feature in self.features if feature.name == name), None)


def _refuse_twice(what: str, names: Iterable[str]) -> None:
    listed = list(names)
    if twice := sorted({name for name in listed if listed.count(name) > 1}):
        raise ValueError(f"{what} named more than once: {', '.join(twice)}")


class FeatureMap(Control):
    """Which feature of one side is which of the other, many to many.

    Args:
        pairs: (source feature, target feature). A source feature in several pairs becomes several rows.
    """

    pairs: tuple[tuple[str, str], ...]

    @field_validator("pairs")
    @classmethod
    def _unique(cls, pairs: tuple[tuple[str, str], ...]) -> tuple[tuple[str, str], ...]:
        _refuse_twice("pairs", (f"{source} to {target}" for source, target in pairs))
        return pairs

    @classmethod
    def of(cls, mapping: Mapping[str, str | Iterable[str]]) -> FeatureMap:
        """Build a map from source feature to one target feature, or to several."""
        return cls(
            pairs=tuple(
                (source, target)
                for source, targets in mapping.items()
                for target in ((targets,) if isinstance(targets, str) else targets)
            )
        )

    def targets(self, source: str) -> tuple[str, ...]:
        """Return what a source feature becomes; empty where the map does not cover it."""
        return tuple(there for here, there in self.pairs if here == source)

    def check(self, sources: Iterable[str], targets: Iterable[str], *, cover: bool = True) -> None:
        """Refuse a map that does not fit two ontologies.

        Args:
            sources: Features of the source.
            targets: Features of the target.
            cover: Whether every source feature must become something.

        Raises:
            InvalidData: A pair names an unknown feature, or a source feature is uncovered; all are named.
        """
        here, there = list(sources), set(targets)
        unknown = sorted({a for a, _ in self.pairs} - set(here)) + sorted({b for _, b in self.pairs} - there)
        if unknown:
            raise InvalidData(f"The feature map names unknown features: {', '.join(unknown)}.", field="features")
        uncovered = [feature for feature in here if cover and not self.targets(feature)]
        if uncovered:
            raise InvalidData(f"The feature map does not cover: {', '.join(uncovered)}.", field="features")

    def apply(self, rows: Iterable[Label]) -> Iterator[Label]:
        """Yield the rows under their target features, one row per target.

        A row that becomes several keeps its id in the first and gets derived ids in the others. In a `class_pdf` each
        feature's probability goes to all of its targets, and adds up where several become one.

        Raises:
            InvalidData: A row's feature, or one of its `class_pdf`, is not covered; the error names the row.
        """
        for number, row in enumerate(rows):
            changes: dict[str, Any] = {}
            if isinstance(row, Prediction) and row.class_pdf:
                changes["class_pdf"] = together = dict[str, float]()
                for feature, probability in row.class_pdf.items():
                    for target in self._covered(feature, number, "class_pdf"):
                        together[target] = min(1.0, together.get(target, 0.0) + probability)
            for position, target in enumerate(self._covered(row.feature, number, "feature")):
                row_id = row.id if position == 0 else derive_id(row.id, target)
                yield msgspec.structs.replace(row, feature=target, id=row_id, **changes)

    def _covered(self, feature: str, row: int, field: str) -> tuple[str, ...]:
        targets = self.targets(feature)
        if not targets:
            raise InvalidData(f"The feature map does not cover {feature!r}.", row=row, field=field)
        return targets
