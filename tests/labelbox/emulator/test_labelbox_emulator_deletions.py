"""Data rows that are deleted while a job that is about them runs: the job does its work on the others."""

from __future__ import annotations

from typing import Any

import pytest
from labelbox import GlobalKeys, MediaType

from dragoman.emulate import Live

REGISTER = "mutation {name}PyApi($where: ID, $variables: ID) {{ {name}(where: $where) }}"
STATUS = "query MEADataRowRegistrationTaskStatusPyApi($where: ID) { task(where: $where) { status errorMessage } }"


@pytest.fixture
def other(client: Any, dataset: Any, ontology: Any) -> Any:
    """A project without data rows."""
    made = client.create_project("other", MediaType.Image)
    made.connect_ontology(ontology)
    return made


@pytest.fixture
def video(client: Any, dataset: Any) -> Any:
    """The data row that is deleted."""
    return client.get_data_row_by_global_key("v")


def test_a_batch_holds_the_others(client: Any, dataset: Any, other: Any, video: Any, live: Live[Any]) -> None:
    live.settings.job_polls = 1
    other.create_batches_from_dataset("all", dataset.uid)
    video.delete()
    # To list tasks is to look at them.
    assert list(client.get_organization().tasks())[-1].status == "COMPLETE"
    assert [batch.size for batch in other.batches()] == [2]
    assert (other.get_overview().total_data_rows, other.task_queues()[0].data_row_count) == (2, 2)


def test_the_others_are_sent_to_annotation(client: Any, other: Any, project: Any, video: Any, live: Live[Any]) -> None:
    live.settings.job_polls = 1
    task = client.send_to_annotate_from_catalog(
        other.uid, None, "sent", GlobalKeys(["a", "v"]), {"source_project_id": project.uid}
    )
    video.delete()
    assert client.get_task_by_id(task.uid).status == "COMPLETE"
    assert [batch.size for batch in other.batches()] == [1]


@pytest.mark.parametrize("of_labels", [True, False])
def test_a_run_holds_the_others(client: Any, labeled: Any, run: Any, live: Live[Any], of_labels: bool) -> None:
    row = labeled.data_row()
    new = client.get_model(run.model_id).create_model_run("second")
    others = [client.get_data_row_by_global_key("b").uid]
    live.settings.job_polls = 1
    if of_labels:
        name, wanted = "createMEAModelRunLabelRegistrationTask", {"labelIds": [labeled.uid]}
    else:
        name, wanted = "createMEAModelRunDataRowRegistrationTask", {"dataRowIds": [row.uid, *others]}
    job = client.execute(REGISTER.format(name=name), {"modelRunId": new.uid, **wanted})[name]
    row.delete()
    looks = [client.execute(STATUS, {"where": {"id": job}})["task"]["status"] for _ in range(2)]
    assert looks == ["IN_PROGRESS", "COMPLETE"]
    held = [each.data_row().global_key for each in new.model_run_data_rows()]
    assert held == ([] if of_labels else ["b"])
