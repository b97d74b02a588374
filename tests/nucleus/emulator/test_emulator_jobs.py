"""Jobs: how long they run, how they end, what lists show, and that waiting costs no time."""

from __future__ import annotations

import datetime

import nucleus
import pytest
from nucleus import BoxAnnotation, DatasetItem, Segment, SegmentationAnnotation
from nucleus.async_job import JobError

from dragoman.emulate import ManualClock, Settings, running
from dragoman_nucleus.emulator import create


def append(dataset, reference_id="new"):
    return dataset.append([DatasetItem("https://images.example/new.jpg", reference_id)])


def states(job, times):
    return [job.status()["status"] for _ in range(times)]


@pytest.mark.parametrize("polls", [0, 1, 3])
def test_a_job_runs_for_as_many_polls_as_set(dataset, live, polls):
    live.settings.job_polls = polls
    job = append(dataset)
    assert job.job_last_known_status == ("Completed" if polls == 0 else "Running")
    assert states(job, polls + 2) == ["Running"] * polls + ["Completed"] * 2
    assert dataset.size == 6


def test_a_running_job_has_no_effect_and_still_a_full_status(dataset):
    job = append(dataset)
    status = job.status()
    assert status == {
        "job_id": job.job_id,
        "status": "Running",
        "message": {},
        "job_progress": "0.00",
        "completed_steps": 0,
        "total_steps": 1,
    }
    assert job.errors() == []
    assert dataset.size == 5


def test_a_running_job_makes_progress(dataset, live):
    live.settings.job_polls = 4
    job = append(dataset)
    assert [job.status()["job_progress"] for _ in range(6)] == ["0.00", "0.25", "0.50", "0.75", "1.00", "1.00"]


def test_jobs_wait_for_their_own_polls_only(dataset):
    first, second = append(dataset, "a"), append(dataset, "b")
    assert states(second, 2) == ["Running", "Completed"]
    assert states(first, 2) == ["Running", "Completed"]
    assert [item.reference_id for item in dataset.items][-2:] == ["b", "a"]


def test_all_waiting_jobs_can_be_finished_at_once(dataset, live):
    jobs = [append(dataset, name) for name in ("a", "b")]
    live.state.jobs.finish_all()
    assert [item.reference_id for item in dataset.items][-2:] == ["a", "b"]
    assert all(job.status()["status"] in ("Running", "Completed") for job in jobs)


@pytest.mark.parametrize("status", ["Errored", "Errored_Server", "Errored_Partial"])
def test_a_scripted_failure_has_no_effect(dataset, live, status):
    live.state.jobs.fail_next(status, "disk on fire")
    job = append(dataset)
    with pytest.raises(JobError, match="disk on fire"):
        job.sleep_until_complete(verbose_std_out=False)
    assert job.errors() == ["disk on fire"]
    assert dataset.size == 5
    append(dataset).sleep_until_complete(verbose_std_out=False)
    assert dataset.size == 6


def test_the_sdk_takes_a_cancelled_job_for_success(dataset, live):
    live.state.jobs.fail_next("Cancelled")
    append(dataset).sleep_until_complete(verbose_std_out=False)
    assert dataset.size == 5


def test_a_job_is_found_again(client, dataset):
    job = append(dataset)
    again = client.get_job(job.job_id)
    assert (again.job_id, again.job_type, again.job_last_known_status) == (
        job.job_id,
        "uploadDatasetItems",
        "Running",
    )


def test_lists_filter_by_completion_dataset_type_and_number(client, dataset):
    other = client.create_dataset("other", is_scene=False)
    first, second = append(dataset), append(other)
    third = dataset.update_item_metadata({"img-0": {"x": 1}}, asynchronous=True)

    def listed(**filters):
        return [job.job_id for job in client.list_jobs(**filters)]

    assert listed() == [third.job_id, second.job_id, first.job_id]
    assert listed(dataset_id=dataset.id) == [third.job_id, first.job_id]
    assert listed(job_types=["metadataUpdate"]) == [third.job_id]
    assert listed(limit=2) == [third.job_id, second.job_id]
    assert len(listed(show_completed=True)) == 4
    third.sleep_until_complete(verbose_std_out=False)
    assert listed() == [second.job_id, first.job_id]


def test_lists_filter_by_date():
    clock = ManualClock(datetime.datetime(2025, 3, 1, tzinfo=datetime.UTC))
    with running(create("k", settings=Settings(job_polls=0), clock=clock)) as live:
        client = nucleus.NucleusClient("k", endpoint=f"{live.url}/v1/nucleus")
        dataset = client.create_dataset("street", is_scene=False)
        early = append(dataset, "a")
        clock.advance(86_400)
        late = append(dataset, "b")
        assert early.job_creation_time == "2025-03-01T00:00:00+00:00"
        since = client.list_jobs(show_completed=True, from_date="2025-03-01T12:00:00")
        until = client.list_jobs(show_completed=True, to_date=datetime.datetime(2025, 3, 1, 12))
        assert [job.job_id for job in since] == [late.job_id]
        assert client.list_jobs(show_completed=True, from_date="Mar 1 2025 12:00") == since
        assert [job.job_id for job in until] == [early.job_id]


def test_the_steps_of_an_upload_are_its_rows(dataset):
    rows = [BoxAnnotation("car", 0, 0, 1, 1, f"img-{n}", "a") for n in (0, 1, 9)]
    mask = SegmentationAnnotation("https://masks.example/0.png", [Segment("sky", 0)], "img-0")
    job = dataset.annotate([*rows, mask], asynchronous=True)
    job.sleep_until_complete(verbose_std_out=False)
    assert job.status() == {
        "job_id": job.job_id,
        "status": "Completed",
        "message": {
            "annotation_upload": {
                "epoch": 1,
                "total": 3,
                "errored": 1,
                "ignored": 0,
                "datasetId": dataset.id,
                "processed": 2,
            },
            "segmentation_upload": {"ignored": 0, "n_errors": 0, "processed": 1},
        },
        "job_progress": "1.00",
        "completed_steps": 4,
        "total_steps": 4,
    }


def test_a_lost_row_is_reported_as_the_documentation_shows_it(dataset):
    row = BoxAnnotation("car", 50, 60, 70, 80, "bad_ref_id", "attempted_annot_upload")
    job = dataset.annotate([row], asynchronous=True)
    job.sleep_until_complete(verbose_std_out=False)
    assert job.errors() == [
        '{"annotation":{"label":"car","type":"box","geometry":{"x":50,"y":60,"width":70,"height":80},'
        '"referenceId":"bad_ref_id","annotationId":"attempted_annot_upload","metadata":{}},'
        '"error":"Item with id bad_ref_id does not exist."}'
    ]


def test_lost_masks_are_counted_apart(dataset):
    masks = [
        SegmentationAnnotation("https://masks.example/0.png", [Segment("sky", 0)], name) for name in ("img-0", "none")
    ]
    job = dataset.annotate(masks, asynchronous=True)
    job.sleep_until_complete(verbose_std_out=False)
    message = job.status()["message"]
    assert message["segmentation_upload"] == {"ignored": 0, "n_errors": 1, "processed": 1}
    assert message["annotation_upload"]["errored"] == 0
    assert len(job.errors()) == 1


def test_jobs_are_counted_by_type_and_status(dataset):
    append(dataset)
    assert dataset.jobs(stats_only=True) == {"uploadDatasetItems": {"Running": 1}}
