"""Training: it learns, repeats itself, can be stopped and resumed, and says what is wrong with its input."""

from __future__ import annotations

from collections.abc import Callable
from itertools import chain
from pathlib import Path

import numpy as np
import pytest
import torch
from detection_scores import mean_average_precision
from digit_canvases import CLASSES, make_canvases, plain_digits, write_canvases
from pydantic import ValidationError

from dragoman.errors import Conflict, InvalidData, PlatformError, Unsupported
from dragoman_local.engine.architectures import resolved
from dragoman_local.engine.batches import plain_batches, training_batches
from dragoman_local.engine.config import Augmentation, Progress, TrainConfig
from dragoman_local.engine.device import pick_device
from dragoman_local.engine.fitting import FittedSamples
from dragoman_local.engine.network import Network
from dragoman_local.engine.predict import ClassResult, Settings, predict
from dragoman_local.engine.targets import BoxTarget, Sample, Target
from dragoman_local.engine.train import TrainResult, learning_rate_share, train
from dragoman_local.engine.weights import save

TINY = TrainConfig(
    task="detection",
    features=("0", "1", "2"),
    image_size=(64, 64),
    steps=6,
    batch_size=4,
    options={"width": 8, "neck": 16},
)


@pytest.fixture(scope="module")
def canvases(tmp_path_factory: pytest.TempPathFactory) -> list[Sample]:
    """Ten pictures with digits 0 to 2, so that six steps of four images cross the ends of two epochs."""
    digits = (0, 1, 2)
    return write_canvases(tmp_path_factory.mktemp("canvases"), make_canvases(10, digits=digits), classes=digits)


def run(
    config: TrainConfig,
    samples: list[Sample],
    *,
    stop_before: int | None = None,
    checkpoint: Path | None = None,
    validation: list[Sample] | None = None,
) -> tuple[TrainResult, list[Progress]]:
    """Train, asking to stop when `stop_before` steps were asked for, and return the result and all reports."""
    reports: list[Progress] = []
    result = train(
        config,
        samples,
        validation or [],
        on_progress=reports.append,
        should_stop=stopping_after(stop_before),
        checkpoint=checkpoint,
    )
    return result, reports


def stopping_after(steps: int | None) -> Callable[[], bool]:
    asked = iter(range(10**9))
    return lambda: steps is not None and next(asked) >= steps


def equal_weights(a: Network, b: Network) -> bool:
    mine, other = a.state_dict(), b.state_dict()
    return mine.keys() == other.keys() and all(torch.equal(mine[name], other[name]) for name in mine)


# Learning.


@pytest.mark.slow
def test_a_detector_learns_in_seconds_what_an_untrained_one_does_not_know(tmp_path: Path) -> None:
    digits = (0, 1)
    (tmp_path / "held").mkdir()
    learn = write_canvases(tmp_path, make_canvases(300, digits=digits), classes=digits)
    held = write_canvases(tmp_path / "held", make_canvases(60, held_out=True, digits=digits), classes=digits)
    config = TrainConfig(task="detection", features=("0", "1"), image_size=(96, 96), steps=90)
    trained, reports = run(config, learn)
    untrained, _ = run(config.model_copy(update={"steps": 1}), learn)

    def score(result: TrainResult) -> float:
        found = list(predict(result.network, [sample.image for sample in held], Settings(confidence=0.01)))
        return mean_average_precision(held, found)[1]

    assert reports[-1].loss < 0.6 * reports[0].loss
    assert score(trained) > score(untrained) + 0.2


@pytest.mark.slow
def test_a_classifier_learns_handwritten_digits(tmp_path: Path) -> None:
    (tmp_path / "held").mkdir()
    learn, held = plain_digits(tmp_path, 1400), plain_digits(tmp_path / "held", 397, held_out=True)
    config = TrainConfig(task="classification", features=CLASSES, image_size=(32, 32), epochs=6)
    result, reports = run(config, learn, validation=held)
    found = predict(result.network, [sample.image for sample in held])
    right = [
        isinstance(one, ClassResult) and one.probabilities.argmax() == sample.target
        for one, sample in zip(found, held, strict=True)
    ]
    assert np.mean(right) > 0.95
    assert reports[-1].metrics["validation_accuracy"] == pytest.approx(np.mean(right), abs=1e-9)


def test_rf_detr_takes_a_step_through_the_same_loop(canvases: list[Sample]) -> None:
    result, reports = run(TINY.model_copy(update={"architecture": "rf-detr", "options": {}, "steps": 1}), canvases)
    assert result.network.architecture == "rf-detr"
    assert np.isfinite(reports[-1].loss)


# Repeating.


