"""The translation between MLflow's things and ours, without any server."""

from __future__ import annotations

import math
from datetime import UTC, datetime
from typing import Any
from urllib.parse import unquote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dragoman import Model, NotFound, PlatformError, Version
from dragoman.conformance.difficult import METADATA, STRINGS
from dragoman.schema import Status, Task
from dragoman_mlflow import codec
from dragoman_mlflow.codec import Place
from dragoman_mlflow.tags import PREFIX

TEXTS = st.text(min_size=1, max_size=20)
JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**53), 2**53)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)


def registered(model: Model) -> dict[str, Any]:
    """What MLflow answers of a model that was created."""
    name = codec.wire_name(model.key or model.name)
    return {"name": name, "description": model.description, "tags": codec.model_tags(model)}


def version_of(version: Version, *, source: str = "mlflow-artifacts:/1/r/artifacts/dragoman") -> dict[str, Any]:
    """What MLflow answers of a version that was created."""
    wire = {"name": version.model, "version": "3", "run_id": "r", "source": source}
    return {**wire, "tags": codec.version_tags(version)}


RUN: dict[str, Any] = {
    "info": {"run_id": "r", "status": "FINISHED", "start_time": 1_700_000_000_000, "end_time": "1700000001500"},
    "data": {
        "metrics": [
            {"key": "loss", "value": 0.25, "timestamp": 1_700_000_000_500, "step": 9},
            {"key": "mAP", "value": "NaN", "timestamp": 1_700_000_000_500, "step": 10},
        ],
        "params": [{"key": "lr", "value": "0.1"}],
    },
}


class TestModels:
    @given(
        name=TEXTS,
        key=TEXTS,
        features=st.lists(TEXTS, unique=True, max_size=4),
        metadata=st.dictionaries(TEXTS, JSON, max_size=3),
        task=st.sampled_from(Task) | st.none(),
    )
    def test_a_model_comes_back_whole(self, name: str, key: str, features: list[str], metadata: Any, task: Any) -> None:
        model = Model(name=name, key=key, task=task, features=tuple(features), metadata=metadata, description="d")
        found = codec.model_in(registered(model))
        assert found == model.model_copy(update={"id": codec.wire_name(key)})

    @pytest.mark.parametrize("key", [*STRINGS, ".", "..", "a/b:c", "50%2F"])
    def test_a_name_is_one_that_mlflow_takes_and_one_key_s_only(self, key: str) -> None:
        name = codec.wire_name(key)
        assert not set(name) & set("/:'\"`")
        assert name.strip(".")
        assert unquote(name) == key

    def test_a_model_of_somebody_else_has_their_tags_as_metadata(self) -> None:
        found = codec.model_in({"name": "theirs", "tags": [{"key": "team", "value": "vision"}]})
        assert (found.key, found.name, found.task, found.metadata) == ("theirs", "theirs", None, {"team": "vision"})

    def test_a_tag_that_somebody_has_spoiled_is_named(self) -> None:
        wire = {"name": "m", "tags": [{"key": PREFIX + "features", "value": "[cars"}]}
        with pytest.raises(PlatformError, match=r"tag dragoman\.features of the model m"):
            codec.model_in(wire)


