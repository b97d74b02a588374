"""Labels: Acme's marks on pictures."""

import msgspec

from dragoman import Gap
from dragoman.calls.pipeline import Page
from dragoman.interface import Labels
from dragoman.schema import RowResult
from dragoman_acme.codec import mark_in, mark_out


class AcmeLabels(Labels):
    """Marks."""

    _versions = Gap.impossible("Acme keeps one state of its marks.")
    _export = Gap.impossible("Acme exports nothing.", instead="labels.read")

    def _read(self, dataset, items, cursor, size):
        body = {"pictures": items, "after": cursor or 0, "count": size}
        page = self._adapter.request("POST", f"/albums/{dataset}/marks/search", json=body)
        return Page([mark_in(mark) for mark in page["found"]], page["next"])

    def _write(self, dataset, rows, update):
        body = {"marks": [mark_out(row) for row in rows], "update": update}
        return msgspec.convert(self._adapter.request("POST", f"/albums/{dataset}/marks", json=body), list[RowResult])
