"""The vendor's SDK: its client, without retries of its own, and what it hides of an answer.

The SDK repeats any request, mutations included, for up to two minutes after a 5xx; the core decides that here. It turns
`RESOURCE_NOT_FOUND` into None, on which most of its methods then stumble; here it is always an exception. And it drops
status and headers of a refusal; here they are attached to the exception.
"""

from __future__ import annotations

import logging
import threading
import warnings
from collections.abc import Callable
from typing import Any

import requests
from labelbox import (
    Client,
    DataRowIds,
    GlobalKey,
    GlobalKeys,
    LabelImport,
    MALPredictionImport,
    MEAPredictionImport,
    MEAToMALPredictionImport,
    ModelRun,
    Project,
)
from labelbox.schema.data_row_metadata import DataRowMetadataKind
from labelbox.schema.enums import AnnotationImportState
from labelbox.schema.export_task import ExportTask
from labelbox.schema.foundry.foundry_client import FoundryClient
from labelbox.schema.media_type import MediaType
from lbox import exceptions
from lbox.request_client import RequestClient
from requests.adapters import HTTPAdapter

__all__ = [
    "SENDERS",
    "AnnotationImportState",
    "Client",
    "DataRowIds",
    "DataRowMetadataKind",
    "ExportTask",
    "FoundryClient",
    "GlobalKey",
    "GlobalKeys",
    "LabelImport",
    "MALPredictionImport",
    "MEAPredictionImport",
    "MEAToMALPredictionImport",
    "MediaType",
    "ModelRun",
    "Project",
    "close",
    "exceptions",
    "open_client",
    "session_of",
]

# The SDK logs what it raises as well. Python would print that for a program that listens to no log, at every attempt.
logging.getLogger("lbox").addHandler(logging.NullHandler())
# The SDK warns of its own deprecated calls from within itself; the user can do nothing about that.
warnings.filterwarnings("ignore", category=DeprecationWarning, module=r"labelbox\.")

_send_once: Callable[..., Any] = RequestClient.execute.__wrapped__
"""The request without google's retry around it."""

SENDERS: dict[type, Callable[..., Any]] = {
    MEAPredictionImport: MEAPredictionImport._create_mea_import_from_bytes,
    MALPredictionImport: MALPredictionImport._create_mal_import_from_bytes,
    LabelImport: LabelImport._create_label_import_from_bytes,
}
"""Makes an import of a content of a length. The SDK's public ways encode objects slowly, or read a file by its path."""


class NotingAdapter:
    """A transport for a session that remembers the last response of each thread, which the SDK's exceptions lack."""

    def __init__(self) -> None:
        self.last = threading.local()
        self._transport = HTTPAdapter(pool_maxsize=32)

    def send(self, request: Any, *arguments: Any, **options: Any) -> Any:
        """Send a request and remember the response."""
        self.last.response = None
        self.last.response = self._transport.send(request, *arguments, **options)
        return self.last.response

    def close(self) -> None:
        """Close the pooled connections."""
        self._transport.close()


def open_client(api_key: str, endpoint: str, rest_endpoint: str, timeout: float) -> Client:
    """Return the SDK's client. Nothing is sent."""
    client = Client(api_key=api_key, endpoint=endpoint, rest_endpoint=rest_endpoint, enable_experimental=True)
    noting: Any = NotingAdapter()
    session = session_of(client)
    session.mount("http://", noting)
    session.mount("https://", noting)

    def execute(query: str | None = None, params: dict[str, Any] | None = None, **options: Any) -> Any:
        options.setdefault("timeout", timeout)
        options.pop("error_log_key", None)
        options["raise_return_resource_not_found"] = True
        # Else the SDK looks through the call stack, sources included, to say in a header who called.
        client._request_client.sdk_method = "Dragoman"
        try:
            return _send_once(client._request_client, query, params, **options)
        except Exception as error:
            error.response = getattr(noting.last, "response", None)  # type: ignore[attr-defined]
            raise

    client.execute = execute
    return client


def session_of(client: Client) -> requests.Session:
    """Return the session of a client: it carries the key, so it goes to the platform's own addresses only."""
    session: requests.Session = client._request_client._connection
    return session


def close(client: Client) -> None:
    """Close the pooled connections."""
    session_of(client).close()
