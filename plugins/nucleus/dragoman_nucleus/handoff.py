"""Handoff on Nucleus: a slice of items becomes tasks of a labelling project of Scale."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from dragoman.capability import Gap
from dragoman.interface import Handoff
from dragoman_nucleus import jobs
from dragoman_nucleus.listing import every_item

SLICE = "sent to {}"
"""Name of the slice that is sent; it stays, and shows what was."""


class NucleusHandoff(Handoff):
    """Items through `slice.send_to_labeling`."""

    _adapter: Any

    _send_predictions = Gap.impossible(
        "Nucleus sends items to labelling without predictions.", instead="handoff.send_items"
    )

    def _send_items(self, dataset: str, project: str, items: Sequence[str] | None) -> None:
        client = self._adapter.client
        keys = items if items is not None else [item.key for item in every_item(client, dataset)]
        made = self._adapter.slices.made(SLICE.format(project), dataset, keys)
        answer = client.make_request({}, f"slice/{made.id}/{project}/send_to_labeling")
        jobs.ended(self._adapter, jobs.started(answer))
