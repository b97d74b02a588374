"""Issues and their tags as users of the vendor's own SDK handle them, over the emulator."""

from __future__ import annotations

from typing import Any
from uuid import UUID, uuid4

import pytest
from encord.exceptions import InvalidArgumentsError, ResourceNotFoundError
from encord.issues.issue_client import IssueFrameRange

from dragoman import Box, Label
from dragoman.emulate import Live
from dragoman_encord.emulator.people import OWNER


@pytest.fixture
def project(backend: Any, dataset: Any, sdk: Any) -> Any:
    """A project of two images and a video, of which one image is labelled."""
    backend.labels.write([Label("a", "car", Box(4, 8, 16, 12))], dataset=dataset).raise_for_problems()
    return sdk.get_project(backend.projects.of(dataset.id))


@pytest.fixture
def tasks(project: Any) -> dict[str, Any]:
    """The tasks of the project by the titles of their data."""
    return {task.data_title: task for task in project.workflow.get_stage(name="Annotate").get_tasks()}


class TestIssues:
    def test_they_are_listed_with_what_they_are_about(
        self, project: Any, tasks: dict[str, Any], emulated: Live[Any]
    ) -> None:
        emulated.settings.page_limit = 1
        issues = tasks["clip"].issues
        issues.add_file_issue("all of it", ["dark", "blurred"])
        issues.add_frame_issue(9, "one frame", [])
        issues.add_coordinate_issue(0, 0.0, 0.5, "here", [])
        listed = list(issues.list())
        assert [type(issue).__name__ for issue in listed] == ["FileIssue", "FrameIssue", "CoordinateIssue"]
        assert [tag.name for tag in listed[0].tags] == ["dark", "blurred"]
        assert [(said.content, said.author_email) for said in listed[0].comments] == [("all of it", OWNER)]
        assert (listed[1].frame_index, listed[2].frame_index) == (9, 0)
        assert (listed[2].coordinate.x, listed[2].coordinate.y) == (0.0, 0.5)
        assert list(tasks["a"].issues.list()) == []

    def test_one_about_a_label_may_be_about_some_frames(self, project: Any, tasks: dict[str, Any]) -> None:
        (row,) = project.list_label_rows_v2(data_title_eq="a")
        row.initialise_labels()
        (car,) = row.get_object_instances()
        tasks["a"].issues.add_annotation_issue(car.object_hash, "no car", [])
        tasks["a"].issues.add_annotation_issue(car.object_hash, "no car", [], [IssueFrameRange(start=0, end=0)])
        whole, some = tasks["a"].issues.list()
        assert (whole.annotation_id, whole.frame_ranges) == (car.object_hash, None)
        assert [(frames.start, frames.end) for frames in some.frame_ranges] == [(0, 0)]

    def test_what_is_not_there_has_none(self, tasks: dict[str, Any]) -> None:
        issues = tasks["clip"].issues
        with pytest.raises(InvalidArgumentsError, match="frame 10"):
            issues.add_frame_issue(10, "beyond", [])
        with pytest.raises(InvalidArgumentsError, match="sceneCoordinate"):
            issues.add_scene_coordinate_issue(0, 1.0, 2.0, 3.0, "in space", [])
        with pytest.raises(ResourceNotFoundError):
            issues.add_annotation_issue("nobody", "?", [])
        assert list(issues.list()) == []

    def test_all_that_are_named_are_deleted_or_none(self, tasks: dict[str, Any]) -> None:
        issues = tasks["a"].issues
        for number in range(3):
            issues.add_file_issue(str(number), [])
        first, second, third = issues.list()
        with pytest.raises(ResourceNotFoundError):
            issues.delete([first, uuid4()])
        assert len(list(issues.list())) == 3
        issues.delete([first, second.uuid])
        assert [issue.uuid for issue in issues.list()] == [third.uuid]


def test_tags_are_linked_to_a_project(project: Any, sdk: Any, tasks: dict[str, Any]) -> None:
    project.add_issue_tags(["dark", "blurred"])
    project.add_issue_tags(["dark"])
    dark, blurred = project.get_issue_tags()
    assert (dark.name, blurred.name) == ("dark", "blurred")
    tasks["a"].issues.add_file_issue("look", ["dark"])
    (issue,) = tasks["a"].issues.list()
    assert [tag.uuid for tag in issue.tags] == [dark.uuid]
    assert isinstance(dark.uuid, UUID)
    assert list(sdk.get_project(sdk.create_project("other", [])).get_issue_tags()) == []
