"""The protobuf messages that `viam-sdk` ships, without the rest of it.

Importing `viam` loads grpclib, replaces `sys.excepthook` and patches a message class (observed with 0.85.1). Only the
message modules are wanted, so a bare package stands for `viam` while they are imported, and nothing of it is left in
`sys.modules`. Whoever imports the SDK later gets it whole, and the same message classes: protobuf keeps one per type.
"""

from __future__ import annotations

import importlib
import importlib.util
import sys
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from types import MappingProxyType, ModuleType
from typing import Any

from dragoman.errors import PluginError

PACKAGE = "viam"
SERVICES: Mapping[str, tuple[str, str]] = MappingProxyType(
    {
        "auth": ("proto.rpc.v1.AuthService", "viam.gen.proto.rpc.v1.auth_pb2"),
        "app": ("viam.app.v1.AppService", "viam.gen.app.v1.app_pb2"),
        "billing": ("viam.app.v1.BillingService", "viam.gen.app.v1.billing_pb2"),
        "data": ("viam.app.data.v1.DataService", "viam.gen.app.data.v1.data_pb2"),
        "sync": ("viam.app.datasync.v1.DataSyncService", "viam.gen.app.datasync.v1.data_sync_pb2"),
        "pipelines": (
            "viam.app.datapipelines.v1.DataPipelinesService",
            "viam.gen.app.datapipelines.v1.data_pipelines_pb2",
        ),
        "dataset": ("viam.app.dataset.v1.DatasetService", "viam.gen.app.dataset.v1.dataset_pb2"),
        "packages": ("viam.app.packages.v1.PackageService", "viam.gen.app.packages.v1.packages_pb2"),
        "training": ("viam.app.mltraining.v1.MLTrainingService", "viam.gen.app.mltraining.v1.ml_training_pb2"),
        "inference": ("viam.app.mlinference.v1.MLInferenceService", "viam.gen.app.mlinference.v1.ml_inference_pb2"),
    }
)
"""Our short name of a service to its full name and the module of its messages."""

_importing = threading.Lock()


@dataclass(frozen=True, slots=True)
class Method:
    """One remote method: its path on the wire and its message classes."""

    path: str
    request: Any
    response: Any


@cache
def modules() -> Mapping[str, ModuleType]:
    """Return the message modules by the short names of their services, imported when first needed.

    Raises:
        PluginError: `viam-sdk` is not installed.
    """
    with _importing, _bare_package():
        loaded = {name: importlib.import_module(module) for name, (_, module) in SERVICES.items()}
    return MappingProxyType(loaded)


@cache
def method(name: str) -> Method:
    """Return a method by `"service.Method"`, such as `"data.BinaryDataByIDs"`."""
    from google.protobuf.message_factory import GetMessageClass

    service, _, rpc = name.partition(".")
    full, _ = SERVICES[service]
    descriptor = modules()[service].DESCRIPTOR.services_by_name[full.rpartition(".")[2]].methods_by_name[rpc]
    return Method(f"/{full}/{rpc}", GetMessageClass(descriptor.input_type), GetMessageClass(descriptor.output_type))


def number(service: str, enum: str, name: str) -> int:
    """Return the number of an enum's value."""
    value: int = modules()[service].DESCRIPTOR.enum_types_by_name[enum].values_by_name[name].number
    return value


def name_of(service: str, enum: str, value: int) -> str:
    """Return the name of an enum's value; enums are open, so a number without one is its own name."""
    known = modules()[service].DESCRIPTOR.enum_types_by_name[enum].values_by_number
    return known[value].name if value in known else str(value)


@contextmanager
def _bare_package() -> Iterator[None]:
    if PACKAGE in sys.modules:
        # The caller has imported the SDK, and with it everything that it does to a process.
        yield
        return
    found = importlib.util.find_spec(PACKAGE)
    if found is None or found.submodule_search_locations is None:
        raise PluginError("viam-sdk is not installed.", hint="pip install dragoman-viam", platform=PACKAGE)
    bare = ModuleType(PACKAGE)
    bare.__path__ = list(found.submodule_search_locations)
    sys.modules[PACKAGE] = bare
    try:
        yield
    finally:
        for name in [name for name in sys.modules if name == PACKAGE or name.startswith(f"{PACKAGE}.")]:
            del sys.modules[name]
