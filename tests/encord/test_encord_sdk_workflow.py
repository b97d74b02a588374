"""Workflows, their tasks and priorities as users of the vendor's own SDK handle them, over the emulator."""

from __future__ import annotations

from typing import Any

import pytest
from encord.exceptions import InvalidArgumentsError, ResourceNotFoundError
from encord.workflow.stages.annotation import AnnotationTaskStatus

from dragoman.emulate import Live


@pytest.fixture
def project(backend: Any, dataset: Any, sdk: Any) -> Any:
    """A project of two images and a video, whose label rows are made and empty."""
    project = sdk.get_project(backend.projects.of(dataset.id))
    for row in project.list_label_rows_v2():
        row.initialise_labels()
    return project


class TestTasks:
    def test_a_task_is_annotated_reviewed_and_completed(self, project: Any) -> None:
        annotate, review, done = project.workflow.stages
        task = next(annotate.get_tasks(data_title="clip"))
        task.assign("ann@example.com")
        (mine,) = annotate.get_tasks(assignee="ann@example.com", status=AnnotationTaskStatus.ASSIGNED)
        assert mine.uuid == task.uuid
        task.submit(retain_assignee=True)
        (reviewed,) = review.get_tasks(data_hash=task.data_hash)
        assert reviewed.assignee == "ann@example.com"
        reviewed.reject()
        (returned,) = annotate.get_tasks(status=AnnotationTaskStatus.REOPENED)
        returned.submit()
        next(review.get_tasks()).approve()
        assert [one.data_title for one in done.get_tasks()] == ["clip"]
        (row,) = project.list_label_rows_v2(data_title_eq="clip")
        assert row.workflow_graph_node.title == "Complete"

    def test_what_a_stage_does_not_know_is_refused(self, project: Any) -> None:
        annotate, review, done = project.workflow.stages
        task = next(annotate.get_tasks())
        with pytest.raises(InvalidArgumentsError, match="no assignee"):
            task.submit(retain_assignee=True)
        task.submit()
        with pytest.raises(ResourceNotFoundError):
            task.submit()
        next(review.get_tasks()).move(destination_stage_uuid=done.uuid)
        assert len(list(done.get_tasks())) == 1

    def test_all_tasks_of_a_stage_are_moved_on_page_by_page(self, project: Any, emulated: Live[Any]) -> None:
        emulated.settings.page_limit = 1
        annotate, review, _ = project.workflow.stages
        for task in annotate.get_tasks():
            task.submit()
        assert list(annotate.get_tasks()) == []
        assert [task.data_title for task in review.get_tasks()] == ["a", "b", "clip"]

    def test_a_bundle_of_actions_is_done_as_a_whole_or_not_at_all(self, project: Any) -> None:
        annotate, review, _ = project.workflow.stages
        first, second, _ = annotate.get_tasks()
        first.assign("ann@example.com")

        def submitted(*tasks: Any) -> None:
            with project.create_bundle() as bundle:
                for task in tasks:
                    task.submit(retain_assignee=True, bundle=bundle)

        with pytest.raises(InvalidArgumentsError, match="no assignee"):
            submitted(first, second)
        assert list(review.get_tasks()) == []
        submitted(first)
        assert [task.assignee for task in review.get_tasks()] == ["ann@example.com"]

    def test_rows_are_completed_reopened_and_given_priorities(self, project: Any) -> None:
        (row,) = project.list_label_rows_v2(data_title_eq="a")
        with project.create_bundle() as bundle:
            row.workflow_complete(bundle=bundle)
            row.set_priority(0.75, bundle=bundle)
        (row,) = project.list_label_rows_v2(data_title_eq="a")
        assert (row.workflow_graph_node.title, row.priority) == ("Complete", 0.75)
        row.workflow_reopen()
        (row,) = project.list_label_rows_v2(data_title_eq="a")
        assert row.workflow_graph_node.title == "Annotate"
        with pytest.raises(InvalidArgumentsError):
            row.set_priority(2.0)
