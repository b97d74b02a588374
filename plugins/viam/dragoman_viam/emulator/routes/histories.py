"""The part of `viam.app.v1.AppService` about what happened: changes of parts and fragments, and logs.

No machine ever runs here, so there are no logs, and nothing is restarted.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from dragoman_viam.emulator.filters import in_time, token_page
from dragoman_viam.emulator.refusals import missing
from dragoman_viam.emulator.routes import Answer, Routes
from dragoman_viam.messages import modules


class Histories(Routes):
    """The methods about changes and logs."""

    service = "app"
    lists = frozenset({"TailRobotPartLogs"})

    def GetRobotPartHistory(self, request: Any) -> Answer:
        """Return a page of what a part was before each change, the newest first."""
        entry = modules()["app"].RobotPartHistoryEntry
        made = [entry(**fields) for fields in reversed(self.state.histories[self.state.one_part(request.id).id])]
        within = [one for one in made if in_time(request, one.when.ToNanoseconds())]
        history, token = token_page(self.state, request, within, "page_limit")
        return {"history": history, "next_page_token": token}

    def GetFragmentHistory(self, request: Any) -> Answer:
        """Return a page of what a fragment was before each change, the newest first."""
        if request.id not in self.state.fragments:
            raise missing("fragment", request.id)
        changes = self.state.histories[request.id][::-1]
        history, token = token_page(self.state, request, changes, "page_limit")
        return {"history": history, "next_page_token": token}

    def GetRobotPartLogs(self, request: Any) -> Answer:
        """Return the logs of a part, of which there are none."""
        self.state.one_part(request.id)
        return {}

    def TailRobotPartLogs(self, request: Any) -> Iterable[Answer]:
        """Follow the logs of a part, which end at once."""
        self.state.one_part(request.id)
        return ()

    def MarkPartForRestart(self, request: Any) -> Answer:
        """Ask for a restart, which never comes."""
        self.state.one_part(request.part_id)
        return {}
