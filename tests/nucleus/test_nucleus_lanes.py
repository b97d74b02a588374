"""Several writes at a time, as a migration makes them: they share a connection and what is known of taxonomies."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

from dragoman import Box, Item, Label
from dragoman.schema import Radio, Whole


def rows_on(item: str, number: int) -> list[Label]:
    said = Label(item, "weather", Whole(), answer=Radio.of(f"weather {number}"))
    return [said, *(Label(item, "car", Box(place, 0.0, 1.0, 1.0)) for place in range(20))]


def test_writes_at_one_time_lose_nothing_of_one_another(backend: Any) -> None:
    assert backend.limits.in_flight > 1
    dataset = backend.datasets.create("street")
    items = [Item(f"{number}", uri=f"https://example.com/{number}.jpg", width=64, height=48) for number in range(40)]
    backend.datasets.write_items(items, dataset=dataset).raise_for_problems()
    sent = [rows_on(item.key, number) for number, item in enumerate(items)]

    with ThreadPoolExecutor(backend.limits.in_flight) as lanes:
        reports = list(lanes.map(lambda rows: backend.labels.write(rows, dataset=dataset), sent))

    assert all(report.counts == {"created": 21} for report in reports)
    found = list(backend.labels.read(dataset))
    assert {(row.item, row.id) for row in found} == {(row.item, row.id) for rows in sent for row in rows}
    answers = {row.item: row.answer for row in found if row.answer is not None}
    assert answers == {item.key: Radio.of(f"weather {number}") for number, item in enumerate(items)}
