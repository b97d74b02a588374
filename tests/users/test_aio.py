"""The asynchronous twins: what they return, how they stop, and how far they read ahead."""

from __future__ import annotations

import asyncio
import inspect
import threading
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from typing import Any

import anyio
import pytest
from memory import Busy, MemoryAdapter, State, open_memory

import dragoman.aio
from dragoman import Box, Conflict, Dataset, InvalidData, Item, Label, NotFound, Prediction, Unavailable, Unsupported
from dragoman.aio import AsyncBackend, Stream
from dragoman.aio.backend import SAFE_POINTS
from dragoman.aio.threads import _stop
from dragoman.calls.pipeline import Call
from dragoman.hookspecs import hookimpl
from dragoman.interface import FACETS

pytestmark = pytest.mark.anyio
PATIENCE = 30
"""Seconds after which something that should have happened counts as missing."""
NOT_OPERATIONS = {"declared", "supports"}
"""Public methods of facets that ask nobody."""


@pytest.fixture(params=["asyncio", "trio"])
def anyio_backend(request: pytest.FixtureRequest) -> str:
    return str(request.param)


class HoldUntilCancelled:
    """An observer that keeps a call from being sent until its caller was cancelled.

    Args:
        operation: Which call.
        number: Which of those calls, from 1.
    """

    def __init__(self, operation: str, number: int = 1) -> None:
        self.reached = threading.Event()
        self._operation = operation
        self._left = number

    @hookimpl
    def dragoman_before_call(self, call: Call) -> None:
        if str(call.operation) != self._operation:
            return
        self._left -= 1
        if self._left == 0:
            self.reached.set()
            stop = _stop.get()
            assert stop is not None
            assert stop.wait(PATIENCE)

    async def wait(self) -> None:
        assert await anyio.to_thread.run_sync(self.reached.wait, PATIENCE)


class Memory:
    """A backend in memory with a dataset of items, and its twin."""

    def __init__(self, *observers: object, items: int = 0) -> None:
        self.state = State()
        self.backend: MemoryAdapter = open_memory(SAFE_POINTS, *observers, state=self.state)
        self.twin = AsyncBackend(self.backend)
        self.dataset: Dataset = self.backend.datasets.create("pets")
        self.backend.datasets.write_items([Item(f"{n}", uri="/x.png") for n in range(items)], dataset=self.dataset)
        self.state.calls.clear()

    def labels(self) -> list[str]:
        return [label.item for label in self.state.labels[self.dataset.id or ""].values()]


@pytest.fixture
def memory() -> Memory:
    return Memory(items=9)


def rows(count: int = 9) -> list[Label]:
    return [Label(f"{number}", "cat", Box(0, 0, 5, 5)) for number in range(count)]


# -- what they are ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("facet", FACETS, ids=lambda facet: facet.name)
async def test_every_operation_has_its_twin(facet: Any) -> None:
    twin = dragoman.aio.FACETS[facet.name]
    public = {name for name, one in vars(facet).items() if inspect.isfunction(one) and not name.startswith("_")}

    assert public - NOT_OPERATIONS == {name for name in vars(twin) if not name.startswith("_")}
    for name in public:
        yields = "Iterator" in str(inspect.signature(getattr(facet, name)).return_annotation)
        assert isinstance(vars(twin)[name], Stream) == yields
        assert vars(twin)[name].__doc__ == getattr(facet, name).__doc__


async def test_every_facet_of_a_backend_has_its_twin(memory: Memory) -> None:
    assert set(dragoman.aio.FACETS) == {facet.name for facet in FACETS}
    for name, kind in dragoman.aio.FACETS.items():
        assert type(getattr(memory.twin, name)) is kind


async def test_a_twin_looks_like_its_method(memory: Memory) -> None:
    assert inspect.signature(memory.twin.models.create) == inspect.signature(memory.backend.models.create)
    assert repr(memory.twin) == "<async dragoman backend 'memory'>"
    assert repr(memory.twin.inference) == "<async memory inference: not supported>"
    assert memory.twin.capabilities() == memory.backend.capabilities()
    assert memory.twin.models.supports("create")


# -- what they do -----------------------------------------------------------------------------------------------------


async def test_connect_opens_a_backend_and_closes_it(dragoman_emulator: Any) -> None:
    dragoman_emulator("nucleus")

    async with dragoman.aio.connect("nucleus", timeout=9) as backend:
        closed: list[bool] = []
        backend.backend.close = lambda: closed.append(True)  # type: ignore[method-assign]
        dataset = await backend.datasets.create("street")
        assert [found.id async for found in backend.datasets.list()] == [dataset.id]
        assert backend.backend.settings.timeout == 9
        assert not closed

    assert closed == [True]


async def test_what_is_wrong_is_raised_as_it_is(memory: Memory) -> None:
    with pytest.raises(NotFound):
        await memory.twin.datasets.get("nowhere")
    with pytest.raises(Unsupported):
        await memory.twin.training.submit("m", dataset="d")
    with pytest.raises(Unsupported):
        await anext(memory.twin.inference.predict("v", []))
    with pytest.raises(NotFound):
        async with dragoman.aio.connect("memry"):
            pass


