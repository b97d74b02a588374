"""Projects through the SDK: settings, batches, the workflow, priorities, members and tags."""

from __future__ import annotations

from typing import Any

import pytest
from labelbox import Dataset, GlobalKey, GlobalKeys, MediaType, Project, UniqueIds
from labelbox.schema.quality_mode import QualityMode
from lbox import exceptions

from dragoman.emulate import Live


@pytest.mark.parametrize(
    ("modes", "benchmark", "consensus", "labels"),
    [
        ({QualityMode.Benchmark}, True, False, 1),
        ({QualityMode.Consensus}, False, True, 3),
        ({QualityMode.Benchmark, QualityMode.Consensus}, True, True, 3),
    ],
)
def test_quality_is_as_it_was_asked_for(
    client: Any, modes: set[QualityMode], benchmark: bool, consensus: bool, labels: int
) -> None:
    made = client.create_project("p", MediaType.Image, quality_modes=modes)
    found = client.get_project(made.uid)
    assert (found.is_benchmark_enabled, found.is_consensus_enabled) == (benchmark, consensus)
    assert found.auto_audit_number_of_labels == labels


def test_projects_are_changed_cloned_and_deleted(client: Any, project: Any, ontology: Any) -> None:
    project.update(name="new", description="d", auto_audit_percentage=0.5)
    project.update(description="")
    found = client.get_project(project.uid)
    assert (found.name, found.description, found.auto_audit_percentage) == ("new", "", 0.5)
    clone = project.clone()
    assert (clone.ontology(), list(clone.batches())) == (ontology, [])
    project.delete()
    assert list(client.get_projects(where=Project.name == "new")) == []
    assert list(client.get_projects()) == [clone]


def test_projects_for_chats_are_told_apart(client: Any) -> None:
    assert client.create_model_evaluation_project(name="live").is_chat_evaluation()
    offline = client.create_offline_model_evaluation_project(name="offline")
    assert offline.editor_task_type.name == "OfflineModelChatEvaluation"


@pytest.mark.filterwarnings("ignore:Automatic generation of data rows:DeprecationWarning")
def test_a_project_for_chats_may_begin_with_some(client: Any) -> None:
    made = client.create_model_evaluation_project(name="new", dataset_name="chats", data_row_count=2)
    (dataset,) = client.get_datasets(where=Dataset.name == "chats")
    assert (made.data_row_count, made.is_auto_data_generation(), dataset.row_count) == (2, True, 2)
    again = client.create_model_evaluation_project(name="again", dataset_id=dataset.uid, data_row_count=3)
    assert (again.data_row_count, client.get_dataset(dataset.uid).row_count) == (3, 5)
    assert [batch.size for batch in again.batches()] == [3]
    with pytest.raises(exceptions.ResourceNotFoundError):
        client.create_model_evaluation_project(name="none", dataset_id="nowhere")
    assert {project.name for project in client.get_projects()} == {"new", "again"}


def test_an_editor_is_there_and_takes_instructions(project: Any, live: Live[Any], tmp_path: Any) -> None:
    page = tmp_path / "how.html"
    page.write_text("<p>Draw tightly.</p>")
    project.upsert_instructions(str(page))
    kept = live.state.files.at(live.state.projects[project.uid].instructions)
    assert kept.content == page.read_bytes()
    assert project.enable_model_assisted_labeling() is True
    assert project.enable_model_assisted_labeling(False) is False
    editor = project.labeling_frontend()
    project.labeling_frontend.connect(editor)
    assert project.labeling_frontend() == editor


class TestBatches:
    def test_a_batch_keeps_its_settings(self, client: Any, project: Any, dataset: Any) -> None:
        row = client.get_data_row_by_global_key("v")
        settings = {"number_of_labels": 2, "coverage_percentage": 0.5}
        made = project.create_batch("second", [row], priority=2, consensus_settings=settings)
        found = client.get_batch(project.uid, made.uid)
        assert (found.size, found.project()) == (1, project)
        assert found.consensus_settings == {"numberOfLabels": 2, "coveragePercentage": 0.5}

    def test_a_row_that_is_named_twice_is_in_a_batch_once(self, client: Any, project: Any, dataset: Any) -> None:
        row = client.get_data_row_by_global_key("v")
        assert project.create_batch("second", [row, row.uid], global_keys=["v"]).size == 1
        assert client.get_project(project.uid).data_row_count == 3

    @pytest.mark.parametrize("priority", [0, 5])
    def test_rows_have_the_priority_of_their_batch(self, project: Any, dataset: Any, priority: int) -> None:
        batch = project.create_batch("second", global_keys=["v"], priority=priority)
        task = project.export(filters={"batch_ids": [batch.uid]}, params={"project_details": True})
        (line,) = task.get_buffered_stream()
        assert line.json["projects"][project.uid]["project_details"]["priority"] == priority

    def test_rows_that_nobody_has_are_refused(self, project: Any) -> None:
        with pytest.raises(exceptions.UnprocessableEntityError):
            project.create_batch("second", ["nowhere"])

    @pytest.mark.parametrize("page", [None, 1])
    def test_many_are_made_at_once(self, project: Any, dataset: Any, live: Live[Any], page: int | None) -> None:
        live.settings.page_limit = page
        task = project.create_batches_from_dataset("all", dataset.uid)
        task.wait_till_done()
        assert task.errors() is None
        assert [(batch.name, batch.size) for batch in task.result()] == [("all0000", 1)]
        assert [batch.name for batch in project.batches()] == ["first", "all0000"]

    def test_rows_leave_with_their_batch(self, client: Any, project: Any) -> None:
        (batch,) = project.batches()
        batch.remove_queued_data_rows()
        assert client.get_batch(project.uid, batch.uid).size == 0
        batch.delete()
        assert list(project.batches()) == []

    @pytest.mark.parametrize("leave", ["delete", "remove_queued_data_rows"])
    def test_rows_that_come_back_begin_anew(self, project: Any, leave: str) -> None:
        (batch,) = project.batches()
        project.move_data_rows_to_task_queue(GlobalKeys(["a"]))
        project.set_labeling_parameter_overrides([(GlobalKey("a"), 1)])
        getattr(batch, leave)()
        project.create_batch("second", global_keys=["a", "b"])
        assert project.task_queues()[0].data_row_count == 2
        assert list(project.labeling_parameter_overrides()) == []

    def test_a_batch_with_labels_stays(self, project: Any, labeled: Any) -> None:
        (batch,) = project.batches()
        with pytest.raises(exceptions.UnprocessableEntityError, match="with labels"):
            batch.delete()
        batch.delete_labels(set_labels_as_template=True)
        assert project.get_label_count() == 0
        batch.delete()