def test_the_same_seed_gives_the_same_weights_and_another_seed_does_not(canvases: list[Sample]) -> None:
    first, second = run(TINY, canvases)[0], run(TINY, canvases)[0]
    other = run(TINY.model_copy(update={"seed": 1}), canvases)[0]
    assert equal_weights(first.network, second.network)
    assert not equal_weights(first.network, other.network)


def test_training_leaves_the_callers_random_numbers_and_threads_alone(canvases: list[Sample]) -> None:
    torch.manual_seed(5)
    before = torch.get_rng_state(), torch.get_num_threads()
    run(TINY.model_copy(update={"threads": 2, "steps": 1}), canvases)
    assert torch.equal(torch.get_rng_state(), before[0])
    assert torch.get_num_threads() == before[1]


@pytest.mark.parametrize("stop", [1, 3, 5])
@pytest.mark.parametrize("architecture", ["compact", "rf-detr"])
def test_a_resumed_training_ends_as_if_it_had_never_stopped(
    architecture: str, stop: int, canvases: list[Sample], tmp_path: Path
) -> None:
    options = TINY.options if architecture == "compact" else {"layers": 4, "hidden_size": 32, "d_model": 32}
    config = TINY.model_copy(update={"architecture": architecture, "options": options})
    checkpoint = tmp_path / "checkpoint.safetensors"
    halted, _ = run(config, canvases, stop_before=stop, checkpoint=checkpoint)
    assert (halted.stopped, halted.steps) == (True, stop)
    resumed, reports = run(config, canvases, checkpoint=checkpoint)
    whole, _ = run(config, canvases)
    assert (resumed.stopped, resumed.steps) == (False, config.steps)
    assert reports[0].step > stop
    assert equal_weights(resumed.network, whole.network)


def test_a_finished_training_resumes_to_its_result(canvases: list[Sample], tmp_path: Path) -> None:
    checkpoint = tmp_path / "checkpoint.safetensors"
    done, _ = run(TINY, canvases, checkpoint=checkpoint)
    again, reports = run(TINY, canvases, checkpoint=checkpoint)
    assert reports == []
    assert (again.stopped, again.steps) == (False, 6)
    assert equal_weights(done.network, again.network)


def test_stopping_before_the_first_step(canvases: list[Sample], tmp_path: Path) -> None:
    result, reports = run(TINY, canvases, stop_before=0, checkpoint=tmp_path / "c.safetensors")
    assert (result.stopped, result.steps, reports) == (True, 0, [])
    assert equal_weights(
        run(TINY, canvases, checkpoint=tmp_path / "c.safetensors")[0].network, run(TINY, canvases)[0].network
    )


def test_a_checkpoint_of_another_training_is_refused(canvases: list[Sample], tmp_path: Path) -> None:
    checkpoint = tmp_path / "checkpoint.safetensors"
    run(TINY, canvases, stop_before=2, checkpoint=checkpoint)
    with pytest.raises(Conflict, match="learning_rate, seed"):
        run(TINY.model_copy(update={"seed": 3, "learning_rate": 0.5}), canvases, checkpoint=checkpoint)
    with pytest.raises(Conflict, match="samples"):
        run(TINY, canvases[:-1], checkpoint=checkpoint)
    elsewhere = TINY.model_copy(update={"threads": 2, "cache_mb": 0, "device": "cpu"})
    assert run(elsewhere, canvases, checkpoint=checkpoint)[0].steps == 6


def test_a_weight_file_or_nonsense_is_no_checkpoint(canvases: list[Sample], tmp_path: Path) -> None:
    path = tmp_path / "c.safetensors"
    save(run(TINY, canvases)[0].network, TINY.features, path)
    with pytest.raises(InvalidData, match="no checkpoint"):
        run(TINY, canvases, checkpoint=path)
    path.write_bytes(b"nonsense")
    with pytest.raises(InvalidData):
        run(TINY, canvases, checkpoint=path)


def test_checkpoints_come_as_often_as_asked(canvases: list[Sample], tmp_path: Path) -> None:
    checkpoint = tmp_path / "checkpoint.safetensors"
    written: list[int] = []

    def note(progress: Progress) -> None:
        written.append(progress.step if checkpoint.exists() else 0)

    config = TINY.model_copy(update={"checkpoint_every": 2})
    train(config, canvases, on_progress=note, should_stop=lambda: False, checkpoint=checkpoint)
    # A report comes before the checkpoint of the same step: the first at 2, then 3 (end of an epoch), 4, 5 and 6.
    assert written == [0, 3, 4, 5, 6]


