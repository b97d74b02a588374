"""Workflows, their tasks and priorities as users of the vendor's own SDK handle them, over the emulator."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
from encord.exceptions import InvalidArgumentsError, ResourceNotFoundError
from encord.objects.coordinates import BoundingBoxCoordinates
from encord.orm.analytics import TaskActionType
from encord.orm.project import CopyLabelsOptions, ReviewApprovalState
from encord.workflow.stages.annotation import AnnotationTaskStatus
from encord.workflow.stages.review import LabelReviewStatus

from dragoman.emulate import Live
from dragoman_encord.emulator.people import OWNER


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

    def test_rows_of_data_that_are_gone_are_not_there(self, project: Any, sdk: Any) -> None:
        (row,) = project.list_label_rows_v2(data_title_eq="a")
        sdk.get_dataset(row.dataset_hash).delete_data([row.data_hash])
        for use in (row.workflow_complete, row.workflow_reopen):
            with pytest.raises(ResourceNotFoundError):
                use()

    def test_rows_are_copied_by_what_reviewers_say_of_them(self, project: Any, sdk: Any) -> None:
        annotate, review, _ = project.workflow.stages
        for task in annotate.get_tasks():
            task.submit()
        approved, rejected, _ = review.get_tasks()
        approved.approve()
        rejected.reject()
        titles = {}
        for status in ReviewApprovalState:
            copy = project.copy_project(True, copy_labels=CopyLabelsOptions(accepted_label_statuses=[status]))
            rows = sdk.get_project(copy).list_label_rows_v2()
            titles[status.value] = [row.data_title for row in rows if row.label_hash]
        assert {status: held for status, held in titles.items() if held} == {
            "APPROVED": ["a"],
            "REJECTED": ["b"],
            "PENDING": ["clip"],
        }


class TestReviews:
    @pytest.fixture
    def task(self, project: Any) -> Any:
        """A task in review whose label row has two cars."""
        (row,) = project.list_label_rows_v2(data_title_eq="a")
        row.initialise_labels()
        for _ in range(2):
            car = project.ontology_structure.objects[0].create_instance()
            car.set_for_frames(BoundingBoxCoordinates(height=0.5, width=0.5, top_left_x=0.1, top_left_y=0.1), frames=0)
            row.add_object_instance(car)
        row.save()
        annotate, review, _ = project.workflow.stages
        next(annotate.get_tasks(data_title="a")).submit()
        return next(review.get_tasks())

    def test_each_label_is_approved_rejected_and_reopened_alone(self, task: Any, project: Any) -> None:
        (row,) = project.list_label_rows_v2(data_title_eq="a")
        row.initialise_labels()
        first, second = task.get_label_reviews()
        assert [first.label_id, second.label_id] == [car.object_hash for car in row.get_object_instances()]
        assert {first.label_type, second.label_type} == {"Object"}
        with project.create_bundle() as bundle:
            first.approve(bundle=bundle)
            second.reject(comment="too wide", issue_tags=["wide"], bundle=bundle)
        told = list(task.get_label_reviews())
        assert [one.uuid for one in told] == [first.uuid, second.uuid]
        assert [one.status for one in told] == [LabelReviewStatus.APPROVED, LabelReviewStatus.REJECTED]
        second.reopen()
        assert [one.status for one in task.get_label_reviews()][1] == LabelReviewStatus.REOPENED

    def test_a_task_is_decided_with_its_labels(self, task: Any, project: Any) -> None:
        annotate, review, _ = project.workflow.stages
        task.reject()
        with pytest.raises(ResourceNotFoundError):
            list(task.get_label_reviews())
        next(annotate.get_tasks(status=AnnotationTaskStatus.REOPENED)).submit()
        (again,) = review.get_tasks()
        assert {one.status for one in again.get_label_reviews()} == {LabelReviewStatus.REJECTED}

    def test_a_bundle_with_a_review_that_is_not_there_decides_nothing(self, task: Any, project: Any) -> None:
        first, second = task.get_label_reviews()
        second.uuid = uuid4()

        def decided() -> None:
            with project.create_bundle() as bundle:
                first.approve(bundle=bundle)
                second.approve(bundle=bundle)

        with pytest.raises(ResourceNotFoundError):
            decided()
        assert {one.status for one in task.get_label_reviews()} == {LabelReviewStatus.NEW}


class TestAnalytics:
    def test_what_is_done_with_tasks_is_told_in_its_order(self, project: Any, emulated: Live[Any]) -> None:
        emulated.settings.page_limit = 1
        annotate, review, done = project.workflow.stages
        task = next(annotate.get_tasks(data_title="clip"))
        (row,) = project.list_label_rows_v2(data_title_eq="clip")
        assert row.last_actioned_by_user_email is None
        task.assign("ann@example.com")
        task.submit()
        next(review.get_tasks()).move(destination_stage_uuid=done.uuid)
        (row,) = project.list_label_rows_v2(data_title_eq="clip")
        row.workflow_reopen()
        (row,) = project.list_label_rows_v2(data_title_eq="clip")
        assert row.last_actioned_by_user_email == OWNER
        begin, end = datetime(2000, 1, 1, tzinfo=UTC), datetime(2100, 1, 1, tzinfo=UTC)
        told = list(project.get_task_actions(after=begin, before=end))
        assert [one.action_type.value for one in told] == ["assign", "submit", "move", "move"]
        assert [one.workflow_stage_uuid for one in told] == [annotate.uuid, annotate.uuid, review.uuid, done.uuid]
        assert {(one.task_uuid, one.data_unit_uuid, one.actor_email) for one in told} == {
            (task.uuid, task.data_hash, OWNER)
        }
        assert list(project.get_task_actions(after=told[3].timestamp, before=end)) == told[3:]
        assert list(project.get_task_actions(after=begin, before=told[0].timestamp)) == []

    def test_actions_on_tasks_are_chosen_by_what_they_are_of(self, project: Any) -> None:
        annotate, review, _ = project.workflow.stages
        for task in annotate.get_tasks():
            task.submit()
        task = next(review.get_tasks())
        task.approve()

        def told(**chosen: Any) -> int:
            begin, end = datetime(2000, 1, 1, tzinfo=UTC), datetime(2100, 1, 1, tzinfo=UTC)
            return len(list(project.get_task_actions(after=begin, before=end, **chosen)))

        assert (told(action_type=TaskActionType.SUBMIT), told(action_type=list(TaskActionType))) == (3, 4)
        assert (told(workflow_stage_uuid=review.uuid), told(data_unit_uuid=task.data_hash)) == (1, 2)
        assert (told(actor_email=OWNER), told(actor_email="ann@example.com")) == (4, 0)

    def test_nobody_works_in_the_editor(self, project: Any) -> None:
        now = datetime.now(UTC)
        assert list(project.list_time_spent(now)) == list(project.list_collaborator_timers(now)) == []
        assert list(project.get_editor_logs(now - timedelta(days=30), now)) == project.get_label_logs() == []
        with pytest.raises(InvalidArgumentsError, match="30 days"):
            list(project.get_editor_logs(now - timedelta(days=31), now))
