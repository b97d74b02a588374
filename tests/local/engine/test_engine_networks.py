"""Networks: each architecture builds, learns something finite and refuses what does not fit it."""

from __future__ import annotations

import sys
from pathlib import Path
from types import ModuleType

import pytest
import torch
from torch import Tensor

from dragoman.errors import InvalidData, NotFound, PluginError, Unsupported
from dragoman_local.engine import torchvision_guard
from dragoman_local.engine.architectures import architecture, architectures, build
from dragoman_local.engine.assignment import Dense, assign, generalised_iou, pairwise_iou
from dragoman_local.engine.config import Task
from dragoman_local.engine.network import BoxTensors, Network, Targets
from dragoman_local.engine.weights import load, save

NONE = BoxTensors(torch.zeros(0, 4), torch.zeros(0, dtype=torch.long))
ONE = BoxTensors(torch.tensor([[10.0, 12.0, 40.0, 50.0]]), torch.tensor([2]))


def images(count: int = 2, side: int = 64) -> Tensor:
    return torch.randint(0, 256, (count, 3, side, side), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))


def new(task: str, name: str, **options: int) -> Network:
    torch.manual_seed(0)
    return build(task, name, 4, (64, 64), options)  # type: ignore[arg-type]


def check_step(network: Network, targets: Targets) -> None:
    """One step of training: the loss is finite and reaches all parameters that are used in training."""
    parts = network.train().loss(images(), targets)
    total = torch.stack(list(parts.values())).sum()
    assert torch.isfinite(total)
    torch.autograd.backward(total)
    gradients = [parameter.grad for parameter in network.parameters() if parameter.grad is not None]
    assert len(gradients) > 0.9 * len(list(network.parameters()))
    assert all(torch.isfinite(gradient).all() for gradient in gradients)


@pytest.mark.parametrize("name", ["compact", pytest.param("rf-detr", marks=pytest.mark.slow)])
@pytest.mark.parametrize("targets", [[ONE, NONE], [NONE, NONE]], ids=["one box", "no boxes"])
def test_detectors_learn_from_images_with_and_without_objects(name: str, targets: list[BoxTensors]) -> None:
    check_step(new("detection", name), targets)


@pytest.mark.parametrize("name", ["compact", "resnet"])
def test_classifiers_learn(name: str) -> None:
    check_step(new("classification", name), torch.tensor([0, 3]))


@pytest.mark.parametrize("name", ["compact", pytest.param("rf-detr", marks=pytest.mark.slow)])
def test_detections_come_best_first_with_the_scores_of_all_classes(name: str) -> None:
    with torch.inference_mode():
        raw = new("detection", name).eval().predict(images())
    assert len(raw) == 2
    for one in raw:
        assert not isinstance(one, Tensor)
        assert one.boxes.shape == (len(one.scores), 4)
        assert one.class_scores.shape == (len(one.scores), 4)
        assert (one.scores.diff() <= 0).all()
        assert torch.equal(one.scores, one.class_scores[torch.arange(len(one.scores)), one.classes])


@pytest.mark.parametrize("name", ["compact", "resnet"])
def test_probabilities_sum_to_one(name: str) -> None:
    with torch.inference_mode():
        raw = new("classification", name).eval().predict(images())
    assert isinstance(raw, Tensor)
    assert torch.allclose(raw.sum(1), torch.ones(2))


def test_the_first_architecture_of_a_task_is_its_default() -> None:
    assert [entry.name for entry in architectures("classification")] == ["compact", "resnet", "auto"]
    assert [entry.name for entry in architectures("detection")] == ["compact", "rf-detr"]
    assert architecture("detection").name == "compact"


@pytest.mark.parametrize("task", ["classification", "detection", "segmentation"])
def test_the_guide_names_every_architecture(task: Task) -> None:
    guide = (Path(__file__).parents[3] / "docs" / "howto" / "train.md").read_text()
    for entry in architectures(task):
        assert f"| `{entry.name}` |" in guide


def test_unknown_architecture_and_option_are_named() -> None:
    with pytest.raises(NotFound, match="compact, resnet, auto"):
        architecture("classification", "rf-detr")
    for task in ("classification", "detection"):
        with pytest.raises(InvalidData) as caught:
            new(task, "compact", depth=3)
        assert caught.value.field == "options.depth"


def test_resnet_depths_and_widths_belong_together() -> None:
    with pytest.raises(InvalidData, match="depths"):
        build("classification", "resnet", 4, (64, 64), {"depths": [1, 1]})


def test_sizes_that_transformers_cannot_build_are_bad_options() -> None:
    with pytest.raises(InvalidData, match="cannot build") as caught:
        new("detection", "rf-detr", d_model=98)
    assert caught.value.field == "options"


