"""One model trained by several processes: `torchrun --nproc-per-node N -m curate train ...`.

In: the environment torchrun sets, and a model. Out: the rank of this process, and a loss whose
gradients are those of the whole batch in every process.
The decision that matters: the rows of a batch are dealt out, not the data, so N processes take the same
steps as one. With sharding "none" every process holds the model (DDP, Li et al. 2020, arXiv 2006.15704);
with "full" weights, gradients and optimiser are split among them (FSDP, arXiv 2304.11277).
"""

from __future__ import annotations

import os
import sys
import warnings
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass

import torch
import torch.distributed as dist
from torch import Tensor, nn

from curate.errors import CurateError, InputError
from model.architecture.transformer import Transformer
from model.training.compute import choose_device, compiles
from model.training.recipe import Recipe

Loss = Callable[[Tensor, Tensor, Tensor | None], Tensor]


@dataclass(frozen=True)
class Ranks:
    """This process's number among `world`. The process of rank 0 writes."""

    rank: int = 0
    world: int = 1

    @property
    def first(self) -> bool:
        """Whether this process writes."""
        return self.rank == 0

    def wait(self) -> None:
        """Until all processes are here."""
        if self.world > 1:
            dist.barrier()

    def sum(self, value: Tensor) -> Tensor:
        """`value` summed over the processes, in place."""
        if self.world > 1:
            dist.all_reduce(value)
        return value

    def agree(self, step: int, device: torch.device) -> None:
        """InputError: the processes are not all at the same step."""
        if self.world > 1:
            extremes = torch.tensor([step, -step], device=device)
            dist.all_reduce(extremes, op=dist.ReduceOp.MAX)
            if extremes.sum() != 0:
                raise InputError(
                    "the processes found different checkpoints; use an --output they all share"
                )


ALONE = Ranks()


@contextmanager
def join(recipe: Recipe) -> Iterator[Ranks]:
    """Meet the other processes of torchrun, over NCCL on CUDA and Gloo on the CPU; alone without it.
    Where they have met already, they stay together afterwards.

    InputError: the batch cannot be dealt out evenly, which only rank 0 says; a process lacks its
    device.
    """
    ranks = Ranks(int(os.environ.get("RANK", 0)), int(os.environ.get("WORLD_SIZE", 1)))
    if ranks.world == 1:
        yield ranks
        return
    met, alike = dist.is_initialized(), True  # alike: every process makes the same mistake
    try:
        _check(recipe, ranks)
        alike = False
        if not met:
            _meet(choose_device(recipe.device))
        yield ranks
    except CurateError as error:
        if ranks.first:
            raise
        if not alike:
            sys.stderr.write(f"curate: process {ranks.rank}: {error}\n")
        raise SystemExit(error.exit_status) from None
    finally:
        if not met and dist.is_initialized():
            dist.destroy_process_group()


def _meet(device: torch.device) -> None:
    mine = _my_device(device) if device.type == "cuda" else None
    try:
        if mine is None:
            dist.init_process_group("gloo")
        else:
            torch.cuda.set_device(mine)
            dist.init_process_group("nccl", device_id=mine)
    except ValueError as error:  # a variable of torchrun's is missing
        raise InputError(f"the processes cannot meet ({error}); start them with torchrun") from None


def _my_device(device: torch.device) -> torch.device:
    """The CUDA device of this process. InputError: it has none to itself."""
    if device.index is not None:
        raise InputError(
            f"device {device}: each process takes a device of its own; use device cuda"
        )
    number = os.environ.get("LOCAL_RANK", "")
    if not number.isdecimal():
        raise InputError("LOCAL_RANK is not set; start the processes with torchrun")
    return choose_device(f"cuda:{int(number)}")


def _check(recipe: Recipe, ranks: Ranks) -> None:
    if recipe.batch_windows % ranks.world:
        raise InputError(
            f"batch_windows {recipe.batch_windows} cannot be dealt out evenly to {ranks.world} "
            f"processes; use a multiple of {ranks.world}"
        )


def distribute(model: Transformer, recipe: Recipe, ranks: Ranks) -> None:
    """Put the model on the device, split among the processes where the recipe says so."""
    device = choose_device(recipe.device)
    if recipe.sharding == "none" or ranks.world == 1:
        model.to(device)
        return
    from torch.distributed.device_mesh import init_device_mesh
    from torch.distributed.fsdp import fully_shard, register_fsdp_forward_method

    mesh = init_device_mesh(device.type, (ranks.world,))
    for block in model.model.layers:
        fully_shard(block, mesh=mesh)
    fully_shard(model, mesh=mesh)
    register_fsdp_forward_method(model, "masked_loss")


class LossModule(nn.Module):
    """The model's loss as a module's forward, which is what DDP wraps."""

    def __init__(self, model: Transformer, loss: Loss) -> None:
        super().__init__()
        self.model, self.loss = model, loss

    def forward(self, inputs: Tensor, targets: Tensor, prefix: Tensor | None) -> Tensor:
        """Mean nats over the targets of this process."""
        return self.loss(inputs, targets, prefix)


def training_loss(model: Transformer, recipe: Recipe, ranks: Ranks) -> Loss:
    """`model.masked_loss`, compiled if the recipe says so, its gradients averaged over the processes."""
    loss: Loss = model.masked_loss
    sharded = is_sharded(model)
    if compiles(recipe, model.lm_head.weight.device):
        if sharded:
            for block in model.model.layers:
                block.compile()
        else:
            loss = torch.compile(loss, dynamic=False)
    if ranks.world == 1 or sharded:
        return loss
    from torch.nn.parallel import DistributedDataParallel

    with warnings.catch_warnings():  # broadcast_buffers has another name from PyTorch 2.13 on
        warnings.simplefilter("ignore", FutureWarning)
        return DistributedDataParallel(
            LossModule(model, loss), broadcast_buffers=False, gradient_as_bucket_view=True
        )


def gradients_meet(loss: Loss, model: Transformer, last: bool) -> AbstractContextManager[None]:
    """Around a forward and backward pass: the processes' gradients are averaged after the last one only."""
    if is_sharded(model):
        model.set_requires_gradient_sync(last)  # type: ignore[operator]
    elif isinstance(loss, nn.parallel.DistributedDataParallel) and not last:
        waiting: AbstractContextManager[None] = loss.no_sync()
        return waiting
    return nullcontext()


def let_go(model: Transformer) -> None:
    """After a forward pass that no backward pass follows: keep this process's part of the weights only."""
    if is_sharded(model):
        model.reshard()  # type: ignore[operator]


def is_sharded(model: nn.Module) -> bool:
    """Whether the processes hold parts of the weights."""
    return any(hasattr(weight, "full_tensor") for weight in model.parameters())


def gathered(tensor: Tensor) -> Tensor:
    """The whole of a tensor of which each process holds a part; all processes have to ask."""
    whole: Tensor = tensor.full_tensor() if hasattr(tensor, "full_tensor") else tensor
    return whole


def scattered(whole: Tensor, like: Tensor) -> Tensor:
    """`whole`, which every process has, placed as `like` is: on its device, or this process's part."""
    whole = whole.to(like.device)
    if not hasattr(like, "full_tensor") or whole.shape != like.shape:
        return whole
    from torch.distributed.tensor import DTensor, distribute_tensor

    assert isinstance(like, DTensor)
    return distribute_tensor(whole, like.device_mesh, like.placements, src_data_rank=None)
