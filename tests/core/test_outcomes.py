"""Reports of bulk calls: every row's outcome, in order, as often as asked, in little memory."""

from __future__ import annotations

import copy
import gc
import pickle
import tracemalloc
import warnings
from collections.abc import Callable
from itertools import islice
from typing import Any

import pytest

from dragoman import Outcome, PartialFailure, Report
from dragoman.schema.outcomes import SPOOL_BYTES, MeasuredLoss, RowResult

MIXED = [
    Outcome(0, "a", "created", id="1"),
    Outcome(1, "b", "updated"),
    Outcome(2, "c\u2028\n", "rejected", reason="no such item"),
    Outcome(3, "d", "ignored"),
    Outcome(4, "e", "unknown", reason="the answer was lost"),
    Outcome(5, "f", "created"),
]


def report_of(*outcomes: Outcome) -> Report:
    report = Report()
    report.add(outcomes)
    return report


def test_a_report_counts_by_status_and_in_all() -> None:
    report = report_of(*MIXED)

    assert report.counts == {"created": 2, "updated": 1, "ignored": 1, "rejected": 1, "unknown": 1}
    assert len(report) == 6
    assert report.to_dict() == {"rows": 6, "created": 2, "updated": 1, "ignored": 1, "rejected": 1, "unknown": 1}


def test_an_empty_report_is_fine_and_says_so() -> None:
    report = Report()

    assert (len(report), list(report), report.ok, repr(report)) == (0, [], True, "<Report: no rows>")
    assert report.raise_for_problems() is report


def test_outcomes_come_in_the_order_of_the_rows_as_often_as_asked() -> None:
    report = report_of(*MIXED)

    assert list(report) == MIXED
    assert list(report) == MIXED


def test_two_iterations_do_not_disturb_each_other_nor_what_is_added_meanwhile() -> None:
    report = report_of(*MIXED)
    first, second = iter(report), iter(report)

    assert [next(first), next(first), next(second)] == [MIXED[0], MIXED[1], MIXED[0]]
    report.add([Outcome(6, "g", "created")])

    assert list(first) == [*MIXED[2:], Outcome(6, "g", "created")]
    assert len(list(second)) == 6
    assert len(report) == 7


def test_outcomes_that_differ_in_rows_and_keys_only_may_be_said_together() -> None:
    report = report_of(MIXED[0])
    report.add_alike(1, ["b", "c"], RowResult("created"))
    report.add_alike([5, 3], ["f", "d"], RowResult("ignored", reason="it is there"))

    assert list(report) == [
        MIXED[0],
        Outcome(1, "b", "created"),
        Outcome(2, "c", "created"),
        Outcome(5, "f", "ignored", reason="it is there"),
        Outcome(3, "d", "ignored", reason="it is there"),
    ]
    assert report.counts == {"created": 3, "ignored": 2}


def test_what_all_rows_have_come_to_is_known_while_it_is_the_same() -> None:
    report = Report()
    assert report.common is None
    report.add_alike(0, ["a"], RowResult("created"))
    report.add_alike(1, ["b", "c"], RowResult("created"))
    report.add([])
    assert report.common == RowResult("created")
    report.add_alike(3, ["d"], RowResult("created", reason="it was sent twice"))
    assert report.common is None
    report.add_alike(4, ["e"], RowResult("created", reason="it was sent twice"))
    assert report.common is None


def test_rows_of_which_something_is_said_singly_have_nothing_in_common() -> None:
    report = Report()
    report.add_alike(0, ["a"], RowResult("created"))
    report.add([Outcome(1, "b", "created")])
    assert report.common is None


def test_problems_are_the_rows_that_are_not_on_the_platform() -> None:
    assert [outcome.key for outcome in report_of(*MIXED).problems()] == ["c\u2028\n", "e"]


@pytest.mark.parametrize("status", ["created", "updated", "ignored"])
def test_a_report_is_ok_when_every_row_is_there(status: str) -> None:
    assert report_of(Outcome(0, "a", status)).ok


