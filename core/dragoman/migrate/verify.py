"""Verification: both sides are read back and compared row by row, and what was lost is measured."""

from __future__ import annotations

import hashlib
import urllib.request
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import partial

import msgspec

from dragoman.links import NOT_TO_BE_HAD, PATIENCE, REMOTE, address, whole
from dragoman.media import path_at
from dragoman.migrate.conditions import RowKind
from dragoman.migrate.content import content_of, model_content
from dragoman.migrate.differences import Difference, Verification
from dragoman.migrate.expect import Expected
from dragoman.migrate.features import FeatureNames
from dragoman.migrate.hooks import Hooks
from dragoman.migrate.meeting import Fact, compare
from dragoman.migrate.plan import Plan
from dragoman.migrate.planning import expectation, held_rows, left_behind
from dragoman.migrate.reading import Reading, key_of
from dragoman.migrate.scope import Selection
from dragoman.migrate.sides import Sides
from dragoman.progress import Progress
from dragoman.schema import Item, Label, Model


@dataclass(frozen=True, slots=True)
class Verifier:
    """Compares what was selected on the source with its counterpart on the target.

    Args:
        sides: Both sides.
        ours: The things on the source.
        theirs: The things on the target.
        plan: What was done.
        hooks: The caller's, as they were when the rows moved.
        progress: Shown while rows are read.
    """

    sides: Sides
    ours: Selection
    theirs: Selection
    plan: Plan
    hooks: Hooks
    progress: Progress

    def run(self, *, media: bool) -> Verification:
        """Compare everything."""
        result = Verification()
        reading = Reading(self.sides.source, self.ours, self.sides.scope, self.hooks)
        names = FeatureNames((), self.plan.features)
        for kind in reading.kinds():
            step = self.plan.step(kind)
            if step is None or left_behind(step):
                continue
            held = held_rows(kind, self.sides.target, self.theirs)
            here = self._expected(result, kind, reading.moved(kind, names))
            self._compare(result, kind, here, _held(held))
            if kind == "items" and media:
                there = held_rows(kind, self.sides.target, self.theirs) or iter(())
                ours = map(partial(_media, "source"), reading.moved(kind, names))
                self._compare(result, "media", ours, map(partial(_media, "target"), there))
        self._compare_model(result, names)
        self._find_media(result, reading)
        return result

    def _compare(self, result: Verification, kind: str, here: Iterable[Fact], there: Iterable[Fact]) -> None:
        track = self.progress.track
        source, target = self.sides.source.name, self.sides.target.name
        compare(result, kind, track(here, f"verify {kind}: {source}"), track(there, f"verify {kind}: {target}"))

    def _expected(self, result: Verification, kind: RowKind, rows: Iterator[Item | Label]) -> Iterator[Fact]:
        """Yield what should be there of each row; one that cannot be written is missing, and the result says why."""
        expect = expectation(kind, self.sides.target, self.theirs, self.plan.choice)
        for row in rows:
            expected = expect(row)
            if expected.refusal is not None:
                result.add(Difference(kind, "missing", key_of(row), expected.refusal))
                continue
            shaped = expected.lossy and isinstance(row, Label)
            yield Fact(key_of(row), expected, content_of(row) if shaped else None)

    def _compare_model(self, result: Verification, names: FeatureNames) -> None:
        step = self.plan.step("model")
        if self.ours.model is None or step is None or left_behind(step):
            return
        wanted = self.ours.model.model_copy(update={"features": names.all(self.ours.model.features)})
        there = [_model(self.theirs.model)] if self.theirs.model else []
        self._compare(result, "model", [_model(wanted)], there)

    def _find_media(self, result: Verification, reading: Reading) -> None:
        """Complete the examples with where their items' media is."""
        worst = result.worst()
        wanted = {example.item for example in worst}
        items = {item.key: item for item in reading.rows("items") if item.key in wanted} if wanted else {}
        for example in worst:
            item = items.get(example.item)
            facts = {"uri": item.uri, "width": item.width, "height": item.height} if item else {}
            result.examples.append(msgspec.structs.replace(example, **facts))


def verify(
    sides: Sides, ours: Selection, theirs: Selection, plan: Plan, *, hooks: Hooks, media: bool, progress: Progress
) -> Verification:
    """Compare both sides; see `Verifier`."""
    return Verifier(sides, ours, theirs, plan, hooks, progress).run(media=media)


def _held(rows: Iterator[Item | Label] | None) -> Iterator[Fact]:
    return (Fact(key_of(row), Expected(content_of(row))) for row in rows or ())


def _model(model: Model) -> Fact:
    return Fact(model.key or model.id, Expected(model_content(model)))


def _media(side: str, item: Item) -> Fact:
    """Digest the media itself. Where it cannot be read, the reason takes the digest's place and so is a difference."""
    try:
        told = hashlib.sha256(item.data).hexdigest() if item.data is not None else _digest_at(item.uri or "")
    except NOT_TO_BE_HAD as error:
        # With the side: what cannot be read on both is not known to be the same.
        told = f"the {side}'s cannot be read from {item.uri!r}: {error}"
    return Fact(item.key, Expected(msgspec.json.encode({"sha256": told})))


def _digest_at(uri: str) -> str:
    if uri.startswith(REMOTE):
        digest = hashlib.sha256()
        with urllib.request.urlopen(address(uri), timeout=PATIENCE) as answer:
            for chunk in whole(answer):
                digest.update(chunk)
        return digest.hexdigest()
    with path_at(uri).open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
