"""Issues, comments and categories through the SDK."""

from __future__ import annotations

from typing import Any

import pytest
import requests
from labelbox.schema.issue import IssueStatus
from labelbox.schema.issue_position import ImageIssuePosition

from dragoman.emulate import Live


@pytest.fixture
def issue(client: Any, project: Any, labeled: Any) -> Any:
    """An issue on the project's label."""
    category = project.create_issue_category("loose", "does not fit tightly")
    row = client.get_data_row_by_global_key("a")
    return project.create_issue("Too wide", row, labeled, category.id, ImageIssuePosition(x=3, y=4))


def test_an_issue_knows_what_it_is_about(client: Any, project: Any, issue: Any, labeled: Any) -> None:
    found = project.get_issue(issue.id)
    assert (found.content, found.position.x, found.status) == ("Too wide", 3, IssueStatus.OPEN)
    assert (found.label(), found.data_row().global_key, found.category().name) == (labeled, "a", "loose")
    assert found.created_by == client.get_user()


@pytest.mark.parametrize("page", [None, 1])
def test_issues_on_labels_are_listed(project: Any, issue: Any, labeled: Any, live: Live[Any], page: int | None) -> None:
    live.settings.page_limit = page
    project.create_issue("Without a label", issue.data_row_id)
    second = project.create_issue("Too narrow", issue.data_row_id, labeled)
    assert [each.id for each in project.get_issues()] == [issue.id, second.id]
    assert [each.id for each in project.get_issues(content="NARROW")] == [second.id]
    assert [each.id for each in project.get_issues(category_id=issue.category_id)] == [issue.id]
    assert list(project.get_issues(created_by_ids=["somebody"])) == []
    assert len(requests.get(project.export_issues()).json()) == 3


def test_no_two_issues_have_one_number(project: Any, issue: Any, labeled: Any) -> None:
    second = project.create_issue("Too narrow", issue.data_row_id, labeled)
    issue.delete()
    third = project.create_issue("Too high", issue.data_row_id, labeled)
    assert (second.friendly_id, third.friendly_id) == ("2", "3")


def test_issues_go_with_their_row(project: Any, issue: Any) -> None:
    issue.data_row().delete()
    assert (list(project.get_issues()), project.get_overview().issues) == ([], 0)


def test_issues_are_settled_and_opened_again(project: Any, issue: Any) -> None:
    assert project.get_overview().issues == 1
    done = issue.update(content="Still too wide").resolve()
    assert (done.content, done.status, done.resolved_by is None) == ("Still too wide", IssueStatus.RESOLVED, False)
    assert list(project.get_issues(status=IssueStatus.OPEN)) == []
    assert done.reopen().status == IssueStatus.OPEN


def test_comments_are_made_changed_and_deleted(issue: Any) -> None:
    comment = issue.create_comment("Agreed").update("Not agreed")
    assert [each.content for each in issue.comments()] == ["Not agreed"]
    comment.delete()
    assert issue.comments() == []


def test_issues_and_categories_are_deleted(project: Any, issue: Any) -> None:
    (category,) = project.get_issue_categories()
    assert category.update("tight", "fits").name == "tight"
    category.delete()
    assert project.delete_issues([issue.id, "nowhere"]) is True
    assert (project.get_issue_categories(), list(project.get_issues())) == ([], [])
