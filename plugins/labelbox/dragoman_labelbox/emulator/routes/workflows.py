"""The workflow of a project as a graph of nodes; the nodes at which people work are its task queues.

Filters, automatic checks and the routing of data rows are kept, and do nothing.
"""

from __future__ import annotations

from typing import Any

from dragoman_labelbox.emulator.graphql import Handler, Query, invalid
from dragoman_labelbox.emulator.objects import Project, Queue
from dragoman_labelbox.emulator.state import State, moment

Json = dict[str, Any]

KINDS = {
    "initial_labeling_task": "INITIAL_LABELING_QUEUE",
    "review_task": "MANUAL_REVIEW_QUEUE",
    "initial_rework_task": "MANUAL_REWORK_QUEUE",
    "custom_rework_task": "MANUAL_REWORK_QUEUE",
}
"""Nodes at which people work, and the kinds of their queues."""
NAMES = {
    "INITIAL_LABELING_QUEUE": "initial_labeling_task",
    "MANUAL_REVIEW_QUEUE": "review_task",
    "MANUAL_REWORK_QUEUE": "initial_rework_task",
}


class Workflows:
    """The handlers of this module."""

    def __init__(self, state: State) -> None:
        self._state = state

    def operations(self) -> dict[str, Handler]:
        return {"GetProjectWorkflowPyApi": self.get, "UpdateProjectWorkflowPyApi": self.update}

    def get(self, query: Query) -> Json:
        return self._shown(self._state.project(query.get("projectId")))

    def _shown(self, project: Project) -> Json:
        project.workflow = project.workflow or self._usual(project)
        return {
            "projectId": project.id,
            "config": project.workflow,
            "createdAt": moment(project.created),
            "updatedAt": moment(project.updated),
        }

    def _usual(self, project: Project) -> Json:
        """Return the graph of a new project: labels are reviewed, then done or sent to rework and reviewed again."""
        labeling, review, rework = (queue.id for queue in project.queues)
        done, rejected = self._state.ids.new(), self._state.ids.new()
        nodes = [_node(queue.id, NAMES[queue.kind], queue.name, place) for place, queue in enumerate(project.queues)]
        nodes += [_node(done, "done", "Done", 3), _node(rejected, "send_to_rework", "Rework", 4)]
        edges = [
            _edge(labeling, "if", review),
            _edge(rework, "if", review),
            _edge(review, "if", done),
            _edge(review, "else", rejected),
        ]
        return {"nodes": nodes, "edges": edges}

    def update(self, query: Query) -> Json:
        wanted = query.get("input")
        project, nodes = self._state.project(wanted["projectId"]), wanted["config"]["nodes"]
        queues = [
            Queue(id=node["id"], name=node.get("label") or node["definitionId"], kind=KINDS[node["definitionId"]])
            for node in nodes
            if node["definitionId"] in KINDS
        ]
        queues.sort(key=lambda queue: queue.kind != "INITIAL_LABELING_QUEUE")
        if not queues or queues[0].kind != "INITIAL_LABELING_QUEUE":
            raise invalid("A workflow begins with a labeling task.")
        project.workflow, project.queues = wanted["config"], queues
        steps = {None, *(queue.id for queue in queues)}
        project.moved = {row_id: step for row_id, step in project.moved.items() if step in steps}
        project.updated = self._state.clock.now()
        return self._shown(project)


def _node(key: str, definition: str, label: str, place: int) -> Json:
    position = {"x": 300 * place, "y": 0}
    return {"id": key, "definitionId": definition, "label": label, "position": position, "filterLogic": "and"}


def _edge(source: str, handle: str, target: str) -> Json:
    return {
        "id": f"xy-edge__{source}{handle}-{target}in",
        "source": source,
        "target": target,
        "sourceHandle": handle,
        "targetHandle": "in",
    }
