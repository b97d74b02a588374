"""Labeling services, their dashboards and the search for them, and labels that were made elsewhere."""

from __future__ import annotations

from typing import Any

import pytest
from labelbox import MediaType, ProjectSyncEntry, ProjectSyncLabel
from labelbox.schema import search_filters as by
from labelbox.schema.labeling_service import LabelingService
from labelbox.schema.labeling_service_dashboard import LabelingServiceDashboard
from labelbox.schema.labeling_service_status import LabelingServiceStatus
from labelbox.schema.search_filters import IdOperator, RangeOperatorWithSingleValue
from lbox import exceptions

from dragoman.emulate import Live

IS = IdOperator.Is
SINCE = by.RangeDateTimeOperatorWithSingleValue.GreaterThanOrEqual
UNTIL = by.RangeDateTimeOperatorWithSingleValue.LessThanOrEqual
AGES = by.DateRangeValue(
    operator=by.RangeOperatorWithValue.Between, value=by.DateRange(min="2020-01-01", max="2999-01-01")
)


def count(operator: RangeOperatorWithSingleValue, value: int) -> by.IntegerValue:
    """A comparison with a number."""
    return by.IntegerValue(operator=operator, value=value)


@pytest.fixture
def tag(client: Any, project: Any) -> Any:
    """A tag on the project."""
    made = client.get_organization().create_resource_tag({"text": "night: cold, wet", "color": "ffffff"})
    project.update_project_resource_tags([made.uid])
    return made


@pytest.fixture
def requested(client: Any, project: Any, tag: Any) -> Any:
    """The service of the project; another project has none."""
    client.create_project("other", MediaType.Image)
    return project.get_labeling_service().request()


def test_a_service_is_started_once_and_requested(client: Any, project: Any) -> None:
    with pytest.raises(exceptions.ResourceNotFoundError, match="does not have a labeling service"):
        LabelingService.get(client, project.uid)
    started = project.get_labeling_service()
    assert (started.status, started.project_id) == (LabelingServiceStatus.SetUp, project.uid)
    again = LabelingService.start(client, project.uid).request()
    assert (again.id, again.status) == (started.id, LabelingServiceStatus.Requested)
    assert project.get_labeling_service_status() == LabelingServiceStatus.Requested


def test_what_is_not_ready_cannot_be_requested(client: Any, ontology: Any) -> None:
    project = client.create_project("new", MediaType.Image)
    service = project.get_labeling_service()
    with pytest.raises(exceptions.ResourceNotFoundError, match="an ontology"):
        service.request()
    project.connect_ontology(ontology)
    with pytest.raises(exceptions.ResourceNotFoundError, match="data rows"):
        service.request()


def test_a_dashboard_counts_the_work_of_a_service(project: Any, requested: Any, tag: Any, labeled: Any) -> None:
    shown = project.get_labeling_service_dashboard()
    assert (shown.data_rows_count, shown.tasks_completed_count, shown.tasks_remaining_count) == (2, 1, 1)
    assert (shown.status, shown.created_by_id) == (LabelingServiceStatus.Requested, requested.created_by_id)
    assert [each.text for each in shown.tags] == [tag.text]
    assert shown.model_dump()["service_type"] == "Image"


def test_a_project_without_a_service_has_an_empty_dashboard(client: Any, project: Any) -> None:
    shown = project.get_labeling_service_dashboard()
    assert (shown.status, shown.created_at) == (LabelingServiceStatus.Missing, None)
    assert (shown.data_rows_count, shown.tasks_completed_count, shown.tasks_remaining_count) == (0, 0, None)
    with pytest.raises(exceptions.ResourceNotFoundError):
        LabelingServiceDashboard.get(client, "nowhere")


@pytest.mark.parametrize("page", [None, 1])
def test_every_project_has_a_dashboard(client: Any, requested: Any, live: Live[Any], page: int | None) -> None:
    live.settings.page_limit = page
    assert [each.name for each in client.get_labeling_service_dashboards()] == ["p", "other"]
    assert [each.name for each in client.get_labeling_service_dashboards([])] == ["p", "other"]


@pytest.mark.parametrize(
    ("wanted", "names"),
    [
        (by.ProjectStageFilter(operator=IS, values=[LabelingServiceStatus.Requested]), ["p"]),
        (by.ProjectStageFilter(operator=IS, values=[LabelingServiceStatus.SetUp]), []),
        (by.WorkspaceFilter(operator=IS, values=["nowhere"]), []),
        (by.SharedWithOrganizationFilter(operator=IS, values=["nowhere"]), []),
        (by.TagFilter(operator=IS, values=["nowhere"]), []),
        (by.WorkforceRequestedDateFilter(value=by.DateValue(operator=SINCE, value="2020-01-01")), ["p"]),
        (by.WorkforceStageUpdatedFilter(value=by.DateValue(operator=UNTIL, value="2020-01-01")), []),
        (by.WorkforceRequestedDateRangeFilter(value=AGES), ["p"]),
        (by.WorkforceStageUpdatedRangeFilter(value=AGES), ["p"]),
        (by.TaskCompletedCountFilter(value=count(RangeOperatorWithSingleValue.Equals, 1)), ["p"]),
        (by.TaskRemainingCountFilter(value=count(RangeOperatorWithSingleValue.GreaterThanOrEqual, 2)), []),
        (by.TaskRemainingCountFilter(value=count(RangeOperatorWithSingleValue.LessThanOrEqual, 0)), ["other"]),
    ],
)
def test_dashboards_are_filtered(client: Any, requested: Any, labeled: Any, wanted: Any, names: list[str]) -> None:
    assert [each.name for each in client.get_labeling_service_dashboards([wanted])] == names


def test_all_filters_must_pass(client: Any, requested: Any, tag: Any) -> None:
    mine = by.OrganizationFilter(operator=IS, values=[client.get_organization().uid])
    tagged = by.TagFilter(operator=IS, values=["nowhere", tag.uid])
    assert [each.name for each in client.get_labeling_service_dashboards([mine])] == ["p", "other"]
    assert [each.name for each in client.get_labeling_service_dashboards([mine, tagged])] == ["p"]


def test_labels_that_were_made_elsewhere_are_kept(project: Any, live: Live[Any]) -> None:
    label = ProjectSyncLabel(submitted_by={"email": "a@example.com"}, seconds_to_completion=0)
    sent = project.sync_external_project([ProjectSyncEntry(task_id="one", label=label)])
    kept = live.state.projects[project.uid].submissions[sent.submission_id]
    assert kept == [{"taskId": "one", "label": {"submittedBy": {"email": "a@example.com"}, "secondsToCompletion": 0}}]
