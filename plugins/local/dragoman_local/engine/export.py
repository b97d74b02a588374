"""ONNX: a network as a graph that other runtimes carry out, with the card of its weights in the file's metadata.

The graph takes `images`, float32 `[batch, 3, h, w]`, RGB in 0..255, fitted to the network's size, and normalises them
itself. It gives what the network says at every place, before suppression: see `Outputs`. Needs onnx and onnxscript.
"""

from __future__ import annotations

import warnings
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryDirectory

import torch
from torch import Tensor, nn

from dragoman.errors import Unsupported
from dragoman_local.engine.network import Network
from dragoman_local.engine.weights import CARD, Card

NEEDED = ("onnx", "onnxscript")


class Outputs(nn.Module):
    """What the graph computes.

    Classification: `probabilities` `[batch, features]`. Detection: `boxes` xyxy `[batch, places, 4]` in pixels of the
    input, and `scores` `[batch, places, features]`. Segmentation adds what masks are made of, as `Network.dense` says.
    """

    def __init__(self, network: Network) -> None:
        super().__init__()
        self.network = network

    def forward(self, images: Tensor) -> tuple[Tensor, ...]:
        """Return the outputs in the order of `Network.outputs`."""
        return self.network.dense(images)


def export_onnx(network: Network, card: Card, path: Path) -> None:
    """Write a network to an ONNX file.

    Raises:
        Unsupported: onnx or onnxscript is not installed, or the network has operations that ONNX does not.
    """
    missing = [name for name in NEEDED if find_spec(name) is None]
    if missing:
        raise Unsupported(f"Exporting to ONNX needs {' and '.join(missing)}.", hint="Install dragoman-local[onnx].")
    images = torch.zeros(2, 3, *network.image_size)
    with warnings.catch_warnings():
        # The exporter warns of its own deprecated parts.
        warnings.simplefilter("ignore")
        try:
            program = torch.onnx.export(
                Outputs(network.eval()),
                (images,),
                input_names=["images"],
                output_names=list(network.outputs),
                dynamic_shapes={"images": {0: torch.export.Dim("batch")}},
                dynamo=True,
                verbose=False,
            )
        except torch.onnx.errors.OnnxExporterError as error:
            raise Unsupported(
                f'"{network.architecture}" cannot be exported to ONNX by this release of torch.',
                hint="Download the weights as safetensors, or train another architecture.",
            ) from error
    assert program is not None
    program.model.metadata_props[CARD] = card.model_dump_json()
    with TemporaryDirectory(dir=path.parent, prefix=".onnx-") as folder:
        whole = Path(folder) / path.name
        program.save(whole, external_data=False)
        whole.replace(path)
