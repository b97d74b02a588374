"""The user and the organization of the key, their tasks, and uploads."""

from __future__ import annotations

import re
from typing import Any

from dragoman_labelbox.emulator import wire
from dragoman_labelbox.emulator.graphql import Handler, Query
from dragoman_labelbox.emulator.jobs import Job
from dragoman_labelbox.emulator.state import State, found

Json = dict[str, Any]

CANCELABLE = ("AdvUpsertDataRows", "ExportDataRows", "AddDataRowsToBatch", "SendToAnnotate")
"""Types of tasks that can be cancelled."""
_NAMED = re.compile(r"createdTasks\(where: \{id: \$(\w+)\}")


class Account:
    """The handlers of this module."""

    def __init__(self, state: State) -> None:
        self._state = state

    def operations(self) -> dict[str, Handler]:
        return {
            "GetUserPyApi": self.user,
            "CurrentUserPyApi": lambda _: wire.user(self._state.user),
            "GetOrganizationPyApi": lambda _: wire.organization(self._state),
            "GetUserCreatedTasksPyApi": self.tasks,
            "UploadFile": self.upload,
            "GetCancelableTaskTypesPyApi": lambda _: list(CANCELABLE),
            "CancelTaskPyApi": lambda query: {"success": self._job(query.get("id")).cancel()},
        }

    def user(self, query: Query) -> Json:
        """Return a user by id; the user of the key if none is named."""
        key = query.variables.get("param_0", self._state.user.id)
        return wire.user(found(self._state.users, key, "User"))

    def tasks(self, query: Query) -> Json:
        """Return the tasks of a user that pass the comparisons; one that is named is looked at alone."""
        user, named = found(self._state.users, query.subject(), "User"), _NAMED.search(query.text)
        jobs = self._state.jobs.tasks() if user is self._state.user else []
        if named is not None:
            return {"createdTasks": [wire.task(job) for job in jobs if job.id == query.get(named[1])]}
        return {"createdTasks": query.paged(jobs, wire.task)}

    def _job(self, key: str) -> Job:
        return found(self._state.jobs.by_id, key, "Task")

    def upload(self, query: Query) -> Json:
        # The SDK swaps name and type of one of its parts, so neither decides anything here.
        name, content_type, content = query.file()
        token = self._state.files.put(content, content_type or "application/octet-stream")
        return {"url": f"{query.base}/files/{token}", "filename": name or token}
