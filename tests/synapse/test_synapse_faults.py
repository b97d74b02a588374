"""Failures on the way: what can be repeated is, what cannot is looked up, and nothing is doubled."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from synapse_ground import seeded

from dragoman import RateLimited, Unavailable
from dragoman.emulate import Answer, Delay, DropAfter, DropBefore, Live
from dragoman.errors import Conflict, OutcomeUnknown

PASSING = [Answer(429, headers={"Retry-After": "1"}), Answer(502), Answer(503), DropBefore(), DropAfter()]


def ids(fault: Any) -> str:
    """The name of a fault."""
    return f"{fault.status}" if isinstance(fault, Answer) else type(fault).__name__


@pytest.mark.parametrize("fault", PASSING, ids=ids)
class TestPassingFailures:
    """A failure that passes is not seen, wherever it is repeatable to ask again."""

    def test_listings_lose_and_double_no_page(self, backend: Any, emulated: Live[Any], fault: Any) -> None:
        dataset = seeded(emulated, [f"{n}.png" for n in range(5)])
        emulated.faults.add(fault, path="/ground_truths/", skip=1)
        assert [item.key for item in backend.datasets.read_items(dataset, page_size=2)] == [
            f"{n}.png" for n in range(5)
        ]
        assert len(backend.waited) == 1

    def test_changes_are_made_once_more(self, backend: Any, emulated: Live[Any], fault: Any) -> None:
        model = backend.models.create("m", task="classification", features=["a"])
        emulated.faults.add(fault, method="PATCH")
        assert backend.models.update(model, name="n").name == "n"

    def test_a_model_is_made_once(self, backend: Any, emulated: Live[Any], fault: Any) -> None:
        emulated.faults.add(fault, method="POST", path="/models/")
        if (isinstance(fault, Answer) and fault.status != 429) or isinstance(fault, DropBefore):
            # The answer does not say that nothing was done; it is looked up, and nothing is there.
            with pytest.raises(OutcomeUnknown):
                backend.models.create("m", task="classification", features=["a"])
            backend.models.create("m", task="classification", features=["a"])
        else:
            backend.models.create("m", task="classification", features=["a"])
        assert [model.name for model in backend.models.list()] == ["m"]

    def test_a_dataset_is_made_once(self, backend: Any, emulated: Live[Any], fault: Any) -> None:
        emulated.faults.add(fault, method="POST")
        try:
            backend.datasets.create("street")
        except OutcomeUnknown:
            assert not isinstance(fault, DropAfter)
            backend.datasets.create("street")
        assert [dataset.name for dataset in backend.datasets.list()] == ["street"]


@pytest.mark.parametrize(
    "call",
    [
        lambda backend, dataset: list(backend.models.list()),
        lambda backend, dataset: backend.models.get("1"),
        lambda backend, dataset: list(backend.catalog.list()),
        lambda backend, dataset: list(backend.labels.read(dataset)),
        lambda backend, dataset: list(backend.truths.events()),
        lambda backend, dataset: backend.performance.analyse("1", dataset=dataset),
        lambda backend, dataset: backend.deployments.activate("1"),
    ],
)
def test_a_failure_that_lasts_is_one_clear_error(
    backend: Any, emulated: Live[Any], call: Callable[[Any, str], object]
) -> None:
    dataset = seeded(emulated, ["a.png"])
    emulated.faults.add(Answer(503, body='{"detail": "Maintenance."}'), times=None)
    with pytest.raises(Unavailable, match="Maintenance") as failure:
        call(backend, dataset)
    assert failure.value.platform == "synapse"
    assert failure.value.operation
    assert len(backend.waited) == 4


def test_a_limit_that_lasts_is_told(backend: Any, emulated: Live[Any]) -> None:
    emulated.faults.add(Answer(429, headers={"Retry-After": "7"}), times=None)
    with pytest.raises(RateLimited):
        list(backend.models.list())
    assert backend.waited == [7.0] * 4


def test_a_version_whose_answer_was_lost_is_not_made_twice(backend: Any, emulated: Live[Any]) -> None:
    dataset = seeded(emulated, ["a.png"])
    emulated.faults.add(DropAfter(), method="POST", path="*/versions/")
    with pytest.raises(OutcomeUnknown):
        backend.truths.freeze(dataset, "1")
    with pytest.raises(Conflict):
        backend.truths.freeze(dataset, "1")
    assert len(list(backend.truths.versions(dataset))) == 1


def test_a_slow_answer_is_waited_for(backend: Any, emulated: Live[Any]) -> None:
    emulated.faults.add(Delay(0.05))
    assert list(backend.models.list()) == []
    assert backend.waited == []
