"""What leads to other products of the vendor: labelling tasks, hosted bundles, autotags."""

from __future__ import annotations

import pytest
from nucleus.async_job import JobError
from nucleus.errors import NucleusAPIError

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")


@pytest.fixture
def part(dataset):
    return dataset.create_slice("batch 1", ["img-1", "img-2"])


def test_items_are_sent_to_a_project_by_a_job(dataset, part):
    job = part.send_to_labeling("project")
    assert job.job_type == "sendToLabeling"
    assert dataset.export_scale_task_info() == []
    job.sleep_until_complete(verbose_std_out=False)
    rows = dataset.export_scale_task_info()
    assert [row["item"].reference_id for row in rows] == ["img-1", "img-2"]
    ((task,),) = [row["scale_task_info"] for row in rows if row["item"].reference_id == "img-1"]
    assert (task["project_name"], task["batch"], task["task_status"]) == ("project", "batch 1", "pending")
    assert len(part.export_scale_task_info()) == 2
    assert dataset.create_slice("other", ["img-0"]).export_scale_task_info() == []


def test_tasks_go_with_their_items(dataset, part):
    part.send_to_labeling("project").sleep_until_complete(verbose_std_out=False)
    dataset.delete_item("img-1")
    assert len(dataset.export_scale_task_info()) == 1


def test_a_project_with_tasks_becomes_a_dataset(client, part):
    with pytest.raises(NucleusAPIError, match="Project project does not exist"):
        client.create_dataset_from_project("project")
    part.send_to_labeling("project").sleep_until_complete(verbose_std_out=False)
    made = client.create_dataset_from_project("project", name="labelled")
    assert made.name == "labelled"
    assert [item.reference_id for item in made.items] == ["img-1", "img-2"]
    latest = client.create_dataset_from_project("project", last_n_tasks=1)
    assert [item.reference_id for item in latest.items] == ["img-2"]


@pytest.mark.parametrize("number", [-1, "all"])
def test_a_senseless_number_of_tasks_is_refused(client, part, number):
    part.send_to_labeling("project").sleep_until_complete(verbose_std_out=False)
    with pytest.raises(NucleusAPIError, match="last_n_tasks") as refusal:
        client.create_dataset_from_project("project", last_n_tasks=number)
    assert refusal.value.status_code == 400
    assert len(client.datasets) == 1


def test_tasks_that_are_taken_in_are_pending(dataset, part):
    part.send_to_labeling("project").sleep_until_complete(verbose_std_out=False)
    task_id = dataset.export_scale_task_info()[0]["scale_task_info"][0]["task_id"]
    assert dataset.ingest_tasks([task_id, "unknown"]) == {
        "ingested_tasks": 0,
        "ignored_tasks": 1,
        "pending_tasks": 1,
    }


def test_a_task_has_no_point_cloud(client):
    with pytest.raises(NucleusAPIError, match="no point cloud"):
        client.download_pointcloud_task("task", 0)


def test_there_are_no_autotags(client, dataset):
    assert dataset.list_autotags() == []
    for attempt in (
        lambda: dataset.autotag_items("tag"),
        lambda: dataset.autotag_training_items("tag"),
        lambda: dataset.update_autotag("tag_1"),
        lambda: client.get_autotag_refinement_metrics("tag_1"),
        lambda: client.delete_autotag("tag_1"),
    ):
        with pytest.raises(NucleusAPIError, match="does not exist"):
            attempt()


def test_a_bundle_is_never_run(client, dataset, model):
    with pytest.raises(NucleusAPIError, match="has no bundle"):
        model.run(dataset.id, "r", None)
    hosted = client.create_model("h", "h", bundle_name="b")
    job = client.get_job(hosted.run(dataset.id, "r", None))
    with pytest.raises(JobError, match="does not exist"):
        job.sleep_until_complete(verbose_std_out=False)