class TestWorkflow:
    def _sizes(self, project: Any) -> list[int]:
        return [queue.data_row_count for queue in project.task_queues()]

    def test_rows_are_moved_between_steps(self, client: Any, project: Any) -> None:
        _, review, rework = project.task_queues()
        assert self._sizes(project) == [2, 0, 0]
        project.move_data_rows_to_task_queue(GlobalKeys(["a"]), review.uid)
        project.move_data_rows_to_task_queue(UniqueIds([client.get_data_row_by_global_key("b").uid]), rework.uid)
        assert self._sizes(project) == [0, 1, 1]
        project.move_data_rows_to_task_queue(GlobalKeys(["a"]))
        overview = project.get_overview(details=True)
        assert (overview.done, overview.in_rework["total"], overview.total_data_rows) == (1, 1, 2)
        with pytest.raises(exceptions.UnprocessableEntityError):
            project.move_data_rows_to_task_queue(GlobalKeys(["a"]), "nowhere")

    def test_rows_with_a_label_are_done(self, project: Any, labeled: Any) -> None:
        overview = project.get_overview()
        assert (overview.to_label, overview.labeled, overview.done) == (1, 1, 1)

    def test_the_overview_is_of_some_batches(self, project: Any) -> None:
        (batch,) = project.batches()
        assert project.get_overview(batch_ids=[batch.uid]).total_data_rows == 2
        assert project.get_overview(batch_ids=["nowhere"]).total_data_rows == 0

    def test_rows_have_priorities(self, client: Any, project: Any) -> None:
        assert project.set_labeling_parameter_overrides([(GlobalKey("a"), -1), (GlobalKey("b"), 7)]) is True
        assert project.update_data_row_labeling_priority(GlobalKeys(["b"]), 2) is True
        found = {each.data_row().global_key: each.priority for each in project.labeling_parameter_overrides()}
        assert found == {"a": -1, "b": 2}
        with pytest.raises(exceptions.UnprocessableEntityError, match="not in the project"):
            project.set_labeling_parameter_overrides([(GlobalKey("v"), 1)])

    def test_a_task_that_fails_changes_nothing(self, project: Any, live: Live[Any], dataset: Any) -> None:
        live.state.jobs.fail_next("send-to-task-queue")
        with pytest.raises(exceptions.LabelboxError, match="not moved"):
            project.move_data_rows_to_task_queue(GlobalKeys(["a"]))
        live.state.jobs.fail_next("queue-priority-update")
        with pytest.raises(exceptions.LabelboxError, match="not updated"):
            project.update_data_row_labeling_priority(GlobalKeys(["a"]), 1)
        live.state.jobs.fail_next("create-batches")
        task = project.create_batches_from_dataset("all", dataset.uid)
        assert list(task.errors().values()) == [{"error": "Scripted failure."}]
        assert self._sizes(project) == [2, 0, 0]
        assert list(project.labeling_parameter_overrides()) == []

    def test_nothing_is_reserved(self, client: Any, project: Any) -> None:
        assert project.extend_reservations("LabelingQueue") == 0
        assert project.clear_queue_reservations(project.task_queues()[0].uid) == 0
        row = client.get_data_row_by_global_key("a")
        assert project.bulk_assign_data_rows(client.get_user().uid, [row.uid]) is True


def test_members_and_tags(client: Any, project: Any) -> None:
    (member,) = project.members()
    assert (member.user(), member.role().name) == (client.get_user(), "Admin")
    tag = client.get_organization().create_resource_tag({"text": "night", "color": "ffffff"})
    project.update_project_resource_tags([tag.uid])
    tag.update(text="dusk")
    assert [each.text for each in project.get_resource_tags()] == ["dusk"]
    assert [each.text for each in client.get_organization().get_resource_tags()] == ["dusk"]


def test_rows_are_sent_from_the_catalog_with_their_labels(
    client: Any, project: Any, labeled: Any, ontology: Any
) -> None:
    other = client.create_project("other", MediaType.Image)
    other.connect_ontology(ontology)
    review = other.task_queues()[1]
    params = {"source_project_id": project.uid}
    sent = (other.uid, review.uid, "sent", GlobalKeys(["a", "b"]), params)
    task = client.send_to_annotate_from_catalog(*sent)
    task.wait_till_done()
    assert (task.status, other.get_label_count()) == ("COMPLETE", 1)
    assert other.task_queues()[1].data_row_count == 2
    again = client.send_to_annotate_from_catalog(*sent)
    assert (again.status, again.errors) == ("FAILED", {"error": "The project has a batch named 'sent'."})


def test_the_current_user_is_a_member_of_everything(client: Any, project: Any) -> None:
    user = client.get_user()
    assert list(user.projects()) == list(client.get_organization().projects()) == [project]
    assert (user.organization(), user.org_role().name) == (client.get_organization(), "Admin")
