"""Weight files: what is written comes back, and nothing else is taken."""

from __future__ import annotations

import errno
import os
import pickle
import resource
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from torch import nn

from dragoman.errors import InvalidData, NotFound, PlatformError
from dragoman_local.engine.architectures import build
from dragoman_local.engine.network import Network
from dragoman_local.engine.weights import load, read_card, read_header, read_tensors, save, warm_start

FEATURES = ("cat", "dog", "owl")


def network(features: int = 3, **options: int) -> Network:
    torch.manual_seed(0)
    return build("detection", "compact", features, (64, 96), {"width": 8, "neck": 16, **options}).eval()


def images() -> torch.Tensor:
    return torch.randint(0, 256, (2, 3, 64, 96), dtype=torch.uint8, generator=torch.Generator().manual_seed(1))


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "net.safetensors"
    save(network(), FEATURES, path)
    return path


def test_a_loaded_network_gives_equal_outputs(file: Path) -> None:
    loaded = load(file, task="detection")
    with torch.inference_mode():
        expected, found = network().predict(images()), loaded.network.predict(images())
    for one, other in zip(expected, found, strict=True):
        assert torch.equal(one.boxes, other.boxes)
        assert torch.equal(one.scores, other.scores)
    assert not loaded.network.training


def test_the_card_says_what_the_file_is_for(file: Path) -> None:
    card = read_card(file)
    assert card == load(file).card
    assert (card.task, card.architecture, card.features) == ("detection", "compact", FEATURES)
    assert card.image_size == (64, 96)
    assert card.options == {"width": 8, "neck": 16, "blocks": 1}


def test_another_task_is_named(file: Path) -> None:
    with pytest.raises(InvalidData, match="for detection, not for classification"):
        load(file, task="classification")


class Malice:
    def __reduce__(self) -> tuple[object, tuple[str]]:
        return os.mkdir, ("unpickled",)


@pytest.mark.parametrize("protocol", [2, 4])
def test_pickles_are_refused_and_not_run(protocol: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "net.safetensors"
    path.write_bytes(pickle.dumps(Malice(), protocol=protocol))
    with pytest.raises(InvalidData, match="pickle"):
        load(path)
    assert not (tmp_path / "unpickled").exists()


def test_what_torch_saves_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "net.pt"
    torch.save(nn.Linear(2, 2).state_dict(), path)
    with pytest.raises(InvalidData, match="pickle or a zip"):
        read_card(path)


@pytest.mark.parametrize("keep", [0, 4, 100, -1])
def test_truncated_files_are_refused(keep: int, file: Path) -> None:
    file.write_bytes(file.read_bytes()[:keep])
    with pytest.raises(InvalidData, match="truncated"):
        load(file)


def test_missing_file(tmp_path: Path) -> None:
    with pytest.raises(NotFound, match="gone"):
        load(tmp_path / "gone.safetensors")


def rewritten(file: Path, *, card: str | None = None, drop: str | None = None, **tensors: torch.Tensor) -> Path:
    metadata, _ = read_header(file)
    changed = {name: tensor for name, tensor in read_tensors(file).items() if name != drop} | tensors
    save_file(changed, file, metadata if card is None else {"dragoman": card})
    return file


def test_tensors_that_do_not_fit_are_listed_and_none_is_loaded(file: Path) -> None:
    name = "head.classify.1.weight"
    with pytest.raises(InvalidData, match=r"1 missing \(head.classify.1.weight\)"):
        load(rewritten(file, drop=name))
    with pytest.raises(InvalidData, match=r"1 of another shape \(head.classify.1.weight\)"):
        load(rewritten(file, **{name: torch.zeros(4, 16, 1, 1)}))
    with pytest.raises(InvalidData, match=r"1 unknown \(extra\)"):
        load(rewritten(file, **{name: torch.zeros(3, 16, 1, 1)}, extra=torch.zeros(1)))


def test_cards_that_this_version_does_not_know(file: Path) -> None:
    card = read_card(file).model_dump_json()
    with pytest.raises(NotFound, match='"yolo9"'):
        load(rewritten(file, card=card.replace('"compact"', '"yolo9"')))
    with pytest.raises(InvalidData, match="format_version"):
        load(rewritten(file, card=card.replace('"format_version":1', '"format_version":2')))
    with pytest.raises(InvalidData, match=r"options\.depth"):
        load(rewritten(file, card=card.replace('"blocks"', '"depth"')))
    with pytest.raises(InvalidData, match="not valid"):
        load(rewritten(file, card="{}"))


def test_safetensors_without_a_card(tmp_path: Path) -> None:
    path = tmp_path / "other.safetensors"
    save_file({"a": torch.zeros(1)}, path)
    with pytest.raises(InvalidData, match="no card"):
        load(path)


def test_a_full_disk_leaves_the_old_file_and_no_rest(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = file.read_bytes()

    def full(_: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(PlatformError, match="No space left") as caught:
        save(network(features=5), tuple("abcde"), file)
    assert caught.value.hint is not None
    assert caught.value.hint.startswith("Free ")
    assert file.read_bytes() == before
    assert list(file.parent.iterdir()) == [file]


def test_a_write_that_stops_half_way_leaves_no_rest(tmp_path: Path) -> None:
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (4096, limits[1]))
    try:
        with pytest.raises(PlatformError, match="could not be written"):
            save(network(), FEATURES, tmp_path / "net.safetensors")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert list(tmp_path.iterdir()) == []


def test_a_missing_folder_is_said(tmp_path: Path) -> None:
    with pytest.raises(PlatformError, match="No such file"):
        save(network(), FEATURES, tmp_path / "gone" / "net.safetensors")


def test_warm_start_takes_what_fits_and_names_the_rest(file: Path) -> None:
    torch.manual_seed(7)
    other = build("detection", "compact", 5, (64, 64), {"width": 8, "neck": 16})
    fresh = warm_start(other, file)
    assert fresh == ("head.classify.3.bias", "head.classify.3.weight")
    source = read_tensors(file)
    for name, tensor in other.state_dict().items():
        assert torch.equal(tensor, source[name]) == (name not in fresh)


def test_warm_start_from_another_kind_of_network(file: Path) -> None:
    classifier = build("classification", "resnet", 3, (32, 32), {})
    with pytest.raises(InvalidData, match="not for classification with resnet"):
        warm_start(classifier, file)
