"""What one project or run keeps of a row: it depends on what the ontology asks, and on whether the row is on frames.

An ontology that Dragoman made has a place for everything under each feature, but for free-text classifications: their
answer is a plain text, under which nothing can be asked. One of somebody else's usually has none. A feature that is
not there yet gets one when it is added.
"""

from __future__ import annotations

from typing import Any

from dragoman.fidelity import EXACT, Fidelity, FidelityTable, Survival
from dragoman.schema import Label, Whole
from dragoman_labelbox.answers import attributes_out
from dragoman_labelbox.codec import CUSTOM
from dragoman_labelbox.fidelity import (
    ANSWERED,
    BARE,
    CLASS_PDF,
    IMAGES,
    MASKED,
    SOME_ANSWERS,
    TRACKED,
    VIDEOS,
    VIDEOS_OF_RUNS,
    without_store,
)
from dragoman_labelbox.nodes import Book, Known
from dragoman_labelbox.tracks import is_timed


class Target:
    """Says what is kept of a row.

    Args:
        images: The ontology of rows on images; None if there is none yet.
        videos: The ontology of rows on frames and spans.
        run: Whether it is a model run, to which predictions are written.
    """

    def __init__(self, images: Book | None, videos: Book | None, *, run: bool) -> None:
        self._books = {False: images, True: videos}
        self._forms = {False: IMAGES, True: VIDEOS_OF_RUNS if run else VIDEOS}
        fields = CLASS_PDF if run else {}
        self._tables = {timed: FidelityTable(forms, fields) for timed, forms in self._forms.items()}
        self._whole: dict[tuple[str, type, bool], FidelityTable | None] = {}
        """Tables by feature, geometry and whether on frames; None where an annotation has no place for everything."""
        self._bares: dict[tuple[Any, ...], FidelityTable] = {}

    def table(self, row: Label) -> FidelityTable:
        """Return the table that holds for a row."""
        timed = is_timed(row)
        key = (row.feature, type(row.geometry), timed)
        if key not in self._whole:
            kind, known = self._known(row, timed)
            bare = (timed and kind == "mask") or (known is not None and not known.keeps)
            self._whole[key] = None if bare else self._tables[timed]
        return self._whole[key] or self._bare(row, timed)

    def _known(self, row: Label, timed: bool) -> tuple[str, Known | None]:
        """Return as what kind of geometry a row is written, and what the ontology says of its feature."""
        kept = self._forms[timed][row.geometry.form]
        kind = "whole" if kept.survival is Survival.STORED else kept.to or row.geometry.kind
        book = self._books[timed]
        return kind, book.find(row.feature, kind) if book is not None else None

    def _bare(self, row: Label, timed: bool) -> FidelityTable:
        kind, known = self._known(row, timed)
        fields = (
            MASKED if known is None or (timed and kind == "mask") else BARE | _in_time(row, timed) | _asked(row, known)
        )
        key = (timed, *fields.items())
        if key not in self._bares:
            self._bares[key] = FidelityTable(without_store(self._forms[timed]), fields)
        return self._bares[key]


def _in_time(row: Label, timed: bool) -> dict[str, Fidelity]:
    if not timed:
        return {}
    if not isinstance(row.geometry, Whole):
        return TRACKED
    # An answer over more than one frame comes back as it is.
    return {} if row.frame is None and row.span is not None and row.span[0] < row.span[1] else ANSWERED


def _asked(row: Label, known: Known) -> dict[str, Fidelity]:
    """Return what survives of what an ontology may ask, or has a field for."""
    fields: dict[str, Fidelity] = {}
    if row.attributes:
        asked, left = attributes_out(row.attributes, known.questions)
        if asked:
            fields["attributes"] = SOME_ANSWERS if left else EXACT
    if row.answer is not None and known.question is not None and not known.alone:
        fields["answer"] = EXACT
    is_text = known.question is not None and known.question.kind == "text"
    if row.metadata.keys() == {CUSTOM} and not is_text:
        fields["metadata"] = EXACT
    return fields
