"""The vendor's SDK, opened so that it sends every request once: the core decides what is sent again.

What the plugin needs of the SDK comes from here: the client of the v2 protocol, which the plugin asks for one page at a
time, and the clients of single projects and datasets, which speak the older protocol.
"""

from __future__ import annotations

import json
import re
from typing import Any, TypeVar

import encord
import msgspec
from cryptography.exceptions import UnsupportedAlgorithm
from encord.client import EncordClientDataset, EncordClientProject
from encord.configs import SshConfig, UserConfig
from encord.exceptions import EncordException
from encord.http.common import RequestContext
from encord.http.constants import RequestsSettings
from encord.http.querier import Querier
from encord.http.request import Request
from encord.http.v2.api_client import ApiClient
from encord.http.v2.payloads import Page as SdkPage
from encord.ml_models_client import MlModelsClient
from encord.orm.dataset import DatasetAccessSettings
from requests import Response

from dragoman.errors import AuthenticationError

T = TypeVar("T")

__all__ = ["Client", "SdkPage", "encoded", "open_client"]

_FOREIGN = re.compile(r"[^\x00-\x7f]")


class _Api(ApiClient):
    """The SDK's v2 client; its errors say the HTTP status, which the SDK's own lose."""

    @staticmethod
    def _handle_error(response: Response, context: RequestContext) -> None:
        try:
            ApiClient._handle_error(response, context)
        except EncordException as error:
            error.status = response.status_code  # type: ignore[attr-defined]
            raise


class _Querier(Querier):
    """The SDK's client of the older protocol, which encodes what it sends with `encoded`."""

    def _request(self, method: Any, query_type: str, uid: Any, timeout: int, payload: Any = None) -> Request:
        request = super()._request(method, query_type, uid, timeout)
        if payload is not None:
            values = {"uid": uid, "payload": self._serialise_payload(payload)}
            request.data = encoded({"query_type": query_type, "query_method": str(method), "values": values})
            request.headers = self._config.define_headers(self.resource_id, self.resource_type, request.data)
        return request


def encoded(content: Any) -> str:
    """Return JSON as the SDK's `json.dumps` writes it, in ASCII, but for the spaces, and in a twelfth of the time.

    That was half of all time from a file of polygons to what Encord is sent.
    """
    text = msgspec.json.encode(content).decode()
    return text if text.isascii() else _FOREIGN.sub(lambda found: json.dumps(found[0])[1:-1], text)


class Client:
    """The SDK's clients over one set of credentials. Nothing is sent before the first call."""

    def __init__(self, config: SshConfig) -> None:
        self._config = config
        user = UserConfig(config)
        self.api = _Api(config)
        self.user = encord.EncordUserClient(user, Querier(user))
        self.user._api_client = self.api
        self.ml = MlModelsClient(self.api)

    def page(self, path: str, params: Any, kind: type[T]) -> tuple[list[T], str | None]:
        """Return one page of a v2 listing and the token of the next."""
        page = self.api.get(path, params=params, result_type=SdkPage[kind])  # type: ignore[valid-type]
        return page.results, page.next_page_token or None

    def project(self, project: str) -> Any:
        """Return the client of a project."""
        querier = _Querier(self._config, resource_type="project", resource_id=project)
        return EncordClientProject(querier=querier, config=self._config, api_client=self.api)

    def dataset(self, dataset: str) -> Any:
        """Return the client of a dataset, which reads rows with the metadata of their files."""
        querier = Querier(self._config, resource_type="dataset", resource_id=dataset)
        return EncordClientDataset(
            querier=querier,
            config=self._config,
            dataset_access_settings=DatasetAccessSettings(fetch_client_metadata=True),
            api_client=self.api,
        )


def open_client(key: str, password: str | None, domain: str, timeout: int) -> Client:
    """Return the SDK's clients. Nothing is sent.

    Raises:
        AuthenticationError: The key is no Ed25519 key in OpenSSH's form, or its passphrase is missing or wrong.
    """
    settings = RequestsSettings(
        max_retries=0, connection_retries=0, connect_timeout=timeout, read_timeout=timeout, write_timeout=timeout
    )
    try:
        config = SshConfig.from_ssh_private_key(key, password, requests_settings=settings, domain=domain)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        # The SDK's message may hold the whole key (observed with RSA keys, 0.1.211), so it is not kept as the cause.
        raise AuthenticationError(
            "The SSH key cannot be used.",
            hint="Encord takes an Ed25519 key in OpenSSH's form, and its passphrase as ssh_key_password if it has one.",
            platform="encord",
        ) from None
    return Client(config)
