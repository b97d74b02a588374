"""Pure translation between our answers and Encord's, which are one flat list with the hash of each question."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from dragoman.errors import InvalidData
from dragoman.schema import AnyAnswer, AttributeValue, Checklist, Number, Option, Radio, Text
from dragoman_encord.structure import NOTE, Choice, Question, snake

Json = dict[str, Any]


def answers_out(given: Mapping[str, AttributeValue], questions: Mapping[str, Question]) -> list[tuple[Question, Json]]:
    """Return the answers to questions, and to those that follow from them; each with the outermost question.

    Raises:
        InvalidData: There is no such question, or the answer does not fit it.
    """
    made: list[tuple[Question, Json]] = []
    for name, value in given.items():
        if value is None:
            continue
        question = questions.get(name)
        if question is None or name == NOTE:
            raise InvalidData(
                f"The ontology asks no {name!r} there.",
                hint=f"It asks: {', '.join(known for known in questions if known != NOTE) or 'nothing'}.",
                field=f"attributes.{name}",
            )
        made += [(question, answer) for answer in _out(question, value)]
    return made


def _out(question: Question, value: AttributeValue) -> Iterator[Json]:
    """Yield what follows from an answer before the answer itself, as the SDK writes it."""
    match question.kind, value:
        case "text", (str() as text) | Text(text):
            yield _said(question, text)
        case "number", Number(number):
            yield _said(question, number)
        case "number", int() | float() if not isinstance(value, bool):
            yield _said(question, float(value))
        case "radio", str():
            yield from _chosen(question, [Option(value)])
        case "radio", Radio(option):
            yield from _chosen(question, [option])
        case "checklist", Checklist(options):
            yield from _chosen(question, options)
        case _:
            raise InvalidData(
                f"{question.name!r} asks for {question.kind}, and the answer is {value!r}.",
                field=f"attributes.{question.name}",
            )


def _chosen(question: Question, options: Iterable[Option]) -> Iterator[Json]:
    said = []
    for option in options:
        choice = question.options.get(option.name)
        if choice is None:
            raise InvalidData(
                f"{question.name!r} has no option {option.name!r}.",
                hint=f"It has: {', '.join(question.options)}.",
                field=f"attributes.{question.name}",
            )
        yield from (answer for _, answer in answers_out(option.attributes, choice.questions))
        said.append(chosen(choice))
    yield _said(question, said)


def chosen(choice: Choice) -> Json:
    """Return an option as it stands in an answer."""
    return {"name": choice.name, "value": choice.value, "featureHash": choice.hash}


def _said(question: Question, answers: Any) -> Json:
    return {
        "name": question.name,
        "value": snake(question.name),
        "answers": answers,
        "featureHash": question.hash,
        "manualAnnotation": True,
    }


def note_out(text: str, key: str) -> Json:
    """Return our note as the answer that holds it."""
    return {"name": NOTE, "value": NOTE, "answers": text, "featureHash": key, "manualAnnotation": True}


def answers_in(questions: Mapping[str, Question], by_hash: Mapping[str, Any]) -> dict[str, AttributeValue]:
    """Return the answers to questions; texts and numbers as plain values."""
    read: dict[str, AttributeValue] = {}
    for question in questions.values():
        if question.name != NOTE and question.hash in by_hash:
            answer = answer_in(question, by_hash)
            match answer:
                case Text(text):
                    read[question.name] = text
                case Number(value):
                    read[question.name] = value
                case _:
                    read[question.name] = answer
    return read


def answer_in(question: Question, by_hash: Mapping[str, Any]) -> AnyAnswer | None:
    """Return the answer to a question; None where it has none."""
    said = by_hash.get(question.hash)
    if said is None:
        return None
    if question.kind == "text":
        return Text(said)
    if question.kind == "number":
        return Number(float(said))
    by_option = {choice.hash: choice for choice in question.options.values()}
    options = [
        Option(choice.name, _nested(choice, by_hash))
        for choice in (by_option.get(option["featureHash"]) for option in said)
        if choice is not None
    ]
    if question.kind == "checklist":
        return Checklist(tuple(options))
    return Radio(options[0]) if options else None


def _nested(choice: Choice, by_hash: Mapping[str, Any]) -> dict[str, AnyAnswer]:
    found = ((q.name, answer_in(q, by_hash)) for q in choice.questions.values() if q.name != NOTE)
    return {name: answer for name, answer in found if answer is not None}