@pytest.mark.parametrize("status", ["rejected", "unknown"])
def test_a_report_is_not_ok_when_a_row_may_be_missing(status: str) -> None:
    assert not report_of(Outcome(0, "a", "created"), Outcome(1, "b", status)).ok


def test_raise_for_problems_names_the_first_and_carries_the_report() -> None:
    report = report_of(*MIXED)

    with pytest.raises(PartialFailure, match="2 of 6 rows") as caught:
        report.raise_for_problems()

    assert "row 2" in str(caught.value)
    assert "no such item" in str(caught.value)
    assert caught.value.report is report


def test_a_report_shows_its_counts() -> None:
    assert repr(report_of(*MIXED)) == "<Report: created 2, ignored 1, rejected 1, unknown 1, updated 1>"


def test_many_outcomes_go_to_disk_and_memory_stays_flat() -> None:
    report, batch, batches = Report(), 1000, 100

    def add(count: int) -> int:
        """Add that many batches and return the bytes held afterwards."""
        for _ in range(count):
            start = len(report)
            report.add(Outcome(start + n, f"key-{start + n:08}", "created", id="x" * 20) for n in range(batch))
        return tracemalloc.get_traced_memory()[0]

    tracemalloc.start()
    try:
        early = add(batches // 2)
        late = add(batches // 2)
        tracemalloc.reset_peak()
        seen = sum(1 for _ in report)
        reading = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()

    assert seen == batch * batches
    assert late - early < 100_000
    assert reading - late < 200_000
    assert late < 2 * SPOOL_BYTES


def test_outcomes_on_disk_read_like_those_in_memory() -> None:
    report = Report()
    report.add(Outcome(n, "k" * 100, "created") for n in range(20_000))
    report.add(MIXED)

    assert [outcome.row for outcome in islice(report, 19_998, 20_002)] == [19_998, 19_999, 0, 1]
    assert [outcome.row for outcome in report.problems()] == [2, 4]


def test_a_report_that_is_no_longer_needed_closes_its_file() -> None:
    report = report_of(*MIXED)

    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        del report
        gc.collect()

    assert [warning for warning in caught if issubclass(warning.category, ResourceWarning)] == []


def test_the_problems_of_a_report_can_be_read_when_nobody_else_holds_it() -> None:
    assert [outcome.row for outcome in report_of(*MIXED).problems()] == [2, 4]
    assert [outcome.row for outcome in iter(report_of(*MIXED))] == [0, 1, 2, 3, 4, 5]


def test_half_of_a_character_in_a_reason_loses_no_outcome() -> None:
    report = report_of(Outcome(0, "a", "created"), Outcome(1, "b", "rejected", reason="/tmp/\udcff.png is gone"))
    report.add_alike(2, ["c", "d"], RowResult("rejected", reason="\ud800 is gone"))

    assert [(one.row, one.key, one.reason) for one in report] == [
        (0, "a", None),
        (1, "b", "/tmp/?.png is gone"),
        (2, "c", "? is gone"),
        (3, "d", "? is gone"),
    ]


@pytest.mark.parametrize("copied", [copy.copy, copy.deepcopy, lambda value: pickle.loads(pickle.dumps(value))])
def test_a_report_can_be_copied_and_sent_to_another_process(copied: Callable[[Any], Any]) -> None:
    report = report_of(*MIXED)
    report.add_alike(6, ["g"] * 100_000, RowResult("created"))
    report.losses = (MeasuredLoss("field attributes", "dropped", "no place", 1),)

    twin = copied(report)

    assert list(twin) == list(report)
    assert (twin.counts, twin.losses, twin.ok) == (report.counts, report.losses, False)
    twin.add([Outcome(100_006, "h", "created")])
    assert (len(twin), len(report)) == (100_007, 100_006)
    with pytest.raises(PartialFailure) as caught:
        report.raise_for_problems()
    assert list(copied(caught.value).report) == list(report)
