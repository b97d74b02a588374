"""What Triton's own client does with a server, run in its own environment: `triton_client.py HTTP GRPC MODEL PIXELS`.

HTTP and GRPC are addresses (host:port), PIXELS is a file of numpy's. Everything is asked for by the client's methods,
and printed as one line of JSON.
"""

from __future__ import annotations

import json
import sys
from typing import Any

import numpy as np
import tritonclient.grpc as rpc
import tritonclient.http as http
from tritonclient.utils import InferenceServerException


def looked_at(client: Any, model: str, pixels: Any, *, binary: bool) -> dict[str, Any]:
    image = http.InferInput("image", pixels.shape, "UINT8")
    image.set_data_from_numpy(pixels, binary_data=binary)
    outputs = [http.InferRequestedOutput(name, binary_data=binary) for name in ("boxes", "scores", "labels")]
    answer = client.infer(model, [image], outputs=outputs, request_id="7", parameters={"confidence": 0.0})
    return {"id": answer.get_response()["id"], **found(answer)}


def found(answer: Any) -> dict[str, Any]:
    labels = [label.decode() if isinstance(label, bytes) else label for label in answer.as_numpy("labels")]
    return {
        "boxes": answer.as_numpy("boxes").tolist(),
        "scores": answer.as_numpy("scores").tolist(),
        "labels": labels,
    }


def refusal(client: Any, model: str) -> str:
    try:
        client.get_model_metadata(model)
    except InferenceServerException as error:
        return str(error.status())
    return "none"


def over_grpc(address: str, model: str, pixels: Any) -> dict[str, Any]:
    client = rpc.InferenceServerClient(address)
    image = rpc.InferInput("image", pixels.shape, "UINT8")
    image.set_data_from_numpy(pixels)
    answer = client.infer(model, [image], request_id="7", parameters={"confidence": 0.0})
    return {
        "ready": [client.is_server_live(), client.is_server_ready(), client.is_model_ready(model)],
        "versions": list(client.get_model_metadata(model).versions),
        "index": [entry.version for entry in client.get_model_repository_index().models],
        "refusal": refusal(client, "nobody"),
        **found(answer),
        "id": answer.get_response().id,
    }


def main(address: str, grpc_address: str, model: str, path: str) -> dict[str, Any]:
    client, pixels = http.InferenceServerClient(address), np.load(path)
    return {
        "grpc": over_grpc(grpc_address, model, pixels),
        "ready": [client.is_server_live(), client.is_server_ready(), client.is_model_ready(model)],
        "server": client.get_server_metadata(),
        "model": client.get_model_metadata(model),
        "index": client.get_model_repository_index(),
        "refusal": refusal(client, "nobody"),
        "binary": looked_at(client, model, pixels, binary=True),
        "json": looked_at(client, model, pixels, binary=False),
    }


if __name__ == "__main__":
    print(json.dumps(main(*sys.argv[1:])))