async def test_calls_run_at_the_same_time_up_to_the_number_of_threads() -> None:
    together = threading.Barrier(4, timeout=PATIENCE)

    class Meet:
        @hookimpl
        def dragoman_before_call(self, call: Call) -> None:
            if call.operation.name == "get":
                together.wait()

    memory = Memory(Meet())
    async with anyio.create_task_group() as group:
        for _ in range(4):
            group.start_soon(memory.twin.datasets.get, memory.dataset.id)

    assert not together.broken


@pytest.mark.parametrize("threads", [0, -1, "many"])
async def test_a_number_of_threads_with_which_no_call_would_begin_is_refused(memory: Memory, threads: Any) -> None:
    with pytest.raises(InvalidData, match="number of threads") as refused:
        AsyncBackend(memory.backend, threads=threads)

    assert refused.value.field == "threads"


async def test_what_may_pass_is_tried_again(memory: Memory) -> None:
    memory.state.fail("datasets.create", Busy("later"), times=9)
    memory.backend.pipeline._wait = lambda state: 0.0  # type: ignore[method-assign]

    with pytest.raises(Unavailable):
        await memory.twin.datasets.create("street")

    assert memory.state.calls["datasets.create"] == 3


# -- bulk writes ------------------------------------------------------------------------------------------------------


async def from_somewhere(count: int, taken: list[int] | None = None) -> AsyncIterator[Label]:
    """Yield labels as an asynchronous source does, and note how many were taken."""
    for label in rows(count):
        await anyio.lowlevel.checkpoint()
        if taken is not None:
            taken.append(1)
        yield label


async def test_rows_may_come_from_either_kind_of_source(memory: Memory) -> None:
    report = await memory.twin.labels.write(from_somewhere(5), dataset=memory.dataset)
    again = await memory.twin.labels.write(iter(rows(9)), dataset=memory.dataset)

    assert report.counts == {"created": 5}
    assert again.counts == {"ignored": 5, "created": 4}
    assert memory.state.calls["labels.write"] == 2 + 3


async def test_rows_may_be_given_by_their_name_as_to_the_method(memory: Memory) -> None:
    write: Any = memory.twin.labels.write
    report = await write(rows=from_somewhere(5), dataset=memory.dataset)
    again = await write(dataset=memory.dataset, rows=rows(9))

    assert report.counts == {"created": 5}
    assert again.counts == {"ignored": 5, "created": 4}
    with pytest.raises(TypeError, match="rows"):
        await write(dataset=memory.dataset)


async def test_a_source_that_breaks_breaks_the_write_with_its_own_error(memory: Memory) -> None:
    async def broken() -> AsyncIterator[Label]:
        async for label in from_somewhere(4):
            yield label
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await memory.twin.labels.write(broken(), dataset=memory.dataset)

    assert memory.labels() == ["0", "1", "2"]


async def test_a_row_that_must_not_be_sent_is_told_with_what_was_written(memory: Memory) -> None:
    model = await memory.twin.models.create("m", task="object_detection", features=["cat"])
    version = await memory.twin.versions.create(model, name="v")

    async def predictions() -> AsyncIterator[Prediction]:
        for number, feature in enumerate(["cat", "cat", "cat", "dog"]):
            yield Prediction(f"{number}", feature, Box(0, 0, 5, 5), confidence=0.5)

    with pytest.raises(InvalidData) as caught:
        await memory.twin.predictions.write(predictions(), version=version, dataset=memory.dataset)

    assert caught.value.row == 3
    assert caught.value.report is not None
    assert caught.value.report.counts == {"created": 3}


async def test_a_source_is_not_read_far_ahead_of_a_platform_that_is_slow() -> None:
    hold, taken = HoldUntilCancelled("labels.write"), list[int]()
    memory = Memory(hold, items=1)

    async def write() -> None:
        endless = (Label("0", "cat", Box(0, 0, 5, 5), id=f"{number}") for number in range(10**6))
        await memory.twin.labels.write(counted(endless, taken), dataset=memory.dataset)

    async with anyio.create_task_group() as group:
        group.start_soon(write)
        await hold.wait()
        seen = 0
        while seen != len(taken):
            seen = len(taken)
            await anyio.wait_all_tasks_blocked()
        group.cancel_scope.cancel()

    assert len(taken) < 300


async def counted(labels: Iterator[Label], taken: list[int]) -> AsyncIterator[Label]:
    for label in labels:
        taken.append(1)
        yield label


# -- cancelling -------------------------------------------------------------------------------------------------------


async def test_a_cancelled_write_ends_after_the_batch_that_is_under_way() -> None:
    hold = HoldUntilCancelled("labels.write", 2)
    memory = Memory(hold, items=9)

    async with anyio.create_task_group() as group:
        group.start_soon(lambda: memory.twin.labels.write(rows(), dataset=memory.dataset))
        await hold.wait()
        group.cancel_scope.cancel()

    assert memory.labels() == ["0", "1", "2", "3", "4", "5"]


