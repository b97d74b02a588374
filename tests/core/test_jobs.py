"""What works for a while, on a platform in memory: training jobs and inference."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from memory import MemoryAdapter, State, open_memory

from dragoman import (
    Dataset,
    InvalidData,
    Item,
    Prediction,
    Status,
    Timeout,
    Training,
    Unsupported,
    Whole,
    facet,
)
from dragoman.calls.pipeline import Page
from dragoman.errors import PlatformError
from dragoman.interface import Inference, Trainings, check_parameters, whole_dataset
from dragoman.schema import TrainingSource


@pytest.fixture
def backend() -> MemoryAdapter:
    return open_memory()


class FakeTrainings(Trainings):
    """A job that goes through the states it is given, one per look."""

    states: list[Training] = []

    def _get(self, training: str) -> Training:
        return self.states.pop(0) if len(self.states) > 1 else self.states[0]

    def _submit(self, model: str, sources: Any, pretrained: str | None, parameters: Any) -> Training:
        return Training(id="t1", model=model, status=Status.QUEUED, config={"sources": sources})


class FakeInference(Inference):
    def _predict(self, version: str, items: Iterator[Item], confidence: float, iou: float) -> Iterator[Prediction]:
        for item in items:
            yield Prediction(item.key, "cat", Whole(), confidence=confidence, metadata={"uri": item.uri, "iou": iou})


class Trainer(MemoryAdapter):
    training = facet(FakeTrainings)
    inference = facet(FakeInference)


@pytest.fixture
def trainer(backend: MemoryAdapter) -> Callable[..., Trainer]:
    def make(*states: Status, error: str | None = None) -> Trainer:
        made = Trainer(backend.settings, backend.pipeline._hooks)
        made.state = State()
        made.training.states = [Training(id="t1", model="m", status=status, error=error) for status in states]
        return made

    return make


def test_a_status_that_is_none_lists_nothing(trainer: Callable[..., Trainer]) -> None:
    with pytest.raises(InvalidData, match="'paused' is not a status"):
        trainer().training.list(status="paused")


@pytest.mark.parametrize("one", ["/images/a.png", Path("a.png"), Item("a", uri="a.png"), b"bytes", None])
def test_a_single_item_is_not_taken_for_many(trainer: Callable[..., Trainer], one: Any) -> None:
    with pytest.raises(InvalidData, match="items is a single one") as caught:
        trainer().inference.predict("v", one)
    assert caught.value.hint == "Put it into a list."


@pytest.mark.parametrize(
    ("chosen", "field"),
    [
        ({"confidence": None}, "confidence"),
        ({"confidence": "0.5"}, "confidence"),
        ({"iou": 1.5}, "iou"),
        ({"simplify": "x"}, "simplify"),
        ({"simplify": -1}, "simplify"),
        ({"frames": 5}, "frames"),
        ({"frames": (0,)}, "frames"),
        ({"frames": ("a", 1)}, "frames"),
        ({"frames": (3, 1)}, "frames"),
    ],
)
def test_a_number_that_is_none_is_refused_by_name(
    trainer: Callable[..., Trainer], chosen: dict[str, Any], field: str
) -> None:
    with pytest.raises(InvalidData) as caught:
        trainer().inference.predict("v", ["a.png"], **chosen)
    assert caught.value.field == field


def test_what_is_no_item_is_named_by_its_row(trainer: Callable[..., Trainer]) -> None:
    items: Any = ["a.png", b"\x89PNG"]
    with pytest.raises(InvalidData, match="A bytes is neither an item nor a path") as caught:
        list(trainer().inference.predict("v", items))
    assert caught.value.row == 1


@pytest.mark.parametrize("timeout", ["x", float("nan")])
def test_a_timeout_is_a_number(trainer: Callable[..., Trainer], timeout: Any) -> None:
    with pytest.raises(InvalidData, match="timeout is"):
        trainer(Status.RUNNING).training.wait("t1", timeout=timeout)


def test_wait_returns_the_job_when_it_has_ended(trainer: Callable[..., Trainer]) -> None:
    backend = trainer(Status.QUEUED, Status.RUNNING, Status.SUCCEEDED)
    seen: list[Status] = []

    job = backend.training.wait("t1", on_progress=lambda job: seen.append(job.status))

    assert job.status is Status.SUCCEEDED
    assert seen == [Status.QUEUED, Status.RUNNING, Status.SUCCEEDED]
    assert backend.slept == [0.5, 0.5]


def test_wait_returns_a_job_that_was_cancelled(trainer: Callable[..., Trainer]) -> None:
    assert trainer(Status.RUNNING, Status.CANCELLED).training.wait("t1").status is Status.CANCELLED


def test_wait_raises_why_a_job_failed(trainer: Callable[..., Trainer]) -> None:
    with pytest.raises(PlatformError, match="Training t1 failed: the disk is full"):
        trainer(Status.RUNNING, Status.FAILED, error="the disk is full").training.wait("t1")


def test_wait_names_the_log_only_where_there_is_one(trainer: Callable[..., Trainer], backend: MemoryAdapter) -> None:
    class Logged(FakeTrainings):
        def _logs(self, training: str, cursor: str | None, size: int) -> Page[str]:
            return Page([])

    class LoggedTrainer(MemoryAdapter):
        training = facet(Logged)

    logged = LoggedTrainer(backend.settings, backend.pipeline._hooks)
    logged.training.states = [Training(id="t1", model="m", status=Status.FAILED)]
    hints = []
    for one in (trainer(Status.FAILED), logged):
        with pytest.raises(PlatformError) as caught:
            one.training.wait("t1")
        hints.append(caught.value.hint)
    assert hints == [None, "Its log says more."]


def test_wait_gives_up_when_its_time_is_over(trainer: Callable[..., Trainer]) -> None:
    with pytest.raises(Timeout, match="Training t1 is still running after 0 s"):
        trainer(Status.RUNNING).training.wait("t1", timeout=0)


def test_a_training_learns_from_one_dataset_or_several(trainer: Callable[..., Trainer]) -> None:
    training = trainer().training
    source = TrainingSource(dataset="b", features={"lorry": ["van", "big"]}, items=["1"])

    def sources(**given: Any) -> Any:
        return training.submit("m", **given).config["sources"]

    assert sources(dataset="a") == (TrainingSource(dataset="a"),)
    assert sources(dataset=Dataset(name="x", id="a"), features={"car": "van"}) == (
        TrainingSource(dataset="a", features={"car": ("van",)}),
    )
    assert sources(dataset=["a", source]) == (TrainingSource(dataset="a"), source)
    assert sources(dataset=TrainingSource(dataset="a", labels=["7"]), features={"car": "van"}) == (
        TrainingSource(dataset="a", labels=("7",), features={"car": ("van",)}),
    )


@pytest.mark.parametrize(
    ("given", "field"),
    [
        ({"dataset": []}, "dataset"),
        ({"dataset": TrainingSource(dataset="a", features={"b": "c"}), "features": {"d": "c"}}, "features"),
    ],
)
def test_sources_that_say_nothing_or_too_much_are_refused(
    trainer: Callable[..., Trainer], given: Any, field: str
) -> None:
    with pytest.raises(InvalidData) as caught:
        trainer().training.submit("m", **given)

    assert caught.value.field == field


def test_a_mapping_is_many_to_many_and_names_what_it_leaves_alone() -> None:
    source = TrainingSource(dataset="a", features={"car": ["vehicle", "thing"], "lorry": "vehicle"})

    assert source.learned(["vehicle", "thing", "person"]) == {
        "vehicle": ("vehicle",),
        "thing": ("thing",),
        "person": ("person",),
        "car": ("vehicle", "thing"),
        "lorry": ("vehicle",),
    }
    with pytest.raises(InvalidData, match="no feature 'vehicle'"):
        source.learned(["thing"])


def test_a_platform_that_learns_from_one_whole_dataset_refuses_the_rest() -> None:
    one = TrainingSource(dataset="a")

    assert whole_dataset([one]) is one
    for sources in ([one, one], [TrainingSource(dataset="a", items=["1"])], [TrainingSource(dataset="a", labels=[])]):
        with pytest.raises(Unsupported):
            whole_dataset(sources)


def test_hyper_parameters_that_nobody_knows_are_refused() -> None:
    check_parameters({"epochs": 3}, {"epochs": 1, "batch_size": 16})
    with pytest.raises(InvalidData, match="no training parameter 'epocs'") as caught:
        check_parameters({"epocs": 3}, {"epochs": 1, "batch_size": 16})

    assert caught.value.field == "parameters.epocs"
    assert caught.value.hint == "The parameters are: batch_size, epochs."


def test_predict_takes_items_and_files_and_yields_as_it_goes(trainer: Callable[..., Trainer], tmp_path: Any) -> None:
    asked: list[str] = []

    def media() -> Iterator[Item | str]:
        for item in (Item("a", uri="/a.png"), tmp_path / "b.png", "c.png"):
            asked.append(str(item))
            yield item

    found = trainer(Status.QUEUED).inference.predict("v", media(), confidence=0.1, iou=0.9)

    assert asked == []
    assert next(found).item == "a"
    assert len(asked) == 1
    assert [(row.item, row.metadata["uri"]) for row in found] == [
        (str(tmp_path / "b.png"), str(tmp_path / "b.png")),
        ("c.png", "c.png"),
    ]


@pytest.mark.parametrize("field", ["confidence", "iou"])
@pytest.mark.parametrize("value", [-0.1, 1.1, float("nan")])
def test_thresholds_outside_of_0_to_1_are_refused_at_once(
    trainer: Callable[..., Trainer], field: str, value: float
) -> None:
    with pytest.raises(InvalidData) as caught:
        trainer(Status.QUEUED).inference.predict("v", [], **{field: value})

    assert caught.value.field == field
