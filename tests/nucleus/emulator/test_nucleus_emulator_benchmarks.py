"""Benchmarks: where their items come from, versions, drafts, what is frozen, what is refused."""

from __future__ import annotations

import nucleus
import pytest
from nucleus import BoxAnnotation, DatasetItem, VideoScene
from nucleus.async_job import JobError
from nucleus.errors import NucleusAPIError
from nucleus.evaluation_v2 import RollupGroup


@pytest.fixture
def street(dataset):
    """The images `img-0` to `img-3` have ground truth, `img-4` has none."""
    dataset.annotate([BoxAnnotation("car", 0, 0, 10, 10, f"img-{n}", "a") for n in range(4)])
    return dataset


@pytest.fixture
def ids(street):
    return [item.dataset_item_id for item in street.items]


def create(client, **sources):
    return client.create_benchmark("b", verbose=False, **sources)


def status_of(attempt):
    with pytest.raises(NucleusAPIError) as refusal:
        attempt()
    return refusal.value.status_code


def test_a_benchmark_has_the_items_with_ground_truth(client, street, ids):
    made = create(client, dataset_id=street.id, description="d", metadata={"k": 1})
    assert made.id.startswith("bm_")
    assert (made.name, made.description, made.metadata, made.status) == ("b", "d", {"k": 1}, "ready")
    assert (made.item_count, made.dataset_count, made.skipped_items_without_ground_truth) == (4, 1, 1)
    assert made.items().item_ids == ids[:4]
    assert (client.get_benchmark(made.id), client.list_benchmarks()) == (made, [made])


def test_items_come_from_all_sources_once(client, street, ids):
    part = street.create_slice("s", ["img-1", "img-2"])
    made = create(
        client,
        item_ids=[ids[0], ids[1]],
        items=[{"dataset_id": street.id, "ref_id": "img-0"}],
        slice_id=part.id,
        slice_ids=[part.id],
    )
    assert made.items().item_ids == ids[:3]


def test_items_are_listed_in_pages(client, street, ids):
    made = create(client, dataset_id=street.id)
    page = made.items(limit=2, offset=1)
    assert (page.item_ids, page.total) == (ids[1:3], 4)
    assert made.items(offset=3).item_ids == ids[3:4]


def test_a_benchmark_is_building_until_its_job_is_done(client, street):
    made = client.create_benchmark("b", dataset_id=street.id, wait_for_completion=False)
    assert (made.status, made.item_count) == ("building", 0)
    (job,) = [job for job in client.list_jobs() if job.job_type == "benchmarkBuild"]
    job.sleep_until_complete(verbose_std_out=False)
    assert made.refresh().status == "ready"


def test_a_benchmark_without_ground_truth_fails(client, street, ids):
    with pytest.raises(JobError, match="ground truth"):
        create(client, item_ids=[ids[4]])
    assert client.list_benchmarks()[0].status == "failed"


@pytest.mark.parametrize(
    "sources",
    [
        {"item_ids": ["di_none"]},
        {"slice_id": "slc_none"},
        {"dataset_ids": ["ds_none"]},
        {"items": [{"dataset_id": "ds_none", "ref_id": "x"}]},
        {"parent_benchmark_id": "bm_none"},
    ],
)
def test_sources_must_exist(client, sources):
    assert status_of(lambda: create(client, **sources)) == 404
    assert client.list_benchmarks() == []


def test_a_version_inherits_adds_and_prunes(client, street, ids):
    groups = [RollupGroup("vehicle", ["car"])]
    parent = create(client, item_ids=ids[:2], rollup_groups=groups)
    child = create(client, parent_benchmark_id=parent.id, item_ids=[ids[3]], removed_item_ids=[ids[0]])
    assert child.items().item_ids == [ids[1], ids[3]]
    assert child.parent_benchmark_id == parent.id
    assert parent.refresh().items().item_ids == ids[:2]


@pytest.mark.parametrize(
    ("wanted", "version"),
    [({}, (1, 1)), ({"bump_type": "major"}, (2, 0)), ({"version_major": 3, "version_minor": 5}, (3, 5))],
)
def test_versions_are_numbered_above_their_parent(client, street, wanted, version):
    parent = create(client, dataset_id=street.id)
    assert (parent.version_major, parent.version_minor) == (1, 0)
    child = create(client, parent_benchmark_id=parent.id, version_label="x", **wanted)
    assert (child.version_major, child.version_minor, child.version_label) == (*version, "x")


def test_a_version_below_its_parent_is_refused(client, street):
    parent = create(client, dataset_id=street.id)
    below = {"version_major": 1, "version_minor": 0}
    assert status_of(lambda: create(client, parent_benchmark_id=parent.id, **below)) == 400


def test_a_draft_is_filled_and_frozen(client, street, ids):
    draft = create(client, draft=True)
    assert (draft.status, draft.item_count) == ("draft", 0)
    assert status_of(draft.finalize) == 400
    draft.add_items(item_ids=ids[:2], verbose=False)
    draft.add_items(dataset_id=street.id, verbose=False)
    assert draft.item_count == 4
    draft.remove_items(ids[:1])
    assert draft.items().item_ids == ids[1:4]
    assert draft.finalize().status == "ready"


