"""How large a decoder is and what it is made of; what that costs in weights and arithmetic.

In: sizes and options. Out: a checked, frozen record, and numbers computed from it without building
anything. The defaults are Llama's parts; every option replaces one part and leaves the others.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

from curate.errors import InputError

EMBEDDING_STD = 0.06
Positions = Literal["rotary", "learned"]
Activation = Literal["swiglu", "gelu"]
Norm = Literal["rms", "layer"]


@dataclass(frozen=True)
class Shape:
    """The sizes and parts of a decoder. `width / heads` is 64 in every profile: the head size all
    kernels know.

    vocabulary, context: tokens. hidden: width of the feed-forward layer (SwiGLU: about 8/3 * width,
    GELU: 4 * width). kv_heads < heads shares keys and values between heads (Ainslie et al. 2023).
    tied: the output layer is the embedding. eos: the id that ends a document in training and
    therefore precedes the first token of one in evaluation.
    positions: "rotary" (Su et al. 2021) or a "learned" vector for each place, as in GPT-2.
    activation: "swiglu" (Shazeer 2020) or "gelu" in GPT-2's tanh form. norm: "rms" (Zhang and
    Sennrich 2019) or "layer" (Ba et al. 2016). bias: on every linear layer but the router and the
    output, and on layer norms. dropout: share of embedded tokens, attention weights and block outputs
    that is zeroed in training. experts: feed-forward layers of which each token uses
    `experts_per_token` (Mixtral, arXiv 2401.04088), None for one dense layer; router_weight: what
    their load-balancing loss weighs in training.
    """

    vocabulary: int = 2048
    width: int = 128
    layers: int = 3
    heads: int = 2
    kv_heads: int = 2
    hidden: int = 352
    context: int = 256
    tied: bool = True
    eos: int = 0
    rope_base: float = 10_000.0
    norm_epsilon: float = 1e-5
    positions: Positions = "rotary"
    activation: Activation = "swiglu"
    norm: Norm = "rms"
    bias: bool = False
    dropout: float = 0.0
    experts: int | None = None
    experts_per_token: int = 2
    router_weight: float = 0.01

    def __post_init__(self) -> None:
        for problem in (self._size_problem(), self._option_problem()):
            if problem is not None:
                raise InputError(f"model shape: {problem}")

    @property
    def head_width(self) -> int:
        """Width of one attention head."""
        return self.width // self.heads

    def _size_problem(self) -> str | None:
        sizes = (self.vocabulary, self.width, self.layers, self.heads, self.kv_heads, self.hidden)
        if min(*sizes, self.context) < 1:
            return f"every size must be at least 1, got {self}"
        if self.width % (2 * self.heads) or self.heads % self.kv_heads:
            return (
                f"width {self.width} must be an even multiple of heads {self.heads}, "
                f"and heads a multiple of kv_heads {self.kv_heads}"
            )
        return None

    def _option_problem(self) -> str | None:
        for name, known in (("positions", Positions), ("activation", Activation), ("norm", Norm)):
            if getattr(self, name) not in get_args(known):
                return f"{name} {getattr(self, name)!r} must be {' or '.join(get_args(known))}"
        if not 0 <= self.dropout < 1:
            return f"dropout {self.dropout} must be at least 0 and below 1"
        if self.experts is not None and not 1 <= self.experts_per_token <= self.experts:
            return f"experts_per_token {self.experts_per_token} must be 1 to experts {self.experts}"
        if self.router_weight < 0:
            return f"router_weight {self.router_weight} must not be below 0"
        return None


def parameter_count(shape: Shape) -> int:
    """Weights of the model; tied weights count once.

    >>> parameter_count(Shape())
    865152
    """
    return _parameters(shape, shape.experts or 1)


def active_parameter_count(shape: Shape) -> int:
    """Weights that one token meets: as `parameter_count`, of the experts only those it is sent to."""
    return _parameters(shape, 1 if shape.experts is None else shape.experts_per_token)


def training_flops_per_token(shape: Shape, context: int | None = None) -> float:
    """Floating-point operations to train on one token: 6N + 12 * layers * width * context.

    As in PaLM (Chowdhery et al. 2022, app. B), attention counted in full although half is masked. N is
    the entries of the matrices a token is multiplied by: projections, router, the active experts and the
    output layer, tied or not. Embedding and position look-ups, norms and biases are not in N.

    >>> round(training_flops_per_token(Shape()) / 1e6, 1)
    6.4
    """
    active = 1 if shape.experts is None else shape.experts_per_token
    matrices = shape.layers * _block_matrices(shape, active) + shape.vocabulary * shape.width
    return 6.0 * matrices + 12.0 * shape.layers * shape.width * (context or shape.context)


def _parameters(shape: Shape, experts: int) -> int:
    embeddings = shape.vocabulary * shape.width * (1 if shape.tied else 2)
    if shape.positions == "learned":
        embeddings += shape.context * shape.width
    norm = shape.width * (2 if shape.norm == "layer" and shape.bias else 1)
    block = _block_matrices(shape, experts) + _block_biases(shape, experts) + 2 * norm
    return embeddings + shape.layers * block + norm


def _block_matrices(shape: Shape, experts: int) -> int:
    attention = 2 * shape.width * (shape.heads + shape.kv_heads) * shape.head_width
    feed_forward = _up_matrices(shape) * shape.width * shape.hidden + shape.hidden * shape.width
    router = shape.width * (shape.experts or 0)
    return attention + experts * feed_forward + router


def _block_biases(shape: Shape, experts: int) -> int:
    if not shape.bias:
        return 0
    attention = shape.width + 2 * shape.kv_heads * shape.head_width + shape.width
    return attention + experts * (_up_matrices(shape) * shape.hidden + shape.width)


def _up_matrices(shape: Shape) -> int:
    return 2 if shape.activation == "swiglu" else 1
