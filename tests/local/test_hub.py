"""Weights from a hub: what is fetched, and what is said when it is not there. No network is used."""

from __future__ import annotations

from pathlib import Path

import httpx
import huggingface_hub
import pytest
from huggingface_hub.errors import LocalEntryNotFoundError, RepositoryNotFoundError

from dragoman import InvalidData, Model, NotFound, Task, Unavailable
from dragoman.errors import DragomanError
from dragoman_local.parameters import train_config

MODEL = Model(name="m", task=Task.CLASSIFICATION, features=("a", "b"))


def test_only_safetensors_and_json_are_fetched_and_the_folder_is_started_from(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[tuple[str, str | None, list[str]]] = []

    def download(name: str, *, revision: str | None, allow_patterns: list[str]) -> str:
        asked.append((name, revision, allow_patterns))
        return str(tmp_path)

    monkeypatch.setattr(huggingface_hub, "snapshot_download", download)
    config = train_config(MODEL, {"pretrained": "hub:microsoft/resnet-18@v1", "architecture": "auto"})
    assert config.pretrained == tmp_path
    assert asked == [("microsoft/resnet-18", "v1", ["*.json", "*.safetensors"])]
    # What the worker reads is the folder, so that it needs no network.
    again = train_config(MODEL, config.model_dump(mode="json", include={"pretrained", "architecture"}))
    assert again == config


ANSWER = httpx.Response(404, request=httpx.Request("GET", "https://hub"))


@pytest.mark.parametrize(
    ("cause", "kind"),
    [
        (RepositoryNotFoundError("none", response=ANSWER), NotFound),
        (LocalEntryNotFoundError("offline"), Unavailable),
        (ConnectionError("refused"), Unavailable),
    ],
)
def test_what_is_not_there(cause: Exception, kind: type[DragomanError], monkeypatch: pytest.MonkeyPatch) -> None:
    def download(*_: object, **__: object) -> str:
        raise cause

    monkeypatch.setattr(huggingface_hub, "snapshot_download", download)
    with pytest.raises(kind, match="owner/name"):
        train_config(MODEL, {"pretrained": "hub:owner/name"})


def test_name_that_is_none() -> None:
    with pytest.raises(InvalidData, match="hub:OWNER/NAME"):
        train_config(MODEL, {"pretrained": "hub:a/b/c/d"})
