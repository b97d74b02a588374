"""Batches of many data rows: no row is looked for in a list of all, which takes minutes where there are 100 000."""

from __future__ import annotations

from typing import Any

import pytest
from labelbox import DataRow, GlobalKey, GlobalKeys

from dragoman.emulate import Live


class Unsearchable(list[str]):
    """A list that may be walked through, but in which nothing is looked for."""

    def __contains__(self, key: object) -> bool:
        raise AssertionError(f"{key} was looked for.")


pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")


@pytest.fixture
def large(project: Any, live: Live[Any]) -> Any:
    """The project, whose batch stands for one of very many data rows."""
    (batch,) = live.state.projects[project.uid].batches.values()
    batch.row_ids = Unsearchable(batch.row_ids)
    return project


def within(task: Any, project: Any) -> list[bool]:
    """Whether the data rows of an export are in a project."""
    task.wait_till_done()
    return [project.uid in line.json.get("projects", {}) for line in task.get_buffered_stream()]


def test_data_rows_are_exported(large: Any, dataset: Any) -> None:
    assert within(large.export(params={"project_details": True}), large) == [True, True]
    assert sorted(within(dataset.export(params={"all_projects": True}), large)) == [False, True, True]


def test_data_rows_are_moved_and_deleted(large: Any, dataset: Any) -> None:
    large.move_data_rows_to_task_queue(GlobalKeys(["a", "b", "v"]), large.task_queues()[1].uid)
    assert large.update_data_row_labeling_priority(GlobalKeys(["a", "v"]), 2) is True
    large.set_labeling_parameter_overrides([(GlobalKey("b"), 3)])
    assert [each.priority for each in large.labeling_parameter_overrides()] == [2, 3]
    overview = large.get_overview()
    assert (overview.in_review, overview.total_data_rows) == (2, 2)
    DataRow.bulk_delete(list(dataset.data_rows()))
    assert large.get_overview().total_data_rows == 0


def test_predictions_are_sent_to_annotation(large: Any, run: Any) -> None:
    box = {"top": 1, "left": 2, "height": 4, "width": 3}
    rows = [{"uuid": key, "dataRow": {"globalKey": key}, "name": "car", "bbox": box} for key in ("a", "b")]
    _, _, drafts = run.upsert_predictions_and_send_to_project("sent", rows, large.uid)
    assert [status["status"] for status in drafts.statuses] == ["SUCCESS", "SUCCESS"]