class TestVersions:
    def test_a_version_comes_back_whole(self) -> None:
        version = Version(
            model="m", name="Größe", config={"epochs": 3}, tags=("b", "a"), metadata=METADATA, dataset="street"
        )
        found = codec.version_in(version_of(version), RUN)
        kept = {"model", "name", "config", "tags", "metadata", "dataset"}
        assert found.model_dump(include=kept) == version.model_dump(include=kept)
        assert (found.id, found.training) == ("m/3", "r")

    def test_the_state_of_a_version_is_what_was_told_of_it(self) -> None:
        wire = version_of(Version(model="m", name="v"))
        assert codec.version_in(wire, RUN).status is None
        told = {**wire, "tags": [{"key": PREFIX + "status", "value": "failed"}]}
        assert codec.version_in(told, RUN).status is Status.FAILED

    def test_a_version_of_somebody_else_has_what_its_run_says(self) -> None:
        wire = {"name": "m", "version": "1", "run_id": "r", "source": "models:/m-1", "description": "of cars"}
        found = codec.version_in({**wire, "aliases": ["champion"]}, RUN)
        assert (found.name, found.status, found.config) == ("1", Status.SUCCEEDED, {"lr": "0.1"})
        assert found.metadata == {"description": "of cars", "aliases": ["champion"]}
        assert found.metrics["loss"] == 0.25
        assert math.isnan(found.metrics["mAP"])

    def test_only_the_metrics_that_count_are_a_version_s(self) -> None:
        wire = version_of(Version(model="m", name="v"))
        wire["tags"].append({"key": PREFIX + "metrics", "value": '{"loss@50": "loss", "gone": "gone"}'})
        assert codec.version_in(wire, RUN).metrics == {"loss@50": 0.25}

    @pytest.mark.parametrize(
        ("version", "place"),
        [
            ("m/12", Place("m", number="12")),
            ("m@champion", Place("m", alias="champion")),
            ("a@b/1", Place("a@b", number="1")),
        ],
    )
    def test_a_version_is_named_by_number_or_by_alias(self, version: str, place: Place) -> None:
        assert Place.of(version) == place

    @pytest.mark.parametrize(
        "version", ["", "m", "m/", "/1", "m/x", "@a", "m@", "m/\u0661", "m/2147483648", "m/" + "9" * 5000]
    )
    def test_what_names_no_version_is_not_asked_for(self, version: str) -> None:
        with pytest.raises(NotFound):
            Place.of(version)


class TestRuns:
    def test_a_run_is_a_training_with_its_latest_values(self) -> None:
        found = codec.training_in(RUN, {"name": "m", "version": "3"})
        assert (found.id, found.model, found.version, found.status) == ("r", "m", "m/3", Status.SUCCEEDED)
        assert (found.progress.step, found.progress.loss, found.config) == (10, 0.25, {"lr": "0.1"})
        assert found.ended_at == datetime(2023, 11, 14, 22, 13, 21, 500_000, UTC)

    def test_a_logged_value_is_a_line(self) -> None:
        assert codec.log_line(RUN["data"]["metrics"][0]) == "2023-11-14T22:13:20+00:00 step 9: loss=0.25"

    @given(st.floats())
    def test_every_number_survives(self, value: float) -> None:
        found = codec.number_in(codec.number_out(value))
        assert found == value or (math.isnan(found) and math.isnan(value))

    @given(st.lists(st.text(max_size=8), unique=True))
    def test_every_metric_has_a_name_of_its_own_that_mlflow_takes(self, names: list[str]) -> None:
        taken = codec.metric_names(names)
        assert list(taken) == names
        assert len(set(taken.values())) == len(names)
        assert all(name and codec.metric_names([name]) == {name: name} for name in taken.values())

    def test_metrics_of_long_names_are_told_apart_within_what_mlflow_takes(self) -> None:
        taken = codec.metric_names(["x" * 300, "x" * 300 + "y", "x" * 249 + ".z"])
        assert len(set(taken.values())) == 3
        assert max(map(len, taken.values())) <= codec.LONGEST_NAME

    def test_a_parameter_of_a_longer_name_than_mlflow_takes_is_in_the_config_only(self) -> None:
        assert codec.params_out({"x" * 251: 1, "x" * 250: 2}) == [{"key": "x" * 250, "value": "2"}]

    def test_a_config_is_shown_as_far_as_mlflow_can(self) -> None:
        shown = codec.params_out({"lr": 0.1, "name": "sgd", "a/b": [1, 2], "long": "x" * 7000})
        assert shown == [
            {"key": "lr", "value": "0.1"},
            {"key": "name", "value": "sgd"},
            {"key": "a_b", "value": "[1,2]"},
        ]

    @pytest.mark.parametrize(
        ("name", "kept"), [("w.safetensors", "w.safetensors"), ("Größe 1?.bin", "Gr__e_1_.bin"), ("..", "weights")]
    )
    def test_a_file_has_a_name_that_fits_an_address(self, name: str, kept: str) -> None:
        assert codec.file_name(name) == kept
