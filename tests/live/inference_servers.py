"""Triton and MLServer with the same small models: how they are started, and what is in their repositories.

Both have `detector` in two versions and `classifier`; see `served` for what the models do.
"""

from __future__ import annotations

import json
import shutil
from pathlib import Path

from servers import LOOPBACK, Server, environment, free_ports

SERVED = Path(__file__).parent / "served"
_CONFIG = """\
name: "{name}"
backend: "python"
max_batch_size: 0
version_policy: {{ all {{}} }}
input [ {{ name: "image" data_type: {kind} dims: {dims} }} ]
output [ {outputs} ]
"""
# The backend heeds no PYTHONPATH.
_MODULE = """\
import sys
sys.path += {path}
from triton_models import {kind} as TritonPythonModel
"""
_SCORES = '{ name: "scores" data_type: TYPE_FP32 dims: [ -1 ] }'
_FOUND = '{ name: "boxes" data_type: TYPE_FP32 dims: [ -1, 4 ] }, { name: "labels" data_type: TYPE_INT64 dims: [ -1 ] }'
_PLANES_FOUND = _FOUND.replace("dims: [", "dims: [ 1,")


def triton(folder: Path) -> Server:
    """Return a Triton, not started. Its Python backend needs the Python that its stub was built for."""
    site = _triton_site()
    repository, backends = folder / "repository", folder / "backends"
    _triton_repository(repository)
    _python_backend(site, backends / "python")
    http, grpc = free_ports(2)
    where = ["--http-address", LOOPBACK, "--http-port", str(http), "--grpc-address", LOOPBACK, "--grpc-port", str(grpc)]
    models = ["--model-repository", repository, "--model-control-mode", "explicit"]
    loaded = [word for path in sorted(repository.iterdir()) for word in ("--load-model", path.name)]
    return Server(
        name="triton",
        command=[
            site / "pytriton" / "tritonserver" / "bin" / "tritonserver",
            *(*models, *loaded, "--backend-directory", backends, *where, "--allow-metrics", "false"),
        ],
        ports=(http, grpc),
        folder=folder,
        health="/v2/health/ready",
        env={"LD_LIBRARY_PATH": str(site / "nvidia_pytriton.libs")},
    )


def _triton_site() -> Path:
    (library,) = (environment("triton") / "lib").glob("python3.*")
    return library / "site-packages"


def _triton_repository(folder: Path) -> None:
    pixels = {"kind": "TYPE_UINT8", "dims": "[ -1, -1, 3 ]"}
    planes = {"kind": "TYPE_FP32", "dims": "[ 1, 3, 32, 32 ]"}
    _triton_model(folder, "detector", ("Detector", "Detector"), f"{_FOUND}, {_SCORES}", **pixels)
    squares = f"{_PLANES_FOUND}, {_SCORES.replace('dims: [', 'dims: [ 1,')}"
    _triton_model(folder, "squares", ("SquareDetector",), squares, **planes)
    _triton_model(folder, "classifier", ("Classifier",), _SCORES.replace("-1", "2"), **pixels)


def _triton_model(folder: Path, name: str, versions: tuple[str, ...], outputs: str, *, kind: str, dims: str) -> None:
    for number, version in enumerate(versions, start=1):
        place = folder / name / str(number)
        place.mkdir(parents=True)
        (place / "model.py").write_text(
            _MODULE.format(path=[str(SERVED), str(_triton_site())], kind=version), encoding="utf-8"
        )
    config = _CONFIG.format(name=name, kind=kind, dims=dims, outputs=outputs)
    (folder / name / "config.pbtxt").write_text(config, encoding="utf-8")


def _python_backend(site: Path, folder: Path) -> None:
    """Put the backend's library and the stub of this Python side by side, where the server looks for both."""
    home = site / "pytriton" / "tritonserver"
    shutil.copytree(home / "backends" / "python", folder)
    stub = folder / "triton_python_backend_stub"
    version = site.parent.name.removeprefix("python")
    shutil.copy(home / "python_backend_stubs" / version / stub.name, stub)
    stub.chmod(0o755)


def mlserver(folder: Path) -> Server:
    """Return an MLServer, not started."""
    http, grpc, metrics = free_ports(3)
    models = folder / "models"
    for name, version, kind in (
        ("detector", "v1", "Detector"),
        ("detector", "v2", "Detector"),
        ("classifier", "v1", "Classifier"),
    ):
        _mlserver_model(models / f"{name}-{version}", name, version, kind)
    settings = {"host": LOOPBACK, "http_port": http, "grpc_port": grpc, "metrics_port": metrics, "parallel_workers": 0}
    (models / "settings.json").write_text(json.dumps(settings), encoding="utf-8")
    return Server(
        name="mlserver",
        command=[environment("mlserver") / "bin" / "mlserver", "start", models],
        ports=(http, grpc, metrics),
        folder=folder,
        health="/v2/health/ready",
        env={"PYTHONPATH": str(SERVED)},
    )


def _mlserver_model(folder: Path, name: str, version: str, kind: str) -> None:
    folder.mkdir(parents=True)
    found = [] if kind == "Classifier" else [_tensor("boxes", "FP32", -1, 4), _tensor("labels", "BYTES", -1)]
    settings = {
        "name": name,
        "implementation": f"mlserver_models.{kind}",
        "parameters": {"version": version},
        "inputs": [_tensor("image", "UINT8", -1, -1, 3)],
        "outputs": [*found, _tensor("scores", "FP32", -1)],
    }
    (folder / "model-settings.json").write_text(json.dumps(settings), encoding="utf-8")


def _tensor(name: str, datatype: str, *shape: int) -> dict[str, object]:
    return {"name": name, "datatype": datatype, "shape": list(shape)}