def test_a_draft_takes_scenes(client):
    made = client.create_dataset("scenes", is_scene=True)
    scene = VideoScene("a", 5, items=[DatasetItem("https://images.example/a.jpg", "a-0")])
    made.append([scene]).sleep_until_complete(verbose_std_out=False)
    made.annotate([BoxAnnotation("car", 0, 0, 10, 10, "a-0", "a")])
    draft = create(client, draft=True)
    draft.add_items(scene_ids=[made.scenes[0].id], verbose=False)
    assert draft.item_count == 1


def test_a_draft_is_not_frozen_while_items_are_added(client, street):
    draft = create(client, draft=True)
    draft.add_items(dataset_id=street.id, wait_for_completion=False)
    assert status_of(draft.finalize) == 409


def test_a_finished_benchmark_cannot_be_changed(client, street, ids):
    made = create(client, dataset_id=street.id)
    assert status_of(lambda: made.add_items(item_ids=ids, verbose=False)) == 409
    assert status_of(lambda: made.remove_items(ids)) == 409
    assert status_of(made.finalize) == 409


def test_name_description_and_metadata_can_be_changed(client, street):
    made = create(client, dataset_id=street.id, description="old")
    made.update(name="n", metadata={"k": 2})
    assert (made.name, made.description, made.metadata, made.status) == ("n", "old", {"k": 2}, "ready")


def test_the_classes_of_a_draft_can_be_changed_and_cleared(client, street, live):
    made = create(client, dataset_id=street.id, draft=True)
    assert made.update(class_agnostic=True).class_agnostic is True
    made.update(rollup_groups=[RollupGroup("vehicle", ["car"])])
    kept = live.state.benchmarks[made.id]
    assert (kept.class_agnostic, kept.rollup_groups[0].class_name) == (None, "vehicle")
    made.update(name="n")
    assert kept.rollup_groups is not None
    made.update(allowed_label_matches_id=None)
    assert kept.rollup_groups is None


@pytest.mark.parametrize(
    "taxonomy",
    [{"class_agnostic": True}, {"rollup_groups": [RollupGroup("v", ["car"])]}, {"allowed_label_matches_id": None}],
)
def test_the_classes_of_a_finished_benchmark_are_frozen(client, street, taxonomy):
    made = create(client, dataset_id=street.id)
    assert status_of(lambda: made.update(**taxonomy)) == 409


def test_classes_are_set_in_one_way(client, street):
    payload = {"name": "b", "dataset_id": street.id, "class_agnostic": True, "rollupGroups": []}
    assert status_of(lambda: client.post(payload, "benchmarks")) == 400
    unknown = {"allowed_label_matches_id": "alm_none"}
    assert status_of(lambda: create(client, dataset_id=street.id, **unknown)) == 404


def test_a_deleted_item_leaves_the_benchmarks(client, street, ids):
    made = create(client, dataset_id=street.id)
    street.delete_item("img-1")
    assert (made.refresh().item_count, made.items().item_ids) == (3, [ids[0], *ids[2:4]])
    assert create(client, parent_benchmark_id=made.id).item_count == 3
    client.delete_dataset(street.id)
    assert (made.refresh().item_count, made.dataset_count) == (0, 0)


def test_a_deleted_benchmark_is_gone(client, street):
    made = create(client, dataset_id=street.id)
    made.delete()
    assert client.list_benchmarks() == []
    assert status_of(lambda: client.get_benchmark(made.id)) == 404


def test_pruning_needs_a_parent(client, street, ids):
    payload = {"name": "b", "item_ids": ids, "removed_item_ids": ids}
    assert status_of(lambda: client.post(payload, "benchmarks")) == 400


@pytest.mark.parametrize("query", ["limit=x", "offset=-1"])
def test_a_senseless_page_is_refused(client, street, query):
    made = create(client, dataset_id=street.id)
    assert status_of(lambda: client.get(f"benchmarks/{made.id}/items?{query}")) == 400


def test_presets_are_saved_changed_and_deleted(client):
    rule = nucleus.LabelExclusionRule("annotation", "groundTruth", ["sky"])
    made = client.create_evaluation_v2_preset("p", rollup_groups=[RollupGroup("vehicle", ["car"])])
    assert made.id.startswith("prev_")
    assert client.list_evaluation_v2_presets() == [made]
    made.update(name="q", exclusion_rules=[rule], rollup_groups=None)
    assert (made.name, made.rollup_groups, made.exclusion_rules) == ("q", None, [rule.to_api_dict()])
    made.delete()
    assert client.list_evaluation_v2_presets() == []


def test_preset_names_are_taken_once(client):
    first, second = client.create_evaluation_v2_preset("p"), client.create_evaluation_v2_preset("q")
    assert status_of(lambda: client.create_evaluation_v2_preset("p")) == 409
    assert status_of(lambda: second.update(name="p")) == 409
    assert first.update(name="p").name == "p"
    assert status_of(lambda: client.create_evaluation_v2_preset("")) == 400
