"""The public methods of the facets, on a platform in memory: validation, paging, and answers that were lost."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from memory import Busy, LostAnswer, MemoryAdapter, items, open_memory, predictions

from dragoman import (
    AuthenticationError,
    Box,
    Conflict,
    Dataset,
    Feature,
    InvalidData,
    Label,
    Model,
    NotFound,
    Ontology,
    OutcomeUnknown,
    Task,
    Version,
)
from dragoman.calls.limits import Limits

BOX = Box(1, 2, 3, 4)


# -- models -----------------------------------------------------------------------------------------------------------


def test_a_model_is_created_with_what_was_said(backend: MemoryAdapter) -> None:
    made = backend.models.create(
        "detector", task=Task.OBJECT_DETECTION, features=("cat", "dog"), description="finds pets", metadata={"n": 1}
    )

    assert made == Model(
        name="detector",
        task=Task.OBJECT_DETECTION,
        features=("cat", "dog"),
        id=made.id,
        key="detector",
        description="finds pets",
        metadata={"n": 1},
    )
    assert made.id
    assert backend.models.get(made) == backend.models.get(made.id) == made


def test_a_feature_named_twice_is_refused_and_nothing_is_sent(backend: MemoryAdapter) -> None:
    with pytest.raises(InvalidData) as caught:
        backend.models.create("m", task="classification", features=["cat", "dog", "cat"])

    assert caught.value.field == "features"
    assert not backend.state.calls


@pytest.mark.parametrize("name", ["", "\ud800", 5])
def test_what_has_no_proper_name_is_refused_and_nothing_is_sent(backend: MemoryAdapter, name: Any) -> None:
    creations = (
        lambda: backend.models.create(name, task="classification", features=[], key="k"),
        lambda: backend.datasets.create(name),
    )
    for create in creations:
        with pytest.raises(InvalidData, match=r"name is .*: .*should") as caught:
            create()
        assert caught.value.field == "name"
    assert not backend.state.calls


@pytest.mark.parametrize("call", ["create", "update"])
def test_a_config_that_json_cannot_hold_is_refused_by_its_place(backend: MemoryAdapter, call: str) -> None:
    config = {"optimizer": {"rates": [0.1, float("inf")]}}
    with pytest.raises(InvalidData, match=r"config\.optimizer\.rates\[1\] is inf"):
        getattr(backend.versions, call)("m", name="v", config=config)
    assert not backend.state.calls


def test_a_status_that_is_none_is_refused_and_they_are_named(backend: MemoryAdapter) -> None:
    with pytest.raises(InvalidData, match="'paused' is not a status") as caught:
        backend.versions.update("v", status="paused")
    assert "running" in str(caught.value.hint)


def test_a_version_whose_fields_break_the_schema_is_refused(backend: MemoryAdapter) -> None:
    with pytest.raises(InvalidData, match=r"Version tags\.1 is 5") as caught:
        backend.versions.create("m", name="v", tags=["a", 5])  # type: ignore[list-item]
    assert caught.value.field == "tags.1"
    assert not backend.state.calls


def test_what_is_no_id_and_has_none_is_refused(backend: MemoryAdapter) -> None:
    with pytest.raises(InvalidData, match="5 is no id, and has none"):
        backend.models.get(5)  # type: ignore[arg-type]


def test_a_task_that_is_none_is_refused_and_the_tasks_are_named(backend: MemoryAdapter) -> None:
    with pytest.raises(InvalidData, match="'guessing' is not a task") as caught:
        backend.models.create("m", task="guessing", features=["cat"])

    assert caught.value.field == "task"
    assert caught.value.hint == "The tasks are: classification, object_detection, instance_segmentation."


def test_a_second_model_of_a_key_is_a_conflict(backend: MemoryAdapter, model: Model) -> None:
    with pytest.raises(Conflict) as caught:
        backend.models.create("another", task="classification", features=["cat"], key="det-1")

    assert (caught.value.platform, caught.value.operation) == ("memory", "models.create")
    assert len(backend.state.models) == 1


def test_what_is_not_there_is_not_found(backend: MemoryAdapter) -> None:
    for call in (
        lambda: backend.models.get("nope"),
        lambda: backend.models.update("nope", name="x"),
        lambda: backend.models.delete("nope"),
        lambda: backend.versions.get("nope"),
        lambda: list(backend.versions.list("nope")),
        lambda: backend.versions.create("nope", name="v"),
        lambda: backend.datasets.get("nope"),
        lambda: list(backend.datasets.read_items("nope")),
        lambda: backend.datasets.write_items(items(1), dataset="nope"),
        lambda: list(backend.labels.read("nope")),
        lambda: backend.labels.write([Label("a", "cat", BOX)], dataset="nope"),
        lambda: backend.ontologies.get("nope"),
    ):
        with pytest.raises(NotFound):
            call()


def test_only_the_fields_that_are_given_change(backend: MemoryAdapter, model: Model) -> None:
    changed = backend.models.update(model, description="new", metadata={})

    assert changed == model.model_copy(update={"description": "new", "metadata": {}})
    assert backend.models.update(model) == changed


def test_a_model_goes_with_its_versions(backend: MemoryAdapter, model: Model, version: Version) -> None:
    backend.models.delete(model)

    with pytest.raises(NotFound):
        backend.versions.get(version)


def test_models_are_found_by_key_before_name(backend: MemoryAdapter) -> None:
    named = backend.models.create("b", task="classification", features=[], key="other")
    keyed = backend.models.create("a", task="classification", features=[], key="b")

    assert backend.models.find("b") == keyed
    assert backend.models.find("other") == named
    assert backend.models.find("a") == keyed
    assert backend.models.find("nope") is None


def test_models_are_filtered_and_sorted(backend: MemoryAdapter) -> None:
    for name in ("Bus detector", "ant detector", "bus counter"):
        backend.models.create(name, task="classification", features=[])

    assert [found.name for found in backend.models.list(query="BUS")] == ["Bus detector", "bus counter"]
    assert [found.name for found in backend.models.list(order="name")] == [
        "Bus detector",
        "ant detector",
        "bus counter",
    ]


# -- lost answers of what is not repeatable ---------------------------------------------------------------------------


def test_a_lost_create_that_happened_is_found_and_not_doubled(backend: MemoryAdapter) -> None:
    backend.state.fail("models.create", LostAnswer("cut off"), applied=True)

    made = backend.models.create("detector", task="object_detection", features=["cat"])

    assert backend.state.models == {made.id: made}
    assert backend.state.calls["models.create"] == 1


def test_a_lost_create_that_did_not_happen_is_sent_once_more(backend: MemoryAdapter) -> None:
    backend.state.fail("models.create", LostAnswer("cut off"))

    made = backend.models.create("detector", task="object_detection", features=["cat"])

    assert backend.state.models == {made.id: made}
    assert backend.state.calls["models.create"] == 2


def test_a_create_that_is_lost_again_and_happened_is_still_not_doubled(backend: MemoryAdapter) -> None:
    backend.state.fail("models.create", LostAnswer("cut off"))
    backend.state.fail("models.create", LostAnswer("cut off again"), applied=True)

    with pytest.raises(OutcomeUnknown):
        backend.models.create("detector", task="object_detection", features=["cat"])

    assert len(backend.state.models) == 1


def test_a_create_that_never_arrived_is_tried_again(backend: MemoryAdapter) -> None:
    backend.state.fail("models.create", Busy("come back"), times=2)

    backend.models.create("detector", task="object_detection", features=["cat"])

    assert backend.state.calls["models.create"] == 3
    assert len(backend.slept) == 2


def test_a_lost_dataset_that_was_made_is_found(backend: MemoryAdapter) -> None:
    backend.state.fail("datasets.create", LostAnswer("cut off"), applied=True)

    assert backend.datasets.create("street") == next(iter(backend.state.datasets.values()))
    assert len(backend.state.datasets) == 1


def test_a_lost_dataset_that_was_not_made_is_unknown_to_the_caller(backend: MemoryAdapter) -> None:
    backend.state.fail("datasets.create", LostAnswer("cut off"))

    with pytest.raises(OutcomeUnknown) as caught:
        backend.datasets.create("street")

    assert caught.value.operation == "datasets.create"
    assert isinstance(caught.value.__cause__, LostAnswer)


def test_a_lost_version_is_unknown_to_the_caller(backend: MemoryAdapter, model: Model) -> None:
    backend.state.fail("versions.create", LostAnswer("cut off"), applied=True)

    with pytest.raises(OutcomeUnknown):
        backend.versions.create(model, name="v1")

    assert backend.state.calls["versions.create"] == 1


# -- listings ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("size", [1, 2, 3, 6, 7, 8, 1000, None])
def test_every_page_size_gives_the_same_rows_in_the_same_order(
    backend: MemoryAdapter, dataset: Dataset, version: Version, size: int | None
) -> None:
    labels = [Label(f"img-{n}", "cat", BOX) for n in range(7)]
    backend.labels.write(labels, dataset=dataset)
    backend.predictions.write(predictions(7), version=version, dataset=dataset)
    backend.state.calls.clear()

    assert [item.key for item in backend.datasets.read_items(dataset, page_size=size)] == [f"img-{n}" for n in range(7)]
    assert list(backend.labels.read(dataset, page_size=size)) == labels
    assert list(backend.predictions.read(version, dataset=dataset, page_size=size)) == predictions(7)

    pages = -(-7 // (size or backend.limits.page_size))
    assert backend.state.calls == {"datasets.read_items": pages, "labels.read": pages, "predictions.read": pages}


def test_lists_are_lazy(backend: MemoryAdapter, dataset: Dataset) -> None:
    backend.state.calls.clear()

    rows = backend.datasets.read_items(dataset)
    assert isinstance(rows, Iterator)
    assert not backend.state.calls
    next(rows)
    next(rows)
    assert backend.state.calls == {"datasets.read_items": 1}


def test_a_page_that_fails_on_the_way_is_fetched_again(backend: MemoryAdapter, dataset: Dataset) -> None:
    rows = backend.datasets.read_items(dataset)
    first = [next(rows), next(rows)]
    backend.state.fail("datasets.read_items", LostAnswer("cut off"))

    assert [item.key for item in (*first, *rows)] == [f"img-{n}" for n in range(7)]


def test_rows_of_some_items_are_read(backend: MemoryAdapter, dataset: Dataset, version: Version) -> None:
    backend.labels.write([Label(f"img-{n}", "cat", BOX) for n in range(7)], dataset=dataset)
    backend.predictions.write(predictions(7), version=version, dataset=dataset)
    wanted = ["img-2", "img-5"]

    assert [row.item for row in backend.labels.read(dataset, items=wanted)] == wanted
    assert [row.item for row in backend.predictions.read(version, dataset=dataset, items=wanted)] == wanted


# -- ontologies, training, inference ----------------------------------------------------------------------------------


def test_a_dataset_has_its_ontology(backend: MemoryAdapter, dataset: Dataset) -> None:
    ontology = Ontology(name="pets", features=(Feature(name="cat", color="#ff0000"), Feature(name="dog")))

    made = backend.ontologies.create(ontology, dataset=dataset)

    assert made == ontology.model_copy(update={"id": made.id})
    assert backend.ontologies.get(dataset) == made


def test_weights_that_are_no_file_are_refused_before_anything_is_sent(backend: MemoryAdapter, tmp_path: Any) -> None:
    with pytest.raises(InvalidData, match="no file") as caught:
        backend.versions.upload_weights("v", tmp_path / "none.safetensors")

    assert caught.value.field == "path"


# -- versions and backends --------------------------------------------------------------------------------------------


def test_versions_are_created_listed_and_changed(backend: MemoryAdapter, model: Model, dataset: Dataset) -> None:
    first = backend.versions.create(model, name="v1", dataset=dataset, config={"epochs": 3}, tags=["base"])
    second = backend.versions.create(model.id, name="v2", metadata={"by": "me"})

    assert (first.model, first.dataset, first.config, first.tags) == (model.id, dataset.id, {"epochs": 3}, ("base",))
    assert list(backend.versions.list(model, page_size=1)) == [first, second]
    changed = backend.versions.update(first, metrics={"mAP": 0.5})
    assert changed == first.model_copy(update={"metrics": {"mAP": 0.5}})
    backend.versions.delete(first)
    assert list(backend.versions.list(model)) == [second]


def test_a_backend_closes_at_the_end_of_its_block() -> None:
    closed: list[bool] = []

    class Closing(MemoryAdapter):
        def close(self) -> None:
            closed.append(True)

    backend = open_memory()
    with pytest.raises(AuthenticationError), Closing(backend.settings, None):
        raise AuthenticationError("out")

    assert closed == [True]


def test_batches_follow_the_limits_of_the_adapter() -> None:
    backend = open_memory(limits=Limits(batch_size=2))
    dataset = backend.datasets.create("street")

    backend.datasets.write_items(items(5), dataset=dataset)

    assert backend.state.calls["datasets.write_items"] == 3
