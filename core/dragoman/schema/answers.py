"""Answers: what a classification or an attribute says. They nest as deep as an ontology does."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from dragoman.errors import InvalidData
from dragoman.schema.coerce import put, real, text


class Option(msgspec.Struct, frozen=True, gc=False, omit_defaults=True):
    """A chosen option, with the answers to the questions that follow from it."""

    name: str
    attributes: dict[str, AnyAnswer] = {}

    def __post_init__(self) -> None:
        put(self, "name", text(self.name, "an option", "name"))
        if not self.name:
            raise InvalidData("an option has no name.", field="name")


class Radio(msgspec.Struct, frozen=True, gc=False, tag_field="type", tag="radio"):
    """One option of several."""

    option: Option

    @classmethod
    def of(cls, name: str, attributes: Mapping[str, AnyAnswer] | None = None) -> Radio:
        """Build a radio answer from the option's name."""
        return cls(Option(name, dict(attributes or {})))

    def __post_init__(self) -> None:
        _check_option(self.option, "option", "Radio")


class Checklist(msgspec.Struct, frozen=True, gc=False, tag_field="type", tag="checklist"):
    """Any number of options, none of them twice."""

    options: tuple[Option, ...]

    @classmethod
    def of(cls, *names: str) -> Checklist:
        """Build a checklist answer from the options' names."""
        return cls(tuple(map(Option, names)))

    def __post_init__(self) -> None:
        put(self, "options", tuple(self.options))
        for option in self.options:
            _check_option(option, "options", "Checklist")
        names = [option.name for option in self.options]
        if len(set(names)) != len(names):
            raise InvalidData("a checklist has an option twice.", field="options")


class Text(msgspec.Struct, frozen=True, gc=False, tag_field="type", tag="text"):
    """Free text."""

    text: str

    def __post_init__(self) -> None:
        put(self, "text", text(self.text, "a text", "text"))


class Number(msgspec.Struct, frozen=True, gc=False, tag_field="type", tag="number"):
    """A finite number."""

    value: float

    def __post_init__(self) -> None:
        put(self, "value", real(self.value, "a number", "value"))


def _check_option(option: object, field: str, kind: str) -> None:
    if not isinstance(option, Option):
        raise InvalidData(
            f"an option is {option!r}; it must be an Option.", hint=f"{kind}.of makes one of a name.", field=field
        )


AnyAnswer = Radio | Checklist | Text | Number