@pytest.mark.parametrize("config", [{}, {"model_type": "nope"}, {"model_type": "resnet", "hidden_sizes": "x"}])
def test_a_kept_config_that_transformers_does_not_know(config: dict[str, str]) -> None:
    with pytest.raises(InvalidData, match="cannot build"):
        build("classification", "auto", 4, (64, 64), {"config": config})


def test_a_kept_config_of_another_kind_of_network() -> None:
    with pytest.raises(InvalidData, match='for "resnet", not "rf_detr"'):
        build("detection", "rf-detr", 4, (64, 64), {"config": {"model_type": "resnet"}})


def test_rf_detr_says_which_image_size_would_do() -> None:
    with pytest.raises(InvalidData, match=r"Use 72 x 64\."):
        build("detection", "rf-detr", 4, (66, 64), {})
    with pytest.raises(InvalidData, match="square"):
        build("detection", "rf-detr", 4, (64, 96), {"windows": 2})


@pytest.mark.parametrize(("task", "name"), [("classification", "auto"), ("detection", "rf-detr")])
def test_a_folder_of_weights_is_taken_with_other_classes_and_kept_whole(task: str, name: str, tmp_path: Path) -> None:
    donor = new(task, "resnet" if name == "auto" else name).eval()
    donor.model.save_pretrained(tmp_path / "donor")  # type: ignore[operator, union-attr]
    network = build(task, name, 7, (64, 64), {}, folder=tmp_path / "donor").eval()  # type: ignore[arg-type]
    shared = [key for key, tensor in donor.state_dict().items() if tensor.shape == network.state_dict()[key].shape]
    assert len(shared) > 0.9 * len(donor.state_dict())
    assert all(torch.equal(donor.state_dict()[key], network.state_dict()[key]) for key in shared)

    save(network, tuple("abcdefg"), tmp_path / "net.safetensors")
    again = load(tmp_path / "net.safetensors").network
    with torch.inference_mode():
        expected, found = network.predict(images()), again.predict(images())
    assert torch.equal(*(raw if isinstance(raw, Tensor) else raw[0].scores for raw in (expected, found)))


def test_folders_with_pickled_weights_or_nothing_are_refused(tmp_path: Path) -> None:
    donor = new("classification", "resnet")
    donor.model.save_pretrained(tmp_path)  # type: ignore[operator, union-attr]
    (tmp_path / "model.safetensors").unlink()
    torch.save(donor.model.state_dict(), tmp_path / "pytorch_model.bin")  # type: ignore[union-attr]
    for folder in (tmp_path, tmp_path / "gone"):
        with pytest.raises(InvalidData, match="safetensors"):
            build("classification", "auto", 4, (64, 64), {}, folder=folder)


def test_an_image_size_that_a_folder_model_cannot_take(tmp_path: Path) -> None:
    from transformers import ViTConfig, ViTForImageClassification

    config = ViTConfig(hidden_size=16, num_hidden_layers=1, num_attention_heads=2, intermediate_size=16, image_size=32)
    ViTForImageClassification(config).save_pretrained(tmp_path)
    assert build("classification", "auto", 4, (32, 32), {}, folder=tmp_path).image_size == (32, 32)
    with pytest.raises(InvalidData, match="image_size 32"):
        build("classification", "auto", 4, (64, 64), {}, folder=tmp_path)


def test_statistics_of_the_folder_are_used_and_kept(tmp_path: Path) -> None:
    new("classification", "resnet").model.save_pretrained(tmp_path)  # type: ignore[operator, union-attr]
    (tmp_path / "preprocessor_config.json").write_text('{"image_mean": [0, 0, 0], "image_std": [1, 1, 1]}')
    network = build("classification", "auto", 4, (64, 64), {}, folder=tmp_path)
    assert torch.allclose(network.normalised(images()), images() / 255)
    save(network, tuple("abcd"), tmp_path / "net.safetensors")
    assert torch.allclose(load(tmp_path / "net.safetensors").network.normalised(images()), images() / 255)


@pytest.mark.parametrize("content", ["{", '{"image_mean": 0.5}'])
def test_bad_statistics_in_a_folder(content: str, tmp_path: Path) -> None:
    new("classification", "resnet").model.save_pretrained(tmp_path)  # type: ignore[operator, union-attr]
    (tmp_path / "preprocessor_config.json").write_text(content)
    with pytest.raises(InvalidData):
        build("classification", "auto", 4, (64, 64), {}, folder=tmp_path)


def test_what_starts_from_a_folder_only_or_never(tmp_path: Path) -> None:
    with pytest.raises(Unsupported, match="no weights of its own"):
        new("classification", "auto")
    with pytest.raises(Unsupported, match="does not start from a folder"):
        build("detection", "compact", 4, (64, 64), {}, folder=tmp_path)


