"""Tasks of annotation projects."""

from __future__ import annotations

from collections.abc import Sequence

from dragoman_synapse.client import SynapseClient
from dragoman_synapse.ids import number

BATCH = 100
"""Tasks of one request."""


def add_tasks(client: SynapseClient, project: str, units: Sequence[str]) -> list[str]:
    """Make a task for each data unit and return the ids of the tasks, in order.

    Args:
        client: Sends the requests.
        project: Id of the project.
        units: Ids of the data units.
    """
    key = int(number(project, "project"))
    client.get(f"projects/{key}/")
    made: list[str] = []
    for start in range(0, len(units), BATCH):
        data = [{"data_unit": int(unit)} for unit in units[start : start + BATCH]]
        answer = client.post("tasks/", {"project": key, "data": data})
        made += [str(task["id"]) for task in answer["results"]]
    return made
