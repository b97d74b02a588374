"""What is to move: the things that a user names on the source, and which of their rows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any, Literal

from pydantic import Field, ValidationError, field_validator, model_validator

from dragoman.errors import InvalidData
from dragoman.migrate.conditions import Condition, RowKind, parse
from dragoman.schema import Dataset, Model, Version
from dragoman.schema.base import Control

ThingKind = Literal["dataset", "ontology", "model", "version", "weights"]
Kind = ThingKind | RowKind
ORDER: tuple[Kind, ...] = (
    "dataset",
    "ontology",
    "items",
    "labels",
    "model",
    "version",
    "weights",
    "predictions",
)
"""The order of the steps: what a step refers to comes before it."""
_NEEDS: dict[Kind, tuple[Kind, ...]] = {
    "predictions": ("model", "version"),
    "weights": ("model", "version"),
    "version": ("model",),
}
"""What a kind cannot be without, besides the dataset."""
_OF_DATASET: tuple[Kind, ...] = ("dataset", "ontology", "items", "labels", "predictions")
"""What there is none of without a dataset."""


class Scope(Control):
    """One dataset with its items and labels, and one model with a version and its predictions on the dataset.

    Args:
        dataset: Id or name on the source; None to move a model only.
        model: Id, key or name on the source; None to move data only.
        version: Id or name on the source; the newest of the model if not given.
        only: Kinds to move, with what they cannot be without; all if none are named.
        where: Conditions that rows must meet, see `dragoman.migrate.conditions`. Where an item does not move, neither
            do its rows.
        limit: Most items to move, the first ones; with their rows.
        rename: Feature on the source to its name on the target.
    """

    dataset: str | None = None
    model: str | None = None
    version: str | None = None
    only: tuple[Kind, ...] = ()
    where: tuple[str, ...] = ()
    limit: Annotated[int, Field(gt=0)] | None = None
    rename: dict[str, str] = {}

    @field_validator("where")
    @classmethod
    def _readable(cls, where: tuple[str, ...]) -> tuple[str, ...]:
        for text in where:
            parse(text)
        return where

    @model_validator(mode="after")
    def _names_something(self) -> Scope:
        if self.dataset is None and self.model is None:
            raise ValueError("neither a dataset nor a model is named, so there is nothing to move")
        return self

    @classmethod
    def of(cls, **facts: Any) -> Scope:
        """Build a scope from words of the command line.

        Raises:
            InvalidData: One of them is not what it should be; the error names it.
        """
        try:
            return cls.model_validate(facts)
        except ValidationError as error:
            first = error.errors()[0]
            # What is wrong with the scope as a whole has no place.
            name = str(first["loc"][0]) if first["loc"] else "dataset"
            raise InvalidData(f"{name}: {first['msg']}.", field=name) from error

    def moves(self, kind: Kind) -> bool:
        """Return whether a kind is to move, for its own sake or because another cannot be without it."""
        if self.dataset is None and kind in _OF_DATASET:
            return False
        if not self.only or kind == "dataset" or kind in self.only:
            return True
        return any(kind in _NEEDS.get(other, ()) for other in self.only)

    def conditions(self, kind: RowKind) -> list[Condition]:
        """Return the conditions on one kind of rows."""
        return [condition for condition in map(parse, self.where) if condition.kind == kind]

    @property
    def chooses_items(self) -> bool:
        """Whether some items of the dataset may stay behind."""
        return self.limit is not None or bool(self.conditions("items"))


@dataclass(frozen=True, slots=True)
class Selection:
    """The things on one side that a migration is about; None where there is none."""

    dataset: Dataset | None
    model: Model | None = None
    version: Version | None = None
