"""Answers to classifications: checked against the ontology, and as exports show them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from dragoman_labelbox.emulator.schemas import named, slug

Json = dict[str, Any]


class RowError(Exception):
    """A row of an import that is refused; it becomes an entry of the error file."""

    def __init__(self, name: str, message: str) -> None:
        super().__init__(message)
        self.name = name
        self.message = message


class Answers:
    """Translates answers.

    Args:
        new_id: Makes ids.
        confident: Whether confidences are kept.
    """

    def __init__(self, new_id: Callable[[], str], *, confident: bool) -> None:
        self._new_id = new_id
        self._confident = confident

    def nested(self, questions: list[Json], given: list[Json]) -> list[Json]:
        """Return the answers to questions that hang on a tool or an option."""
        made = []
        for each in given:
            name, schema_id = _named(each)
            question = next(named(questions, name, schema_id), None)
            if question is None:
                raise RowError("UnknownFeature", f"There is no nested classification {name or schema_id!r}.")
            made.append({**self._head(question), **self.answer(question, each.get("answer"))})
        return made

    def answer(self, question: Json, answer: Any) -> Json:
        """Return the answer to one question, under the key of its type.

        Raises:
            RowError: It is not an answer to this question.
        """
        kind = "text" if question["type"] == "prompt" else question["type"].removeprefix("response-")
        if kind == "radio" and isinstance(answer, dict):
            return {"radio_answer": self._option(question, answer)}
        if kind == "checklist" and isinstance(answer, list):
            return {"checklist_answers": [self._option(question, each) for each in answer]}
        if kind == "text" and isinstance(answer, str):
            return {"text_answer": {"content": answer}}
        raise RowError("InvalidAnnotation", f"{question['name']!r} is a {kind}; the answer is another.")

    def _option(self, question: Json, answer: Json) -> Json:
        name, schema_id = _named(answer)
        option = next(named(question["options"], name, schema_id), None)
        if option is None:
            raise RowError("UnknownFeature", f"{question['name']!r} has no option {name or schema_id!r}.")
        made = {
            "feature_id": self._new_id(),
            "feature_schema_id": option["featureSchemaId"],
            "name": option["label"],
            "value": option["value"],
            "classifications": self.nested(option["options"], answer.get("classifications") or []),
        }
        if self._confident and answer.get("confidence") is not None:
            made["confidence"] = answer["confidence"]
        if answer.get("customMetrics"):
            made["custom_metrics"] = answer["customMetrics"]
        return made

    def _head(self, node: Json) -> Json:
        return {
            "feature_id": self._new_id(),
            "feature_schema_id": node["featureSchemaId"],
            "name": node["name"],
            "value": slug(node["name"]),
        }


def _named(answer: Any) -> tuple[str | None, str | None]:
    """Return the name and feature schema id by which an answer says what it answers or chooses.

    Raises:
        RowError: It is no object.
    """
    if not isinstance(answer, dict):
        raise RowError("InvalidAnnotation", f"{answer!r} names neither a classification nor an option.")
    return answer.get("name"), answer.get("schemaId")
