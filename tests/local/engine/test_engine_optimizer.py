"""The optimizer is torch's AdamW, number for number, and a training does without torch's compiler."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
import torch
from PIL import Image
from torch import nn
from torch.optim import AdamW

from dragoman_local.engine.optimizer import EagerAdamW


def steps(kind: type[AdamW], count: int, *, again_after: int) -> torch.Tensor:
    """Weights after so many steps; after some of them another optimizer goes on from the state of the first."""
    torch.manual_seed(0)
    layer = nn.Linear(5, 3)
    groups = [{"params": [layer.weight], "weight_decay": 0.1}, {"params": [layer.bias], "weight_decay": 0.0}]
    optimizer = kind(groups, lr=0.01, fused=True)
    for step in range(count):
        if step == again_after:
            kept = optimizer.state_dict()
            optimizer = kind(groups, lr=0.01, fused=True)
            optimizer.load_state_dict(kept)
        optimizer.zero_grad(set_to_none=True)
        layer(torch.randn(4, 5)).square().sum().backward()
        optimizer.step()
    return torch.cat([layer.weight.detach().flatten(), layer.bias.detach()])


@pytest.mark.parametrize("again_after", [99, 3])
def test_steps_are_those_of_adamw(again_after: int) -> None:
    ours, theirs = (steps(kind, 6, again_after=again_after) for kind in (EagerAdamW, AdamW))
    assert torch.equal(ours, theirs)


_TRAINING = """
import sys
from pathlib import Path
import numpy as np
from dragoman_local.engine.config import TrainConfig
from dragoman_local.engine.targets import BoxTarget, Sample
from dragoman_local.engine.train import train
task = sys.argv[3]
config = TrainConfig(task=task, features=("x",), steps=1, batch_size=2, image_size=(32, 32), device="cpu")
target = 0 if task == "classification" else BoxTarget(np.array([[1.0, 1, 20, 20]]), np.array([0]))
sample = Sample(Path(sys.argv[1]), target)
train(config, [sample], on_progress=lambda progress: None, should_stop=lambda: False, checkpoint=Path(sys.argv[2]))
print(sorted({"torch._dynamo", "torch._inductor", "sympy", "transformers"} & set(sys.modules)))
"""


@pytest.mark.parametrize("task", ["classification", "detection"])
def test_a_training_loads_neither_torch_s_compiler_nor_transformers(task: str, tmp_path: Path) -> None:
    Image.new("RGB", (32, 32)).save(tmp_path / "a.png")
    command = [sys.executable, "-c", _TRAINING, str(tmp_path / "a.png"), str(tmp_path / "checkpoint"), task]
    assert subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip() == "[]"
