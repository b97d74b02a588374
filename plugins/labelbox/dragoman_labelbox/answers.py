"""Answers: canonical ones and those of Labelbox's imports and exports, nested as deep as they are. Pure; no network.

An answer goes out in Labelbox's own form where the ontology asks such a question; what it does not ask, or cannot
hold (numbers), is left to the caller to keep beside it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from dragoman.schema import AnyAnswer, Checklist, Option, Radio, Text
from dragoman_labelbox.nodes import KEEPER, Question
from dragoman_labelbox.wire import Answered, Chosen

Json = dict[str, Any]


def attributes_out(
    attributes: Mapping[str, Any], questions: Mapping[str, Question]
) -> tuple[list[Json], dict[str, Any]]:
    """Part attributes into those that Labelbox asks for, in its form, and those that must be kept beside them."""
    asked: list[Json] = []
    left: dict[str, Any] = {}
    for name, value in attributes.items():
        question = questions.get(name)
        answer = Text(value) if isinstance(value, str) else value
        if question is not None and name != KEEPER and fits(answer, question):
            asked.append({"name": name, "answer": answer_out(answer, question)})
            if answer is value:
                continue
        left[name] = value
    return asked, left


def fits(answer: Any, question: Question) -> bool:
    """Say whether a question takes an answer as it is, with all that is nested in it."""
    if isinstance(answer, Radio):
        return question.kind == "radio" and _option_fits(answer.option, question)
    if isinstance(answer, Checklist):
        chosen = answer.options
        return question.kind == "checklist" and bool(chosen) and all(_option_fits(one, question) for one in chosen)
    return isinstance(answer, Text) and question.kind == "text" and bool(answer.text)


def _option_fits(option: Option, question: Question) -> bool:
    nested = question.options.get(option.name)
    if nested is None:
        return False
    return all(name in nested and fits(answer, nested[name]) for name, answer in option.attributes.items())


def answer_out(answer: AnyAnswer, question: Question) -> Any:
    """Return an answer that fits its question in the form of an import."""
    if isinstance(answer, Radio):
        return _option_out(answer.option, question)
    if isinstance(answer, Checklist):
        return [_option_out(option, question) for option in answer.options]
    return answer.text if isinstance(answer, Text) else str(answer.value)


def _option_out(option: Option, question: Question) -> Json:
    nested = question.options[option.name]
    wire: Json = {"name": option.name}
    if option.attributes:
        wire["classifications"] = [
            {"name": name, "answer": answer_out(answer, nested[name])} for name, answer in option.attributes.items()
        ]
    return wire


# -- in ---------------------------------------------------------------------------------------------------------------


def answers_in(answered: Iterable[Answered]) -> dict[str, AnyAnswer]:
    """Return the nested classifications of an export by name, without the one that keeps what is ours."""
    return {one.name: answer_in(one) for one in answered if one.name != KEEPER}


def answer_in(answered: Answered) -> AnyAnswer:
    """Return the answer to one classification of an export."""
    if answered.radio_answer is not None:
        return Radio(_option_in(answered.radio_answer))
    if answered.text_answer is not None:
        return Text(answered.text_answer.content)
    return Checklist(tuple(map(_option_in, answered.checklist_answers or ())))


def _option_in(chosen: Chosen) -> Option:
    return Option(chosen.name, answers_in(chosen.classifications or ()))


def options_of(answered: Answered) -> list[Chosen]:
    """Return the options that a classification of an export chose."""
    if answered.radio_answer is not None:
        return [answered.radio_answer]
    return list(answered.checklist_answers or ())
