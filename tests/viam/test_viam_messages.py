"""The SDK's messages come without what else its package does to a process."""

from __future__ import annotations

import subprocess
import sys

import pytest
from google.protobuf.descriptor import EnumDescriptor

from dragoman_viam.messages import SERVICES, method, modules, name_of, number

TELLS = """
import sys
hook, loaded = sys.excepthook, set(sys.modules)
{}
new = set(sys.modules) - loaded
print(sys.excepthook is hook, sorted(name for name in new if name.partition(".")[0] in ("viam", "grpclib", "bson")))
"""
USE = """
from dragoman_viam.messages import method, modules
modules()
assert method("data.BinaryDataByIDs").request(binary_data_ids=["a"]).SerializeToString()
"""


def told(code: str) -> str:
    """What a process says of itself after running some code."""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return done.stdout.strip()


def test_the_process_is_left_as_it_was() -> None:
    assert told(TELLS.format(USE)) == "True []"


def test_connecting_leaves_the_process_as_it_was() -> None:
    connect = """
import dragoman
settings = {"endpoint": "http://127.0.0.1:9", "api_key": "k", "api_key_id": "01234567-89ab-cdef-0123-456789abcdef"}
with dragoman.connect("viam", **settings) as backend:
    backend.sleep = lambda seconds: None
    try:
        list(backend.datasets.list())
    except dragoman.Unavailable:
        pass
    else:
        raise SystemExit("somebody listens on port 9")
"""
    assert told(TELLS.format(connect)) == "True []"


def test_the_sdk_can_be_imported_afterwards_and_has_the_same_messages() -> None:
    both = f"""{USE}
import viam
from viam.app.viam_client import ViamClient
from viam.proto.app.data import BinaryDataByIDsRequest
print(viam.gen.__name__, BinaryDataByIDsRequest is method("data.BinaryDataByIDs").request)
"""
    assert told(both) == "viam.gen True"


def test_the_sdk_may_have_been_imported_before() -> None:
    before = f"import viam, sys\n{USE}\nprint('viam' in sys.modules, viam.__file__ is not None)"
    assert told(before) == "True True"


@pytest.mark.parametrize("service", SERVICES)
def test_every_service_is_in_its_module(service: str) -> None:
    full, _ = SERVICES[service]
    found = modules()[service].DESCRIPTOR.services_by_name[full.rpartition(".")[2]]
    assert found.full_name == full
    assert all(method(f"{service}.{rpc.name}").path == f"/{full}/{rpc.name}" for rpc in found.methods)


def test_enums_are_open() -> None:
    kinds = modules()["training"].DESCRIPTOR.enum_types_by_name["TrainingStatus"]
    assert isinstance(kinds, EnumDescriptor)
    assert name_of("training", "TrainingStatus", 99) == "99"
    completed = number("training", "TrainingStatus", "TRAINING_STATUS_COMPLETED")
    assert name_of("training", "TrainingStatus", completed) == "TRAINING_STATUS_COMPLETED"
