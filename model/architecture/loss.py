"""The loss of the output layer: how surprising the targets are.

In: states and the output layer's weights. Out: nats. The decision that matters: on a CPU the logits of
a batch are never held; a few rows at a time become their loss and their gradients while they are in
the cache (as in Liger's kernel, Hsu et al. 2024, arXiv 2410.10989, §3.2). A step of the `cpu` profile
takes a tenth less time with it. On CUDA `torch.compile` writes the kernels.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

NOT_SCORED = -100
CHUNK_LOGITS = 1 << 19  # 2 MB


def summed_nats(states: Tensor, weight: Tensor, targets: Tensor) -> Tensor:
    """Cross-entropy in fp32 of states (n, width) with the weights (vocabulary, width) of the output
    layer, summed over the targets (n,) that are not `NOT_SCORED`."""
    if states.device.type == "cpu" and not torch.is_autocast_enabled("cpu"):
        options = torch.nn.LinearCrossEntropyOptions(
            batch_chunk_size=max(1, CHUNK_LOGITS // len(weight)),
            chunking_method=None,
            allow_retain_graph=torch.compiler.is_compiling(),
        )
        return F.linear_cross_entropy(
            states, weight, targets, reduction="sum", ignore_index=NOT_SCORED, options=options
        )
    log_chances = F.log_softmax(F.linear(states, weight), -1, dtype=torch.float32)
    return F.nll_loss(log_chances, targets, ignore_index=NOT_SCORED, reduction="sum")
