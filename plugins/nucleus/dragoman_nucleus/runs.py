"""What Nucleus does with runs besides what all platforms do with versions: merging, copying, matching."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from dragoman.interface.base import ref
from dragoman.schema import MatchPolicy, Model, Version
from dragoman_nucleus import jobs
from dragoman_nucleus.evaluations import matching
from dragoman_nucleus.extension import Extension, carried
from dragoman_nucleus.wire import Json


class Runs(Extension):
    """Merge versions, copy their predictions to the model, match them with labels."""

    name = "runs"

    @carried(repeatable=False)
    def merge(
        self, versions: Sequence[str | Version], *, name: str | None = None, metadata: Mapping[str, Any] | None = None
    ) -> Version:
        """Merge versions of one model into a new one with all their predictions, and return it when they are in it.

        An id that two of them have on one item is rewritten by Nucleus.
        """
        given: Json = {"name": name, "metadata": dict(metadata) if metadata else None}
        wanted = {"model_run_ids": list(dict.fromkeys(map(ref, versions)))}
        wanted |= {field: value for field, value in given.items() if value is not None}
        answer = self._client.make_request(wanted, "modelRun/merge")
        jobs.ended(self._adapter, jobs.started(answer))
        merged: Version = self._adapter.versions._get(answer["model_run_id"])
        return merged

    @carried()
    def copy_to_model(self, version: str | Version, *, model: str | Model) -> Json:
        """Copy the boxes, polygons and cuboids of a version to what its model says without a run.

        Returns:
            How many were copied, and how many Nucleus passed over because it keeps none of their kind there.
        """
        wanted = {"model_run_id": ref(version)}
        answer: Json = self._client.make_request(wanted, f"model/{ref(model)}/predictions/copyFromRun")
        return {"copied": answer["predictions_copied"], "skipped": answer["predictions_skipped_unsupported"]}

    @carried()
    def match(self, version: str | Version, policy: MatchPolicy | None = None) -> None:
        """Match the predictions of a version with the labels, to be looked at with `search.objects`.

        Args:
            version: The version or its id.
            policy: Which names match; its overlap makes no difference here. Names do not matter if not given.
        """
        body = {} if policy is None else matching(policy, set())
        self._client.make_request(body, f"modelRun/{ref(version)}/commit")