def test_a_broken_torchvision_is_said_in_plain_words(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "torchvision.py").write_text("raise RuntimeError('operator torchvision::nms does not exist')")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "torchvision", raising=False)
    with pytest.raises(PluginError, match="torchvision is installed but cannot be loaded"):
        torchvision_guard.require_torchvision_sound()


def test_a_sound_torchvision_is_let_pass(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "torchvision.py").write_text("")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "torchvision", raising=False)
    torchvision_guard.require_torchvision_sound()
    loaded: ModuleType = sys.modules.pop("torchvision")
    assert loaded.__file__ == str(tmp_path / "torchvision.py")


def test_the_shared_head_of_compact_sees_every_level_as_it_did_in_training() -> None:
    """Statistics averaged over the levels would fit none of them, and boxes would be off by a third of their size."""
    network = new("detection", "compact")
    maps = [scale * torch.randn(2, 64, side, side) for scale, side in ((1.0, 12), (4.0, 6), (16.0, 3))]
    for _ in range(20):
        in_training = network.train().head(list(maps))  # type: ignore[operator]
    afterwards = network.eval().head(list(maps))  # type: ignore[operator]
    assert all(torch.allclose(a, b, atol=1e-5) for a, b in zip(in_training, afterwards, strict=True))


# Assignment of places to objects in `compact`.


def dense(boxes: list[list[float]], *, score: float = 0.0) -> Dense:
    """Outputs of one image at stride 8 whose place `i` predicts `boxes[i]`, with its centre there."""
    predicted = torch.tensor([boxes], dtype=torch.float32)
    centres = (predicted[0, :, :2] + predicted[0, :, 2:]) / 2
    return Dense(torch.full((1, len(boxes), 3), score), predicted, centres, torch.full((len(boxes),), 8.0))


def test_a_place_is_given_to_the_object_that_it_overlaps_most() -> None:
    wanted = BoxTensors(torch.tensor([[0.0, 0, 20, 20], [0, 0, 24, 24]]), torch.tensor([0, 1]))
    assigned = assign(dense([[0, 0, 20, 20], [0, 0, 24, 24], [80, 80, 99, 99]]), [wanted])
    assert assigned.foreground[0].tolist() == [True, True, False]
    assert assigned.boxes[0, :2].tolist() == wanted.boxes.tolist()
    assert torch.allclose(assigned.quality[0], torch.tensor([[1.0, 0, 0], [0, 1, 0], [0, 0, 0]]))


def test_the_target_score_is_one_at_the_best_place_and_less_at_the_others() -> None:
    wanted = BoxTensors(torch.tensor([[0.0, 0, 20, 20]]), torch.tensor([2]))
    assigned = assign(dense([[0, 0, 20, 16], [0, 0, 20, 10]]), [wanted])
    best, other = assigned.quality[0, :, 2].tolist()
    assert best == 1
    assert other == pytest.approx((0.5 / 0.8) ** 4)


def test_an_object_smaller_than_a_cell_still_gets_a_place() -> None:
    tiny = BoxTensors(torch.tensor([[9.0, 9.0, 11.0, 11.0]]), torch.tensor([1]))
    assigned = assign(dense([[4.0, 4.0, 11.0, 11.0], [60, 60, 70, 70]]), [tiny])
    assert assigned.foreground[0].tolist() == [True, False]


def test_images_with_many_few_and_no_objects_share_a_batch() -> None:
    two = BoxTensors(torch.tensor([[0.0, 0, 20, 20], [40, 40, 60, 60]]), torch.tensor([0, 2]))
    one = dense([[0, 0, 20, 20], [40, 40, 60, 60]])
    batch = Dense(one.logits.repeat(3, 1, 1), one.boxes.repeat(3, 1, 1), one.centres, one.strides)
    assigned = assign(batch, [NONE, two, BoxTensors(two.boxes[1:], two.classes[1:])])
    assert assigned.foreground.tolist() == [[False, False], [True, True], [False, True]]
    assert assigned.quality.sum((1, 2)).tolist() == [0, 2, 1]
    assert assigned.quality[2, 1].tolist() == [0, 0, 1]


def test_no_objects_means_background_everywhere() -> None:
    assigned = assign(dense([[0, 0, 20, 20]]), [NONE])
    assert not assigned.foreground.any()
    assert not assigned.quality.any()


def test_overlap_measures() -> None:
    a = torch.tensor([[0.0, 0, 10, 10]])
    b = torch.tensor([[0.0, 0, 10, 10], [5, 0, 15, 10], [20, 0, 30, 10]])
    assert pairwise_iou(a[None], b[None])[0, 0].tolist() == pytest.approx([1.0, 1 / 3, 0.0])
    assert generalised_iou(a.repeat(3, 1), b).tolist() == pytest.approx([1.0, 1 / 3, -1 / 3])
