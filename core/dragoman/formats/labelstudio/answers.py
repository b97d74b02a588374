"""Pure translation of answers: choices, texts, numbers, and taxonomies.

A taxonomy's answer is a list of paths through a tree of choices. Here it is a checklist whose options have, under the
control's own name, the checklist of what was chosen below them. A choice whose path ends at it while others go on below
cannot be told from one that is only passed through.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from dragoman.errors import InvalidData
from dragoman.formats.common.markup import Node, element, parent
from dragoman.schema import AnyAnswer, Attribute, AttributeOption, Checklist, Number, Option, Radio, Text

TAXONOMY = "taxonomy"
Value = dict[str, Any]
_Tree = dict[str, Any]
"""Name of a choice to those below it."""


def read_answer(tag: str, name: str, value: Value, *, multiple: bool) -> AnyAnswer:
    """Return the answer of a result of choices, a taxonomy, a text area, a number or a rating.

    Args:
        tag: The type of the result.
        name: The name of its control.
        value: Its value.
        multiple: Whether choices are a checklist.

    Raises:
        InvalidData: The type is unknown, or the value is not of its type.
    """
    found = value.get("text" if tag == "textarea" else tag)
    match tag, found:
        case "choices", [str(only)] if not multiple:
            return Radio.of(only)
        case "choices", [*names] if all(isinstance(name, str) for name in names):
            return Checklist.of(*names)
        case "taxonomy", [*paths] if paths and all(map(_is_path, paths)):
            return _checklist(_tree(paths), name)
        case "textarea", str(text):
            return Text(text)
        case "textarea", [*lines] if all(isinstance(line, str) for line in lines):
            return Text("\n".join(lines))
        case (("number" | "rating"), int() | float()):
            return Number(found)
        case (("choices" | "taxonomy" | "textarea" | "number" | "rating"), _):
            raise InvalidData(f"the {tag} are {found!r}.", field=f"value.{tag}")
    raise InvalidData(f"results of the type {tag!r} have no counterpart.", field="type")


def write_answer(name: str, answer: AnyAnswer) -> tuple[str, Value] | None:
    """Return the type and the value of an answer, or None where Label Studio cannot say it: options that ask on.

    Args:
        name: The name of the control.
        answer: The answer.
    """
    match answer:
        case Radio(option) if not option.attributes:
            return "choices", {"choices": [option.name]}
        case Checklist(options) if options and not any(option.attributes for option in options):
            return "choices", {"choices": [option.name for option in options]}
        case Checklist(options) if options and (paths := _paths(options, name)) is not None:
            return TAXONOMY, {TAXONOMY: paths}
        case Text(text):
            return "textarea", {"text": [text]}
        case Number(value):
            return "number", {"number": value}
    return None


def taxonomy_of(node: Node, name: str) -> tuple[AttributeOption, ...]:
    """Return the options of a tag <Taxonomy> of that name, or of one of its choices."""
    tree: dict[str, tuple[AttributeOption, ...]] = {}
    for choice in node.children:
        if choice.tag == "Choice" and choice.attributes.get("value"):
            tree.setdefault(name_of(choice), taxonomy_of(choice, name))
    return tuple(
        AttributeOption(name=value, attributes=(_below(name, options),) if options else ())
        for value, options in tree.items()
    )


def name_of(node: Node) -> str:
    """Return what results call a label or a choice: its alias, if it has one, and not what people see."""
    return node.attributes.get("alias") or node.attributes["value"]


def is_taxonomy(attribute: Attribute) -> bool:
    """Whether a question is a checklist whose options ask nothing but what is chosen below them."""
    below = any(option.attributes for option in attribute.options)
    return (
        attribute.kind == "checklist" and below and all(_nests(option, attribute.name) for option in attribute.options)
    )


def _nests(option: AttributeOption, name: str) -> bool:
    if len(option.attributes) != 1:
        return not option.attributes
    (asked,) = option.attributes
    if asked.kind != "checklist" or asked != _below(name, asked.options):
        return False
    return all(_nests(further, name) for further in asked.options)


def taxonomy_tag(attribute: Attribute, control: str, medium: str, **more: str) -> str:
    """Return a question that is a taxonomy as a tag of that name."""
    return parent("Taxonomy", _choices(attribute.options), name=control, toName=medium, **more)


def _choices(options: Iterable[AttributeOption]) -> Iterator[str]:
    for option in options:
        if option.attributes:
            yield parent("Choice", _choices(option.attributes[0].options), value=option.name)
        else:
            yield element("Choice", value=option.name)


def _below(name: str, options: tuple[AttributeOption, ...]) -> Attribute:
    return Attribute(name=name, kind="checklist", options=options)


def _is_path(path: Any) -> bool:
    return isinstance(path, list) and bool(path) and all(isinstance(step, str) and step for step in path)


def _tree(paths: Iterable[list[str]]) -> _Tree:
    tree: _Tree = {}
    for path in paths:
        below = tree
        for step in path:
            below = below.setdefault(step, {})
    return tree


def _checklist(tree: _Tree, name: str) -> Checklist:
    return Checklist(
        tuple(Option(step, {name: _checklist(below, name)} if below else {}) for step, below in tree.items())
    )


def _paths(options: Iterable[Option], name: str) -> list[list[str]] | None:
    """Return the paths through options that have nothing but options below them, or None."""
    paths: list[list[str]] = []
    for option in options:
        below = option.attributes.get(name)
        if not option.attributes:
            paths.append([option.name])
        elif len(option.attributes) == 1 and isinstance(below, Checklist) and below.options:
            further = _paths(below.options, name)
            if further is None:
                return None
            paths += ([option.name, *path] for path in further)
        else:
            return None
    return paths
