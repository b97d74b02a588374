"""Datasets: Acme's albums and their pictures."""

import base64
from pathlib import Path

import msgspec

from dragoman import Dataset, Gap
from dragoman.calls.pipeline import Page
from dragoman.interface import Datasets
from dragoman.schema import RowResult
from dragoman_acme.codec import picture_in


class AcmeDatasets(Datasets):
    """Albums."""

    def _create(self, dataset):
        return Dataset(**self._adapter.request("POST", "/albums", json={"name": dataset.name}))

    def _get(self, dataset):
        return Dataset(**self._adapter.request("GET", f"/albums/{dataset}"))

    def _list(self, cursor, size):
        page = self._adapter.request("GET", "/albums", params={"after": cursor or 0, "count": size})
        return Page([Dataset(**album) for album in page["found"]], page["next"])

    _delete = Gap.impossible("Acme never forgets an album.")

    def _read_items(self, dataset, cursor, size):
        asked = {"after": cursor or 0, "count": size}
        page = self._adapter.request("GET", f"/albums/{dataset}/pictures", params=asked)
        return Page([picture_in(found, self._adapter.settings.endpoint) for found in page["found"]], page["next"])

    def _write_items(self, dataset, rows, update):
        return [self._write_item(dataset, row, update) for row in rows]

    def _write_item(self, dataset, row, update):
        try:
            media = base64.b64encode(Path(row.uri).read_bytes()).decode()
        except OSError as error:
            return RowResult("rejected", reason=f"{row.uri} cannot be read: {error.strerror}")
        facts = msgspec.to_builtins(msgspec.structs.replace(row, uri=None))
        body = {"facts": facts, "media": media, "update": update}
        return RowResult(self._adapter.request("POST", f"/albums/{dataset}/pictures", json=body)["status"])
