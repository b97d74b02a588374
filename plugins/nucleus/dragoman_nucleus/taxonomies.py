"""Taxonomies of datasets: the labels among which categories choose. One has to be there before a row of it is."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from dragoman.schema import Checklist, Label, Ontology, Radio, Whole


class Taxonomies:
    """Adds taxonomies, and knows which labels it has added.

    Args:
        client: The SDK's client.
    """

    def __init__(self, client: Any) -> None:
        self._client = client
        self._known: dict[tuple[str, str], set[str]] = {}

    def add(self, dataset: str, name: str, labels: Iterable[str]) -> None:
        """Give a dataset a taxonomy; one that is there gets the labels that it lacks."""
        known = self._known.setdefault((dataset, name), set())
        if missing := [label for label in labels if label not in known]:
            self._client.get_dataset(dataset).add_taxonomy(name, "category", missing, update=True)
            known.update(missing)

    def admit(self, dataset: str, rows: Sequence[Label]) -> None:
        """Make sure that a dataset has the taxonomies that rows answer in."""
        asked: dict[str, dict[str, None]] = {}
        for row in [row for row in rows if row.answer is not None]:
            asked.setdefault(row.feature, {}).update(dict.fromkeys(_chosen(row)))
        for name, labels in asked.items():
            self.add(dataset, name, labels)

    def forget(self, dataset: str, name: str) -> None:
        """Know no more of a taxonomy that was deleted."""
        self._known.pop((dataset, name), None)


def _chosen(row: Label) -> list[str]:
    """Return the options that a row says in Nucleus's own way; see `codec`."""
    if not isinstance(row.geometry, Whole):
        return []
    match row.answer:
        case Radio(option):
            return [option.name]
        case Checklist(options) if type(row) is Label:
            return [option.name for option in options]
    return []


def taxonomies_of(ontology: Ontology) -> dict[str, list[str]]:
    """Return the taxonomies of an ontology: one per question with options, one of all other classifications."""
    found: dict[str, list[str]] = {}
    for feature in ontology.features:
        if feature.geometries and "whole" not in feature.geometries:
            continue
        question = next((asked for asked in feature.attributes if asked.options), None)
        if question is not None:
            found[feature.name] = [option.name for option in question.options]
        else:
            found.setdefault(ontology.name, []).append(feature.name)
    return found