def test_a_checkpoint_that_cannot_be_written_ends_the_training(canvases: list[Sample], tmp_path: Path) -> None:
    with pytest.raises(PlatformError, match="could not be written"):
        run(TINY, canvases, checkpoint=tmp_path / "gone" / "c.safetensors")


def test_starting_from_weights_of_other_classes(canvases: list[Sample], tmp_path: Path) -> None:
    path = tmp_path / "net.safetensors"
    save(run(TINY, canvases)[0].network, TINY.features, path)
    more = TINY.model_copy(update={"features": ("0", "1", "2", "3"), "pretrained": path})
    warm, _ = run(more, canvases, stop_before=0)
    cold, _ = run(more.model_copy(update={"pretrained": None}), canvases, stop_before=0)
    donor = run(TINY, canvases)[0].network.state_dict()
    stem = "backbone.stem.0.0.weight"
    assert torch.equal(warm.network.state_dict()[stem], donor[stem])
    assert not torch.equal(cold.network.state_dict()[stem], donor[stem])


# Reporting.


def test_reports_rise_to_the_last_step_and_name_the_parts_of_the_loss(canvases: list[Sample]) -> None:
    _, reports = run(TINY, canvases, validation=canvases)
    assert [report.step for report in reports] == [3, 5, 6]
    assert [report.epoch for report in reports] == [1, 1, 2]
    for report in reports:
        assert report.steps == 6
        assert report.loss == pytest.approx(report.metrics["score"] + report.metrics["box"])
        assert report.metrics["validation_loss"] > 0
        assert report.images_per_second > 0
        assert report.eta_s >= 0
    assert reports[-1].eta_s == 0


def test_epochs_count_every_sample_once(canvases: list[Sample]) -> None:
    result, reports = run(TINY.model_copy(update={"steps": None, "epochs": 2}), canvases)
    assert result.steps == 5
    assert reports[-1].epoch == 1


def test_the_learning_rate_rises_and_falls() -> None:
    shares = [learning_rate_share(step, 100) for step in range(100)]
    assert shares[0] == 0.1
    assert max(shares) == shares[9] == 1.0
    assert np.all(np.diff(shares[:10]) > 0)
    assert np.all(np.diff(shares[10:]) < 0)
    assert shares[-1] < 0.001
    assert learning_rate_share(0, 1) == 1.0


# Batches.


def test_every_epoch_takes_every_sample_once_in_another_order(canvases: list[Sample]) -> None:
    plain = Augmentation(mirror=False, zoom=False, colour=False)
    samples = FittedSamples(canvases, (64, 64), cache_mb=1)
    batches = list(training_batches(samples, 4, range(5), 0, plain))
    seen = [image.numpy().tobytes() for batch in batches for image in batch.images]
    assert [len(batch.images) for batch in batches] == [4] * 5
    assert len(set(seen[:10])) == 10
    assert set(seen[:10]) == set(seen[10:])
    assert seen[:10] != seen[10:]


@pytest.mark.parametrize("cache_mb", [0, 1])
def test_the_cache_changes_nothing_but_how_often_a_file_is_read(
    cache_mb: int, canvases: list[Sample], monkeypatch: pytest.MonkeyPatch
) -> None:
    read: list[Path] = []
    from dragoman_local.engine import fitting as module

    monkeypatch.setattr(
        module, "read_image", lambda path, original=module.read_image: read.append(path) or original(path)
    )
    samples = FittedSamples(canvases, (64, 64), cache_mb)
    first, second = list(plain_batches(samples, 4)), list(plain_batches(samples, 4))
    assert len(read) == (10 if cache_mb else 20)
    assert all(torch.equal(a.images, b.images) for a, b in zip(first, second, strict=True))


def test_the_cache_keeps_to_its_bound(canvases: list[Sample], monkeypatch: pytest.MonkeyPatch) -> None:
    read: list[Path] = []
    from dragoman_local.engine import fitting as module

    monkeypatch.setattr(
        module, "read_image", lambda path, original=module.read_image: read.append(path) or original(path)
    )
    # One MiB holds five images of 256 x 256 x 3 bytes.
    samples = FittedSamples(canvases, (256, 256), cache_mb=1)
    for _ in range(2):
        list(plain_batches(samples, 4))
    assert len(read) == 10 + 5


def test_preparing_ahead_gives_the_same_batches_and_passes_errors_on(canvases: list[Sample]) -> None:
    samples = FittedSamples(canvases, (64, 64), cache_mb=1)
    ahead, plain = plain_batches(samples, 4, loaders=2), plain_batches(samples, 4)
    assert all(torch.equal(a.images, b.images) for a, b in zip(ahead, plain, strict=True))
    broken = FittedSamples([Sample(Path("gone.png"), 0)], (64, 64), cache_mb=1)
    with pytest.raises(Exception, match=r"gone\.png"):
        list(plain_batches(broken, 4, loaders=2))


