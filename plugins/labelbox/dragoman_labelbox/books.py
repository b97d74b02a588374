"""Ontologies at work: looked up once per connection, and grown by what rows need.

A feature that an ontology knows gets a further tool when a row of it has another kind of geometry. An ontology that
Dragoman made because nobody had made one is open: it gets further features, too. Others are never given new names.
"""

from __future__ import annotations

from typing import Any

from dragoman.schema import Feature
from dragoman_labelbox.nodes import TOOLS, Book, Known, features_in, node_out

Json = dict[str, Any]


class Shelf:
    """The ontologies of one connection, by id."""

    def __init__(self, adapter: Any) -> None:
        self._adapter = adapter
        self._books: dict[str, Book] = {}

    def book(self, ontology: str) -> Book:
        """Return an ontology, asked for once."""
        if ontology not in self._books:
            found = self._adapter.client.get_ontology(ontology)
            self._books[ontology] = Book(ontology, found.normalized)
        return self._books[ontology]

    def known(self, ontology: str, feature: str, kind: str) -> Known | None:
        """Return what an ontology says of a feature of a kind, after it was added if it may be; else None."""
        kind = kind if kind in TOOLS else "whole"
        book = self.book(ontology)
        found = book.find(feature, kind)
        if found is None and (feature in book.features or book.kept.get("open")):
            self._grow(book, feature, kind)
            found = self.book(ontology).find(feature, kind)
        return found

    def _grow(self, book: Book, feature: str, kind: str) -> None:
        client = self._adapter.client
        normalized = client.get_ontology(book.id).normalized
        like = features_in(normalized).get(feature) or Feature(name=feature)
        schema = client.create_feature_schema(node_out(like, kind))
        position = len(normalized["classifications" if kind == "whole" else "tools"])
        client.insert_feature_schema_into_ontology(schema.uid, book.id, position)
        del self._books[book.id]
