"""Options of a training: accumulation, early stopping, precision, loaders, repeatability, sharing, memory."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from digit_canvases import make_canvases, write_canvases
from pydantic import ValidationError

from dragoman.errors import InvalidData, PlatformError
from dragoman.schema import Polygon
from dragoman_local.engine import measure
from dragoman_local.engine.assignment import Dense, assign
from dragoman_local.engine.batches import Batch, Share, plain_batches, training_batches
from dragoman_local.engine.config import Augmentation, Progress, TrainConfig
from dragoman_local.engine.device import enough_memory
from dragoman_local.engine.fitting import FittedSamples
from dragoman_local.engine.network import BoxTensors, RawDetections
from dragoman_local.engine.targets import BoxTarget, Sample, ShapeTarget
from dragoman_local.engine.team import Team
from dragoman_local.engine.train import TrainResult, train

TINY = TrainConfig(
    task="detection",
    features=("0", "1", "2"),
    image_size=(64, 64),
    steps=4,
    batch_size=4,
    precision="fp32",
    options={"width": 8, "neck": 16},
)


@pytest.fixture(scope="module")
def canvases(tmp_path_factory: pytest.TempPathFactory) -> list[Sample]:
    digits = (0, 1, 2)
    return write_canvases(tmp_path_factory.mktemp("canvases"), make_canvases(8, digits=digits), classes=digits)


def run(samples: list[Sample], **changes: object) -> tuple[TrainResult, list[Progress]]:
    reports: list[Progress] = []
    validation = changes.pop("validation", [])
    checkpoint = changes.pop("checkpoint", None)
    stop = changes.pop("stop", lambda: False)
    config = TrainConfig.model_validate({**TINY.model_dump(), **changes})
    result = train(
        config,
        samples,
        validation,  # type: ignore[arg-type]
        on_progress=reports.append,
        should_stop=stop,  # type: ignore[arg-type]
        checkpoint=checkpoint,  # type: ignore[arg-type]
    )
    return result, reports


def difference(a: TrainResult, b: TrainResult) -> float:
    pairs = zip(a.network.parameters(), b.network.parameters(), strict=True)
    return max(float((x - y).detach().abs().max()) for x, y in pairs)


class TestAccumulation:
    def test_parts_of_a_batch_hold_all_of_it(self) -> None:
        batch = Batch(0, torch.zeros(5, 3, 8, 8, dtype=torch.uint8), torch.arange(5))
        parts = batch.parts(2)
        assert [len(part.images) for part in parts] == [2, 3]
        assert torch.cat([part.targets for part in parts]).tolist() == [0, 1, 2, 3, 4]  # type: ignore[misc]
        assert len(batch.parts(9)) == 5

    def test_training_in_parts_takes_as_many_steps_and_learns(self, canvases: list[Sample]) -> None:
        _, parts = run(canvases, steps=30, accumulate=2)
        assert parts[-1].step == 30
        assert parts[-1].loss < parts[0].loss

    def test_parts_of_less_than_two_images_are_refused(self) -> None:
        with pytest.raises(ValidationError, match="two images"):
            TrainConfig(task="detection", features=("a",), batch_size=4, accumulate=3)

    def test_the_default_batch_is_checked_too(self, canvases: list[Sample]) -> None:
        with pytest.raises(InvalidData, match="less than two") as caught:
            run(canvases, batch_size=None, accumulate=9)
        assert caught.value.field == "batch_size"


class TestPatience:
    @pytest.fixture
    def losses(self, monkeypatch: pytest.MonkeyPatch) -> Callable[[list[float]], None]:
        """Let the validation of the epochs to come give these losses."""

        def give(losses: list[float]) -> None:
            left = iter(losses)
            monkeypatch.setattr(
                "dragoman_local.engine.train.measured", lambda *_: {"validation_loss": next(left), "validation_x": 1.0}
            )

        return give

    def test_training_ends_when_the_loss_does_not_fall_and_keeps_the_best(
        self, canvases: list[Sample], losses: Callable[[list[float]], None]
    ) -> None:
        losses([3.0, 2.0, 2.5, 2.2, 9.0])
        result, reports = run(canvases, steps=None, epochs=9, patience=2, validation=canvases)
        assert (result.steps, result.stopped) == (8, False)
        assert result.metrics["validation_loss"] == 2.0
        assert reports[-1].metrics["validation_loss"] == 2.2
        losses([3.0, 2.0])
        until_best, _ = run(canvases, steps=None, epochs=9, validation=canvases, stop=stop_after(4))
        assert difference(result, until_best) == 0

    def test_resumed_training_remembers_its_best_epoch(
        self, canvases: list[Sample], losses: Callable[[list[float]], None], tmp_path: Path
    ) -> None:
        options = {"steps": None, "epochs": 6, "patience": 2, "validation": canvases}
        losses([3.0, 2.0, 2.5, 2.2])
        whole, _ = run(canvases, **options)
        losses([3.0, 2.0, 2.5])
        run(canvases, **options, checkpoint=tmp_path / "c.safetensors", stop=stop_after(6))
        losses([2.2])
        resumed, _ = run(canvases, **options, checkpoint=tmp_path / "c.safetensors")
        assert (resumed.steps, dict(resumed.metrics)) == (whole.steps, dict(whole.metrics))
        assert difference(whole, resumed) == 0

    def test_without_validation_there_is_nothing_to_wait_for(self, canvases: list[Sample]) -> None:
        with pytest.raises(InvalidData, match="validation samples") as caught:
            run(canvases, patience=1)
        assert caught.value.field == "patience"


def stop_after(steps: int) -> Callable[[], bool]:
    asked = iter(range(10**9))
    return lambda: next(asked) >= steps


class TestNumbers:
    @pytest.mark.parametrize("task", ["detection", "segmentation"])
    def test_bfloat16_learns_on_a_cpu_too(self, canvases: list[Sample], task: str) -> None:
        samples = canvases
        if task == "segmentation":
            samples = []
            for sample in canvases:
                assert isinstance(sample.target, BoxTarget)
                outlines = [Polygon.of([(a, b), (c, b), (c, d), (a, d)]) for a, b, c, d in sample.target.boxes.tolist()]
                samples.append(Sample(sample.image, ShapeTarget(tuple(outlines), sample.target.classes)))
        _, reports = run(samples, task=task, precision="bf16", steps=30)
        assert np.isfinite(reports[-1].loss)
        assert reports[-1].loss < reports[0].loss

    def test_deterministic_algorithms_are_asked_for_and_given_back(self, canvases: list[Sample]) -> None:
        seen: list[bool] = []
        options = {"stop": lambda: seen.append(torch.are_deterministic_algorithms_enabled())}
        assert difference(run(canvases, deterministic=True, **options)[0], run(canvases, deterministic=True)[0]) == 0
        assert all(seen)
        assert not torch.are_deterministic_algorithms_enabled()

    def test_loaders_change_when_batches_are_made_and_not_what_is_in_them(self, canvases: list[Sample]) -> None:
        assert difference(run(canvases, loaders=2)[0], run(canvases)[0]) == 0


class TestMeasures:
    def test_perfect_boxes_are_perfect(self, canvases: list[Sample]) -> None:
        (batch,) = plain_batches(FittedSamples(canvases, (64, 64), 1), 8)
        assert not isinstance(batch.targets, torch.Tensor)
        sums = measure._Sums(images=8, loss=4.0)
        for number, target in enumerate(batch.targets):
            sums.labels += measure._labels(str(number), target)
            scores = torch.full((len(target.boxes),), 0.9)
            raw = RawDetections(target.boxes, scores, target.classes, scores[:, None].expand(-1, 3))
            sums.found += measure._found(str(number), raw)
        metrics = measure._metrics([sums])
        assert metrics == pytest.approx({"validation_loss": 0.5, "validation_mAP": 1, "validation_mAP50": 1})

    def test_a_classifier_that_is_always_wrong_has_an_accuracy_of_none(self) -> None:
        assert measure._metrics([measure._Sums(images=2, right=0)])["validation_accuracy"] == 0


def test_places_of_one_box_learn_all_its_classes() -> None:
    box = [[8.0, 8.0, 40.0, 40.0]]
    centres = torch.tensor([[24.0, 24.0], [60.0, 60.0]])
    dense = Dense(torch.zeros(1, 2, 3), torch.tensor([box[0], box[0]])[None], centres, torch.tensor([8.0, 8.0]))
    both = BoxTensors(torch.tensor(box * 2), torch.tensor([0, 2]))
    assert assign(dense, [both]).quality[0].tolist() == [[1, 0, 1], [0, 0, 0]]


def test_processes_share_a_batch_without_gap_or_double(canvases: list[Sample]) -> None:
    plain = Augmentation(mirror=False, zoom=False, colour=False)
    samples = FittedSamples(canvases, (64, 64), 1)

    def images(share: Share) -> list[bytes]:
        (batch,) = training_batches(samples, 5, range(1), 0, plain, share=share)
        return [image.numpy().tobytes() for image in batch.images]

    assert sorted(images(Share(0, 2)) + images(Share(1, 2))) == sorted(images(Share()))


def test_a_batch_too_small_for_all_processes_is_refused(canvases: list[Sample]) -> None:
    with pytest.raises(InvalidData, match="2 processes"):
        train(TINY.model_copy(update={"batch_size": 3}), canvases, on_progress=print, should_stop=bool, team=Team(0, 2))


@pytest.mark.parametrize(
    "error",
    [
        MemoryError(),
        torch.OutOfMemoryError("CUDA out of memory"),
        RuntimeError("DefaultCPUAllocator: can't allocate memory"),
    ],
)
def test_too_little_memory_is_said_with_advice(error: Exception) -> None:
    with pytest.raises(PlatformError, match="memory does not suffice for x") as caught, enough_memory("x"):
        raise error
    assert "batch_size" in (caught.value.hint or "")
    with pytest.raises(RuntimeError, match="another"), enough_memory("x"):
        raise RuntimeError("another")
