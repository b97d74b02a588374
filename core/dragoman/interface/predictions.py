"""Predictions: what a version said about items, stored on a platform."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from operator import attrgetter

from dragoman.calls.bulk import BulkWrite
from dragoman.errors import InvalidData
from dragoman.fidelity import LossPolicy, restore
from dragoman.interface.base import Facet, chosen, operation, ref
from dragoman.interface.keeping import keeper_for
from dragoman.schema import Dataset, Prediction, Report, Version


class Predictions(Facet, name="predictions"):
    """Write, read and delete predictions.

    An adapter may also write `_find(version, dataset, rows)`, which looks rows up: see `dragoman.calls.bulk`;
    and `_fidelity(version, dataset)`: see `dragoman.interface.keeping`.
    """

    @operation()
    def write(
        self,
        rows: Iterable[Prediction],
        *,
        version: str | Version,
        dataset: str | Dataset,
        update: bool = False,
        on_loss: LossPolicy = "raise",
    ) -> Report:
        """Write predictions of a version on items of a dataset, streamed in batches, and return every row's outcome.

        Args:
            rows: The predictions; an iterator is consumed as it goes and never held whole.
            version: The version or its id.
            dataset: The dataset that holds the items, or its id.
            update: Overwrite predictions of the same id; otherwise they are left as they are and `ignored`.
            on_loss: What to do with a row that the platform would not keep exactly: `raise`, `convert`, `store` or
                `drop`; see `dragoman.fidelity.LossPolicy`. What it cost is in `report.losses`.

        Raises:
            InvalidData: A row's feature is none of the model's. Rows before it may be written: see `error.report`.
            WouldLose: A row would lose something that `on_loss` does not allow.
            NotFound: There is no such version or dataset.
        """
        translation = self._translation("write")
        version_id, dataset_id = ref(version), ref(dataset)
        features = self._known_features(version_id)
        find = getattr(self, "_find", None)
        keeper = keeper_for(self, self._adapter.prediction_fidelity, on_loss, version_id, dataset_id)

        def keep(row: Prediction) -> Prediction | None:
            if features and row.feature not in features:
                raise InvalidData(
                    f"The model knows no feature {row.feature!r}.",
                    hint=f"It knows: {', '.join(sorted(features))}.",
                    field="feature",
                )
            return keeper.keep(row)

        def passes(rows: Sequence[Prediction]) -> bool:
            return (not features or features.issuperset({row.feature for row in rows})) and keeper.passes(rows)

        return BulkWrite[Prediction](
            self._adapter.pipeline,
            self.operations["write"],
            key=attrgetter("id"),
            send=lambda batch: translation(version_id, dataset_id, batch, update),
            find=(lambda batch: find(version_id, dataset_id, batch)) if find else None,
            keep=keep,
            passes=passes,
            losses=keeper.losses,
        ).run(rows)

    @operation()
    def read(
        self,
        version: str | Version,
        *,
        dataset: str | Dataset,
        items: Sequence[str] | None = None,
        page_size: int | None = None,
    ) -> Iterator[Prediction]:
        """Iterate over the predictions of a version on a dataset.

        Args:
            version: The version or its id.
            dataset: The dataset or its id.
            items: Keys of the items to read; all if not given.
            page_size: Predictions per request.

        Raises:
            NotFound: There is no such version, dataset or item.
        """
        return map(restore, self._pages("read", ref(version), ref(dataset), chosen(items, "items"), size=page_size))

    @operation()
    def delete(self, version: str | Version, *, dataset: str | Dataset, ids: Sequence[str] | None = None) -> None:
        """Delete the predictions of a version on a dataset; only those in `ids` if given."""
        self._call("delete", ref(version), ref(dataset), chosen(ids, "ids"))

    def _known_features(self, version: str) -> frozenset[str]:
        """Return the features of the version's model; empty where the platform does not know them."""
        adapter = self._adapter
        if not (adapter.versions.supports("get") and adapter.models.supports("get")):
            return frozenset()
        return frozenset(adapter.models.get(adapter.versions.get(version).model).features)
