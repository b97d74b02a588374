"""A server over gRPC: one channel, no retry (the core decides that)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from urllib.parse import urlsplit

import grpc

from dragoman_openinference.answers import answering
from dragoman_openinference.facts import Entry, ModelFacts, Place, ServerFacts, TensorFacts
from dragoman_openinference.messages import MESSAGES, METHODS, SERVICE, described, tensors_in
from dragoman_openinference.refusals import GrpcRefused, lists_no_models
from dragoman_openinference.settings import OpenInferenceSettings
from dragoman_openinference.tensors import Tensor, raw

OPTIONS = [("grpc.max_send_message_length", -1), ("grpc.max_receive_message_length", -1)]
"""Pictures are larger than the four mebibytes that gRPC lets through by default."""


class GrpcServer:
    """A server of the protocol over gRPC.

    Args:
        settings: Where it is, and who asks.
    """

    def __init__(self, settings: OpenInferenceSettings) -> None:
        address = urlsplit(settings.endpoint)
        self._target, self._timeout = address.netloc, settings.timeout
        token = settings.token
        self._metadata = [("authorization", f"Bearer {token.get_secret_value()}")] if token else []
        if address.scheme == "grpcs":
            self._channel = grpc.secure_channel(self._target, grpc.ssl_channel_credentials(), OPTIONS)
        else:
            self._channel = grpc.insecure_channel(self._target, OPTIONS)

    def facts(self) -> ServerFacts:
        """Return what the server is."""
        found = self._call("ServerMetadata")
        return ServerFacts(found.name, found.version, list(found.extensions))

    def ready(self, place: Place | None = None) -> bool:
        """Return whether the server, or a version on it, takes requests. MLServer refuses for one that is not there."""
        if place is None:
            return bool(self._call("ServerReady").ready)
        try:
            return bool(self._call("ModelReady", **_named(place)).ready)
        except GrpcRefused as refusal:
            if refusal.absent:
                return False
            raise

    def model(self, place: Place) -> ModelFacts:
        """Return what a version takes and gives."""
        found = self._call("ModelMetadata", **_named(place))
        inputs, outputs = map(_facts, (found.inputs, found.outputs))
        return ModelFacts(found.name, found.platform, list(found.versions), inputs, outputs)

    def index(self) -> list[Entry]:
        """Return what is in the repository."""
        try:
            found = self._call("RepositoryIndex")
        except GrpcRefused as refusal:
            if refusal.code == "UNIMPLEMENTED":
                raise lists_no_models() from refusal
            raise
        return [Entry(one.name, one.version, one.state, one.reason) for one in found.models]

    def load(self, model: str) -> None:
        """Load a model."""
        self._call("RepositoryModelLoad", model_name=model)

    def unload(self, model: str) -> None:
        """Unload a model."""
        self._call("RepositoryModelUnload", model_name=model)

    def infer(self, place: Place, inputs: Sequence[Tensor]) -> list[Tensor]:
        """Return what a version makes of its inputs. Triton answers raw bytes, MLServer lists."""
        found = self._call(
            "ModelInfer",
            model_name=place.model,
            model_version=place.version or "",
            inputs=described(inputs),
            raw_input_contents=list(map(raw, inputs)),
        )
        with answering():
            return tensors_in(found.outputs, found.raw_output_contents)

    def close(self) -> None:
        """Close the channel."""
        self._channel.close()

    def __repr__(self) -> str:
        return f"<gRPC server {self._target}>"

    def _call(self, method: str, **fields: Any) -> Any:
        takes, gives = (MESSAGES[name] for name in METHODS[method])
        send = self._channel.unary_unary(
            f"/{SERVICE}/{method}", request_serializer=takes.SerializeToString, response_deserializer=gives.FromString
        )
        try:
            return send(takes(**fields), timeout=self._timeout, metadata=self._metadata)
        except grpc.RpcError as error:
            raise GrpcRefused(error.code().name, error.details() or "") from None


def _named(place: Place) -> dict[str, str]:
    return {"name": place.model, "version": place.version or ""}


def _facts(tensors: Any) -> list[TensorFacts]:
    return [TensorFacts(one.name, one.datatype, list(one.shape)) for one in tensors]
