"""The optimizer, without what its start-up would cost."""

from __future__ import annotations

from inspect import unwrap
from typing import Any

import torch
from torch.optim import AdamW

_step: Any = unwrap(AdamW.step)


class EagerAdamW(AdamW):
    """AdamW, whose methods are as torch wrote them, before it wrapped them for its compiler.

    What they are wrapped in loads the compiler with the first call, which takes as long as the import of torch, and
    says no more to it than to keep out. Nobody here compiles a step of the optimizer.
    """

    # Where another version of torch wraps nothing, unwrapping changes nothing.
    add_param_group: Any = unwrap(AdamW.add_param_group)
    zero_grad: Any = unwrap(AdamW.zero_grad)
    state_dict: Any = unwrap(AdamW.state_dict)
    load_state_dict: Any = unwrap(AdamW.load_state_dict)

    @torch.no_grad()
    def step(self, closure: None = None) -> None:  # type: ignore[override]
        """Change the parameters by their gradients."""
        _step(self)