# Bad input.


def test_a_corrupt_image_is_named(canvases: list[Sample], tmp_path: Path) -> None:
    bad = tmp_path / "half.png"
    bad.write_bytes(canvases[0].image.read_bytes()[:200])
    with pytest.raises(InvalidData, match=r"half\.png"):
        run(TINY, [*canvases, Sample(bad, canvases[0].target)])


def test_a_loss_that_is_not_finite_ends_the_training_before_it_is_kept(canvases: list[Sample], tmp_path: Path) -> None:
    checkpoint = tmp_path / "checkpoint.safetensors"
    with pytest.raises(InvalidData, match="no longer a finite number") as caught:
        run(TINY.model_copy(update={"learning_rate": 1e30}), canvases, checkpoint=checkpoint)
    assert caught.value.field == "learning_rate"
    assert not checkpoint.exists()


BOX = np.array([[1.0, 1.0, 9.0, 9.0]])
FIRST = np.array([0])


@pytest.mark.parametrize(
    ("target", "field"),
    [
        pytest.param(1, "target", id="class index for detection"),
        pytest.param(BoxTarget(BOX, np.array([3])), "target.classes", id="class too high"),
        pytest.param(BoxTarget(BOX, np.array([-1])), "target.classes", id="class below zero"),
        pytest.param(BoxTarget(BOX, np.array([0, 1])), "target.boxes", id="more classes than boxes"),
        pytest.param(BoxTarget(BOX[:, :3], FIRST), "target.boxes", id="three coordinates"),
        pytest.param(BoxTarget(BOX * np.nan, FIRST), "target.boxes", id="not a number"),
        pytest.param(BoxTarget(BOX[:, [2, 1, 0, 3]], FIRST), "target.boxes", id="right of its own right side"),
        pytest.param(BoxTarget(BOX + 1000, FIRST), "target.boxes", id="outside the image"),
    ],
)
def test_a_bad_target_is_named_by_row_and_field(target: Target, field: str, canvases: list[Sample]) -> None:
    with pytest.raises(InvalidData) as caught:
        run(TINY, [*canvases, Sample(canvases[0].image, target)])
    assert (caught.value.row, caught.value.field) == (10, field)


def test_boxes_are_no_target_for_classification(canvases: list[Sample]) -> None:
    config = TrainConfig(task="classification", features=("a",))
    with pytest.raises(InvalidData, match="class index"):
        run(config, canvases)


def test_no_samples() -> None:
    with pytest.raises(InvalidData, match="at least one sample"):
        run(TINY, [])


@pytest.mark.parametrize(
    "bad",
    [
        {"epochs": 1, "steps": 1},
        {"features": ()},
        {"features": ("a", "a")},
        {"learning_rate": float("nan")},
        {"batch_size": 1},
        {"image_size": (8, 64)},
        {"task": "tracking"},
        {"momentum": 0.9},
    ],
)
def test_bad_settings(bad: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        TrainConfig(**{"task": "detection", "features": ("a",), **bad})  # type: ignore[arg-type]


def test_defaults_come_from_the_architecture_and_what_is_given_stays() -> None:
    config = resolved(TrainConfig(task="detection", features=("a",), batch_size=3, weight_decay=0))
    assert (config.architecture, config.batch_size, config.weight_decay) == ("compact", 3, 0)
    assert config.augmentation.zoom is False
    assert None not in (config.epochs, config.learning_rate, config.image_size)
    assert resolved(TrainConfig(task="detection", features=("a",), steps=5)).epochs is None
    assert resolved(TrainConfig(task="classification", features=("a",))).augmentation.zoom is True
    kept = TrainConfig(task="classification", features=("a",), augmentation=Augmentation(zoom=False))
    assert resolved(kept).augmentation.zoom is False


@pytest.mark.skipif(torch.cuda.is_available(), reason="says what happens without a GPU")
def test_cuda_without_a_gpu() -> None:
    assert pick_device("auto").type == "cpu"
    with pytest.raises(Unsupported, match="no CUDA device"):
        pick_device("cuda")


def test_settings_survive_json() -> None:
    assert TrainConfig.model_validate_json(TINY.model_dump_json()) == TINY


def test_digits_that_are_learned_from_are_not_those_that_are_held_out() -> None:
    learn, held = make_canvases(5), make_canvases(5, held_out=True)
    assert not any(np.array_equal(a.image, b.image) for a, b in zip(learn, held, strict=True))
    assert all(len(canvas.boxes) in range(1, 5) for canvas in chain(learn, held))