async def test_a_cancelled_write_from_a_source_that_is_silent_ends() -> None:
    memory = Memory(items=9)
    silent = anyio.Event()

    async def source() -> AsyncIterator[Label]:
        async for label in from_somewhere(4):
            yield label
        silent.set()
        await anyio.sleep_forever()

    async with anyio.create_task_group() as group:
        group.start_soon(lambda: memory.twin.labels.write(source(), dataset=memory.dataset))
        await silent.wait()
        group.cancel_scope.cancel()

    assert len(memory.labels()) <= 3


async def test_a_cancelled_wait_for_the_next_attempt_ends_at_once() -> None:
    asked = threading.Event()

    class Ask:
        """An observer that tells when a call is about to be sent."""

        @hookimpl
        def dragoman_before_call(self, call: Call) -> None:
            asked.set()

    memory = Memory(Ask())
    asked.clear()
    memory.state.fail("datasets.create", Busy("later"), times=9)
    memory.backend.pipeline._wait = lambda state: 3600.0  # type: ignore[method-assign]
    memory.backend.pipeline.limits = replace(MemoryAdapter.limits, deadline=10**6)

    with anyio.fail_after(PATIENCE):
        async with anyio.create_task_group() as group:
            group.start_soon(memory.twin.datasets.create, "street")
            await anyio.to_thread.run_sync(asked.wait, PATIENCE)
            group.cancel_scope.cancel()

    assert memory.state.calls["datasets.create"] == 1


@pytest.mark.parametrize("anyio_backend", ["asyncio"], indirect=True)
@pytest.mark.parametrize("asynchronous", [False, True], ids=["sync rows", "async rows"])
async def test_the_cancellation_of_asyncio_itself_works_likewise(asynchronous: bool) -> None:
    hold = HoldUntilCancelled("labels.write", 2)
    memory = Memory(hold, items=9)
    given: Any = from_somewhere(9) if asynchronous else rows()

    async def write() -> None:
        await memory.twin.labels.write(given, dataset=memory.dataset)

    task = asyncio.create_task(write())
    await hold.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task

    assert task.cancelled()
    assert memory.labels() == ["0", "1", "2", "3", "4", "5"]


async def test_what_was_cancelled_before_it_began_is_not_begun() -> None:
    memory = Memory()

    with anyio.CancelScope() as scope:
        scope.cancel()
        await memory.twin.datasets.create("street")

    assert memory.state.calls["datasets.create"] == 0


# -- listings ---------------------------------------------------------------------------------------------------------


async def test_a_listing_asks_for_a_page_when_it_is_needed() -> None:
    seen = Pages()
    memory = Memory(seen, items=9)
    items = memory.twin.datasets.read_items(memory.dataset)
    assert seen.count == 0

    first = await anext(items)

    assert (first.key, seen.count) == ("0", 1)
    assert [item.key async for item in items] == [f"{number}" for number in range(1, 9)]
    assert seen.count == 5


async def test_a_listing_is_never_further_ahead_than_what_was_taken() -> None:
    seen = Pages()
    memory = Memory(seen, items=60)
    taken = 0

    async for _ in memory.twin.datasets.read_items(memory.dataset):
        taken += 1
        assert seen.count * MemoryAdapter.limits.page_size <= 2 * taken + 2

    assert taken == 60


async def test_a_listing_that_is_left_early_is_closed() -> None:
    closed: list[bool] = []

    def endless() -> Iterator[int]:
        try:
            yield from range(10**9)
        finally:
            closed.append(True)

    memory = Memory()
    memory.backend.datasets.list = endless  # type: ignore[assignment,method-assign]
    listing = AsyncBackend(memory.backend).datasets.list()
    async for _ in listing:
        break
    await listing.aclose()  # type: ignore[attr-defined]

    assert closed == [True]


async def test_an_error_comes_after_the_rows_before_it() -> None:
    def breaks() -> Iterator[int]:
        yield from range(100)
        raise Conflict("It was changed meanwhile.")

    memory = Memory()
    memory.backend.datasets.list = breaks  # type: ignore[assignment,method-assign]
    listing = AsyncBackend(memory.backend).datasets.list()

    assert [await anext(listing) for _ in range(100)] == list(range(100))
    with pytest.raises(Conflict):
        await anext(listing)


async def test_a_cancelled_listing_asks_for_no_further_page() -> None:
    seen, hold = Pages(), HoldUntilCancelled("datasets.read_items", 3)
    memory = Memory(seen, hold, items=60)

    async def read() -> None:
        async for _ in memory.twin.datasets.read_items(memory.dataset):
            pass

    async with anyio.create_task_group() as group:
        group.start_soon(read)
        await hold.wait()
        group.cancel_scope.cancel()

    assert seen.count == 3


class Pages:
    """Counts the pages of items that were asked for."""

    def __init__(self) -> None:
        self.count = 0

    @hookimpl
    def dragoman_before_call(self, call: Call) -> None:
        self.count += str(call.operation) == "datasets.read_items"
