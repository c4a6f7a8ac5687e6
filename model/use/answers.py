"""The loss of answers, and of nothing else.

In: conversations whose answers are marked. Out: the summed cross-entropy of the answers' tokens. The
decision: sums and counts leave, not means, so that a batch weighs the same however it was split.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from model.architecture.loss import NOT_SCORED
from model.training.compute import has_bf16
from model.use.chat import Example


def batch(examples: Sequence[Example], device: torch.device) -> tuple[Tensor, Tensor, Tensor]:
    """(inputs, mask, targets), each (examples, longest - 1); targets are NOT_SCORED but in answers."""
    longest = max(len(one.ids) for one in examples)
    ids = torch.zeros(len(examples), longest, dtype=torch.int64)
    targets = torch.full_like(ids, NOT_SCORED)
    mask = torch.zeros_like(ids)
    for row, one in enumerate(examples):
        size = len(one.ids)
        ids[row, :size] = torch.tensor(one.ids)
        mask[row, :size] = 1
        targets[row, :size] = torch.where(torch.tensor(one.answers), ids[row, :size], NOT_SCORED)
    return ids[:, :-1].to(device), mask[:, :-1].to(device), targets[:, 1:].to(device)


def answer_nats(net: Any, examples: Sequence[Example]) -> tuple[Tensor, int]:
    """(summed cross-entropy of the answers' tokens in fp32, how many they are)."""
    inputs, mask, targets = batch(examples, next(net.parameters()).device)
    fast = has_bf16(inputs.device) and torch.is_grad_enabled()  # a judgement is made in fp32
    with torch.autocast(inputs.device.type, torch.bfloat16, enabled=fast):
        logits = net(input_ids=inputs, attention_mask=mask, use_cache=False).logits
    nats = F.cross_entropy(
        logits.float().flatten(0, 1), targets.flatten(), ignore_index=NOT_SCORED, reduction="sum"
    )
    return nats, int((targets != NOT_SCORED).sum())
