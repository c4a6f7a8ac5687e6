"""The runs of a complete block: every arm with every seed, and what is asked for besides.

In: prepared arms, a plan. Out: trials, and the streams they read. The decision that matters: a
trial's name says everything its result depends on, so a result on disk is never trained again.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from urllib.parse import quote

from xxhash import xxh3_128_hexdigest

from model.ablation.prepare import Prepared
from model.ablation.profiles import Profile
from model.ablation.runs import EQUAL_SOURCE, MAIN, Run
from model.ablation.tables import within
from model.ablation.trial import Trial, write_stream
from model.architecture.shape import Shape, parameter_count

MOST_NAME_CHARS = 100


@dataclass(frozen=True)
class Block:
    """Arms x seeds at `steps` steps each."""

    output: Path
    ready: Prepared
    profile: Profile
    steps: int
    seeds: int

    @property
    def tokens(self) -> int:
        """Of one run, with the one after the last that is predicted."""
        return self.steps * self.profile.recipe.batch_windows * self.profile.shape.context + 1

    def trials(self, ladder: bool = False) -> Iterator[Trial]:
        """Every run of the block and, for seed 0, of the other learning rates; then other sizes."""
        for seed in range(self.seeds):
            for arm in self.ready.arms:
                for factor in (1.0, *(self.profile.rate_factors if seed == 0 else ())):
                    yield self._trial(arm, seed, factor, MAIN, self.profile.shape)
        for shape in self.profile.ladder if ladder else ():
            for seed in range(self.seeds):
                for arm in self.ready.arms:
                    yield self._trial(arm, seed, 1.0, MAIN, shape)

    def again(self, arms: Iterable[str]) -> Iterator[Trial]:
        """Runs of some arms on the slice of an equal-source comparison."""
        for seed in range(self.seeds):
            for arm in arms:
                yield self._trial(arm, seed, 1.0, EQUAL_SOURCE, self.profile.shape)

    def write_stream(self, trial: Trial, limit: float = 1.0) -> None:
        """What a trial reads, if it is not there yet, from the documents whose coin is within `limit`."""
        if trial.stream.exists():
            return
        trial.stream.parent.mkdir(exist_ok=True)
        documents = within(self.ready.arms[trial.arm], limit)
        stream = self.ready.encoder.stream(
            documents, trial.seed, self.tokens, self.profile.piece_chars
        )
        write_stream(trial.stream, *stream)

    def _trial(self, arm: str, seed: int, factor: float, table: str, shape: Shape) -> Trial:
        rate = self.profile.recipe.learning_rate * factor
        name = f"{self.ready.inputs}-{self.steps}-{_file_name(arm)}-{seed}"
        name += "" if table == MAIN else "-source"
        size = ""
        if shape != self.profile.shape:
            ratio = parameter_count(shape) / parameter_count(self.profile.shape)
            rate *= ratio ** (-1 / 3)  # OLMo-core's ladder: the rate goes with parameters^(-1/3)
            size = f"-{shape.width}x{shape.layers}"
        recipe = replace(
            self.profile.recipe, steps=self.steps, seed=seed, device=self.profile.device,
            learning_rate=rate,
        )  # fmt: skip
        return Trial(
            arm,
            seed,
            factor,
            table,
            shape,
            recipe,
            self.output / "streams" / f"{name}.npz",
            self.output,
            self.output / "runs" / f"{name}-{factor:g}{size}.json",
        )


def _file_name(arm: str) -> str:
    """An arm's name as a part of a file's name, which may not be longer than 255 bytes.

    >>> _file_name("a/b"), len(_file_name("語" * 99))
    ('a%2Fb', 133)
    """
    name = quote(arm, safe=" ")
    return (
        name
        if len(name) <= MOST_NAME_CHARS
        else f"{name[:MOST_NAME_CHARS]}-{xxh3_128_hexdigest(arm.encode())}"
    )


def read_run(trial: Trial) -> Run:
    """The result of a finished trial."""
    return Run(**json.loads(trial.result.read_text(encoding="utf-8")))
