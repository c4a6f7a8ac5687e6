"""The command line before it is parsed."""

from __future__ import annotations

from collections.abc import Sequence

SPREAD = (
    "--input", "--set", "--positive", "--negative", "--corpus", "--against", "--fields",
    "--texts", "--tasks", "--choices", "--prompts", "--stop", "--data", "--validation",
)  # fmt: skip


def spread(arguments: Sequence[str]) -> list[str]:
    """`--input a b c` as the parser wants it: `--input a --input b --input c`."""
    found: list[str] = []
    option: str | None = None
    fresh = False
    for argument in arguments:
        if argument.startswith("-"):
            option, fresh = (argument, True) if argument in SPREAD else (None, False)
            found.append(argument)
        elif option and not fresh and (option != "--set" or "=" in argument):
            found += [option, argument]
        else:
            found.append(argument)
            fresh = False
    return found
