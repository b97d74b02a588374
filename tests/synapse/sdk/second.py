"""Drives what the platform's second client has of plugins and of annotators' work. Not a test of pytest's.

    python second.py <address of a served emulator> <access token>

The emulator must hold one assignment. See `drive.py`, which is run in the same way.
"""

import tempfile
from pathlib import Path

from drive import document, main, raises
from synapse_sdk.clients.backend import BackendClient
from synapse_sdk.clients.backend_v2 import BackendClientV2
from synapse_sdk.exceptions import NotFoundError

NOWHERE = 999_999


class Drive:
    """The steps, in order."""

    def __init__(self, url: str, token: str, _folder: Path) -> None:
        self.first = BackendClient(url, access_token=token)
        self.second = BackendClientV2(url, access_token=token, allow_insecure=True)

    def plugins(self) -> None:
        """Find plugins and rename one."""
        made = self.first.create_plugin({"name": "Tracker", "code": "tracker", "category": "smart_tool"})["id"]
        plugins = self.second.plugins
        assert [held.code for held in plugins.list(list_all=True, per_page=1)] == ["detector", "tracker"]
        assert [held.id for held in plugins.list(category="smart_tool", is_active=True).results] == [made]
        assert plugins.list(is_active=False).results == []
        changed = plugins.partial_update(made, {"name": "Tracker 2", "description": "d"})
        assert (changed.name, changed.description) == ("Tracker 2", "d"), changed
        assert changed == plugins.retrieve(made)
        raises(NotFoundError, lambda: plugins.retrieve(NOWHERE))

    def releases(self) -> None:
        """Find the release that a model is of, and take one back."""
        releases, plugin = self.second.plugin_releases, self.second.plugins.list().results[0].id
        (one,) = releases.list(plugin=plugin).results
        model = self.second.models.create({"name": "m", "plugin": one.id, "version": one.version})
        assert self.first.get_model(model.id)["name"] == "m"
        given = {"plugin": "tracker", "version": "0.1", "config": {"actions": {"track": {}}}, "debug": True}
        made = self.first.create_plugin_release(given)["id"]
        found = releases.retrieve(made)
        assert (found.plugin.code, found.available_actions, found.is_released) == ("tracker", ["track"], False), found
        assert [held.id for held in releases.list(debug=True).results] == [made]
        releases.destroy(made)
        raises(NotFoundError, lambda: releases.retrieve(made))
        assert self.first.list_plugin_releases("tracker") == []

    def assignments(self) -> None:
        """Find assignments, and replace what an annotator made, or try that out."""
        assignments = self.second.assignments
        (held,) = assignments.list(list_all=True, status_label="stand_by", is_confirmed=False)
        assert assignments.list(task=NOWHERE).results == []
        assert assignments.set_data(held.id, {"data": document(1)}, dry_run=True).data == document(1)
        assert assignments.retrieve(held.id).data == {"annotations": {}}
        assignments.set_data(held.id, {"data": document(1)})
        (fetched,) = assignments.bulk_fetch([NOWHERE, held.id])
        assert (fetched["data"], "image_1" in fetched["files_manifest"]) == (document(1), True), fetched
        assert assignments.set_data(held.id, {"data": None}).data is None
        raises(NotFoundError, lambda: assignments.retrieve(NOWHERE))

    STEPS = (plugins, releases, assignments)


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as place:
        main(Drive, Path(place))
