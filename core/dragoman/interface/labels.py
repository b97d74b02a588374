"""Labels: ground truth on the items of a dataset."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from operator import attrgetter

from dragoman.calls.bulk import BulkWrite
from dragoman.fidelity import LossPolicy, restore
from dragoman.interface.base import Facet, chosen, operation, ref
from dragoman.interface.keeping import keeper_for
from dragoman.schema import Dataset, Label, Report


class Labels(Facet, name="labels"):
    """Write and read labels.

    An adapter may also write `_find(dataset, rows)`, which looks rows up: see `dragoman.calls.bulk`;
    and `_fidelity(dataset)`: see `dragoman.interface.keeping`.
    """

    @operation()
    def versions(self, dataset: str | Dataset) -> list[str]:
        """Return the ids of the label versions of a dataset, the oldest first."""
        return self._call("versions", ref(dataset))

    @operation()
    def read(
        self, dataset: str | Dataset, *, items: Sequence[str] | None = None, page_size: int | None = None
    ) -> Iterator[Label]:
        """Iterate over the labels of a dataset, or of the items whose keys are given.

        Raises:
            NotFound: There is no such dataset or item.
        """
        return map(restore, self._pages("read", ref(dataset), chosen(items, "items"), size=page_size))

    @operation()
    def write(
        self,
        rows: Iterable[Label],
        *,
        dataset: str | Dataset,
        update: bool = False,
        on_loss: LossPolicy = "raise",
    ) -> Report:
        """Write labels on items of a dataset, streamed in batches, and return every row's outcome.

        Args:
            rows: The labels; an iterator is consumed as it goes and never held whole.
            dataset: The dataset or its id.
            update: Overwrite labels of the same id; otherwise they are left as they are and `ignored`.
            on_loss: What to do with a row that the platform would not keep exactly: `raise`, `convert`, `store` or
                `drop`; see `dragoman.fidelity.LossPolicy`. What it cost is in `report.losses`.

        Raises:
            WouldLose: A row would lose something that `on_loss` does not allow.
            NotFound: There is no such dataset.
        """
        translation = self._translation("write")
        dataset_id = ref(dataset)
        find = getattr(self, "_find", None)
        keeper = keeper_for(self, self._adapter.label_fidelity, on_loss, dataset_id)
        return BulkWrite[Label](
            self._adapter.pipeline,
            self.operations["write"],
            key=attrgetter("id"),
            send=lambda batch: translation(dataset_id, batch, update),
            find=(lambda batch: find(dataset_id, batch)) if find else None,
            keep=keeper.keep,
            passes=keeper.passes,
            losses=keeper.losses,
        ).run(rows)

    @operation()
    def export(self, dataset: str | Dataset) -> str:
        """Make the platform's own export of the labels and return where it can be fetched."""
        return self._call("export", ref(dataset))
