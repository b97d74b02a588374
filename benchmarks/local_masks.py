"""The process in which instance segmentation is compared: `python -m benchmarks.local_masks IMAGE...`.

It finds torchvision, which the processor of transformers needs, and nothing else here has: the compiled part of its
wheel needs CUDA. What is missing then are two operators that the processor never calls. They are declared without a
body, so that torchvision can be imported. It prints the CPU seconds of both sides.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from pathlib import Path

import torch


def main(paths: Sequence[Path]) -> None:
    """Print how long both take, after a look at whether they find the same."""
    for name in ("nms", "qnms"):
        torch.library.define(f"torchvision::{name}", "(Tensor boxes, Tensor scores, float iou_threshold) -> Tensor")
    # These import transformers, which imports torchvision where it is installed.
    from benchmarks.local import BATCH, new_network, take_turns
    from benchmarks.local_pipelines import segmentation

    torch.set_num_threads(1)
    print(json.dumps(take_turns(*segmentation(new_network("segmentation", "rf-detr").eval(), paths, BATCH))))


if __name__ == "__main__":
    main(list(map(Path, sys.argv[1:])))
