"""The report: what a migration did as figures, as JSON, and as one page that needs no other file."""

from __future__ import annotations

import json
from html.parser import HTMLParser
from pathlib import Path

import pytest
from memory import LOSSY, MemoryAdapter, open_memory
from moving import LABELS, SCOPE, TURNED, dataset_of, labels_of

from dragoman import Box, InvalidData, Keypoint, Keypoints, Label, Mask, Migration, Point, Polygon, Polyline
from dragoman.conformance.difficult import png
from dragoman.migrate import Example, Ledger
from dragoman.migrate.drawing import draw
from dragoman.migrate.report import Summary

HOSTILE = "<script>alert('x')</script>"


@pytest.fixture
def book(tmp_path: Path) -> Path:
    """Where the ledger is."""
    return tmp_path / "plan.ledger"


def summary_of(migration: Migration, book: Path, *, verified: Path | None = None, apply: bool = True) -> Summary:
    plan = migration.plan()
    if apply:
        migration.apply(plan, ledger=book)
    if verified is not None:
        migration.verify(plan).save(verified)
    ledger = Ledger(book)
    try:
        return Summary.of(plan, ledger, verified=verified)
    finally:
        ledger.close()


class Seen(HTMLParser):
    """Collects the tags of a page, and what they load from elsewhere."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.loads: list[str] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.loads += [value for name, value in attrs if name in ("src", "href") and value and value[:5] != "data:"]


def test_a_finished_migration_says_what_it_did(migration: Migration, book: Path, tmp_path: Path) -> None:
    summary = summary_of(migration, book, verified=tmp_path / "verified.json")

    assert summary.ok
    facts = json.loads(summary.to_json())
    assert facts["counts"]["labels"] == {"confirmed": LABELS}
    assert facts["planned"]["labels"] == LABELS
    assert facts["verified"]["ok"]
    assert facts["seconds"] >= 0
    assert facts["seconds_left"] is None


def test_a_migration_that_is_under_way_says_how_long_it_will_take(migration: Migration, book: Path) -> None:
    plan, ledger = migration.plan(), Ledger(book)
    ledger.note("run", "2020-01-01T00:00:00+00:00 0")
    numbers = ledger.plan("labels", ["a", "b"])
    from dragoman.migrate.states import Settled, State

    ledger.settle("labels", numbers, [Settled(State.CONFIRMED)] * 2)

    summary = Summary.of(plan, ledger)

    assert not summary.ok
    assert summary.ended is None
    assert summary.rate is not None
    assert summary.seconds_left == pytest.approx((7 + 10 + 12 - 2) / summary.rate)
    ledger.close()


def test_refused_rows_and_losses_are_in_it(source: MemoryAdapter, book: Path, tmp_path: Path) -> None:
    source.labels.write([TURNED], dataset=dataset_of(source))
    labels_of(source)[HOSTILE] = Label("nowhere", "cat", Box(0, 0, 1, 1), id=HOSTILE)
    migration = Migration(source, open_memory(name="there", fidelity=LOSSY), SCOPE, on_loss="convert")

    summary = summary_of(migration, book, verified=tmp_path / "verified.json")

    assert not summary.ok
    assert [letter.key for letter in summary.letters] == [HOSTILE]
    (loss,) = summary.losses["labels"]
    assert (loss.what, loss.rows) == ("geometry rotated_box", 1)
    assert summary.verified is not None
    assert summary.verified["losses"]["labels"][0]["worst_iou"] == pytest.approx(0.6233, abs=1e-4)


def test_the_page_needs_nothing_else_and_runs_nothing(source: MemoryAdapter, book: Path, tmp_path: Path) -> None:
    source.labels.write([TURNED], dataset=dataset_of(source))
    (tmp_path / "0.png").write_bytes(png(90))
    labels_of(source)[HOSTILE] = Label("nowhere", "cat", Box(0, 0, 1, 1), id=HOSTILE)
    migration = Migration(source, open_memory(name="there", fidelity=LOSSY), SCOPE, on_loss="convert")

    page = summary_of(migration, book, verified=tmp_path / "verified.json").page()

    seen = Seen(page)
    assert seen.loads == []
    assert "script" not in seen.tags
    assert "&lt;script&gt;" in page
    assert seen.tags.count("path") == 2, "the example as it was and as it is"
    assert page.count("data:image/png;base64,") == 1
    assert "0.623" in page


def test_a_page_of_a_run_that_was_broken_off_says_so(migration: Migration, book: Path) -> None:
    Ledger(book).close()

    assert "was broken off" in summary_of(migration, book, apply=False).page()


def test_a_file_that_is_no_verification_is_refused(migration: Migration, book: Path, tmp_path: Path) -> None:
    (tmp_path / "verified.json").write_text("[]")
    ledger = Ledger(book)

    with pytest.raises(InvalidData, match="is no verification"):
        Summary.of(migration.plan(), ledger, verified=tmp_path / "verified.json")
    ledger.close()


@pytest.mark.parametrize(
    ("shape", "path"),
    [
        (Box(1, 2, 3, 4), "M1 2L4 2L4 6L1 6Z"),
        (Polygon.of([(0, 0), (5, 0), (5, 5)]), "M0 0L5 0L5 5Z"),
        (Polyline((0, 0, 5, 5)), "M0 0L5 5"),
        (Point(4, 4), "M2.5 4L4 2.5L5.5 4L4 5.5Z"),
        (Keypoints((Keypoint("a", 4, 4), Keypoint("b", None, None, 0))), "M2.5 4L4 2.5L5.5 4L4 5.5Z"),
        (Mask(4, 4, (5, 2, 2, 2, 5)), "M1 3L1 1L3 1L3 3Z"),
    ],
)
def test_shapes_are_drawn(shape: object, path: str) -> None:
    example = Example("labels", "a", "item", "cat", 0.5, shape, shape)  # type: ignore[arg-type]

    drawing = draw(example)

    assert drawing.before == path
    assert drawing.image is None
    assert drawing.width > 0
