"""Workflows of projects and the models of chat projects, through the SDK."""

from __future__ import annotations

from typing import Any

import pytest
from labelbox import GlobalKeys, MediaType
from labelbox.schema.workflow import NodeOutput, NodeType
from lbox import exceptions

pytestmark = pytest.mark.filterwarnings("ignore:Workflow Management is currently in alpha")


@pytest.fixture
def drawn(project: Any) -> Any:
    """A project whose labels are reviewed once, under another name."""
    workflow = project.get_workflow()
    first = workflow.reset_to_initial_nodes()
    second = workflow.add_node(type=NodeType.Review, name="Second look")
    done, rejected = workflow.add_node(type=NodeType.Done), workflow.add_node(type=NodeType.Rework)
    workflow.add_edge(first.labeling, second)
    workflow.add_edge(first.rework, second)
    workflow.add_edge(second, done, NodeOutput.Approved)
    workflow.add_edge(second, rejected, NodeOutput.Rejected)
    workflow.update_config()
    return project


def test_a_new_project_has_a_valid_workflow(project: Any) -> None:
    workflow = project.get_workflow()
    assert workflow.check_validity() == {"errors": []}
    assert {queue.name for queue in project.task_queues()} < {node.label for node in workflow.get_nodes()}


def test_the_workflow_decides_on_the_queues(drawn: Any) -> None:
    names = ["Initial labeling task", "Rework (all rejected)", "Second look"]
    assert [queue.name for queue in drawn.task_queues()] == names
    assert drawn.task_queues()[0].data_row_count == 2


def test_rows_at_a_step_that_is_gone_begin_anew(drawn: Any) -> None:
    second = drawn.task_queues()[2]
    drawn.move_data_rows_to_task_queue(GlobalKeys(["a"]), second.uid)
    workflow = drawn.get_workflow()
    first, done = workflow.reset_to_initial_nodes(), workflow.add_node(type=NodeType.Done)
    workflow.add_edge(first.labeling, done)
    workflow.add_edge(first.rework, done)
    workflow.update_config()
    overview = drawn.get_overview()
    assert (overview.to_label, overview.done) == (2, 0)


def test_a_workflow_is_taken_over_from_another_project(client: Any, drawn: Any) -> None:
    other = client.create_project("other", MediaType.Image)
    other.clone_workflow_from(drawn.uid)
    assert [queue.name for queue in other.task_queues()] == [queue.name for queue in drawn.task_queues()]


class TestChats:
    @pytest.fixture
    def chat(self, client: Any) -> Any:
        """A project for live chats."""
        return client.create_model_evaluation_project(name="chat")

    def test_models_are_added_once_and_removed(self, client: Any, chat: Any) -> None:
        config = client.create_model_config("warm", "some-model", {"temperature": 1})
        chat.add_model_config(config.uid)
        with pytest.raises(exceptions.LabelboxError, match="already"):
            chat.add_model_config(config.uid)
        with pytest.raises(exceptions.UnprocessableEntityError, match="used by a project"):
            client.delete_model_config(config.uid)
        (link,) = chat.project_model_configs()
        assert link.model_config_id == config.uid
        link.delete()
        assert client.delete_model_config(config.uid) is True

    def test_models_are_settled_once_the_setup_is_complete(self, client: Any, chat: Any, project: Any) -> None:
        chat.add_model_config(client.create_model_config("warm", "some-model", {}).uid)
        assert chat.set_project_model_setup_complete() is True
        with pytest.raises(exceptions.LabelboxError, match="complete"):
            chat.project_model_configs()[0].delete()
        with pytest.raises(exceptions.UnprocessableEntityError, match="live chat"):
            project.set_project_model_setup_complete()
