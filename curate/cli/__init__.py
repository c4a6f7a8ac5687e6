"""The command line: `curate …`, and the same commands behind `spark-submit pipelines/….py`.

Every command only parses its options and calls one function. A mistake of the user is one line on
stderr and exit status 2; work that failed is one line and exit status 1.
"""

from __future__ import annotations

import inspect
import sys
from collections.abc import Callable, Sequence
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from curate import __version__
from curate.cli.arguments import spread
from curate.cli.classifier import train_classifier
from curate.cli.crawl import crawl
from curate.cli.look import audit, compare, contamination, explain, report
from curate.cli.publish import card, export, index, verify
from curate.cli.run import demo, run
from curate.cli.steps import STEP_COMMANDS, list_steps, step_command
from curate.cli.tokenizer import train_tokenizer
from curate.errors import CurateError
from model.cli import COMMANDS as MODEL_COMMANDS

SECTIONS: dict[str, dict[str, Callable[..., None]]] = {
    "Begin": {"demo": demo, "crawl": crawl, "run": run, "list": list_steps},
    "One step at a time": {name: step_command(name) for name in STEP_COMMANDS},
    "See what happened": {
        "report": report,
        "explain": explain,
        "compare": compare,
        "audit": audit,
        "contamination": contamination,
    },
    "Publish": {"export": export, "verify": verify, "card": card, "index": index},
    "Train, and measure the data": {
        "train-classifier": train_classifier,
        "train-tokenizer": train_tokenizer,
        **MODEL_COMMANDS,
    },
}


class Sections(TyperGroup):
    """`curate --help` with the commands by what they are for."""

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        """One list a section, each command with the first sentence of its help."""
        widest = max(map(len, self.commands))
        for section, names in SECTIONS.items():
            told = [
                (name.ljust(widest), self.commands[name].get_short_help_str(formatter.width))
                for name in names
            ]
            with formatter.section(section):
                formatter.write_dl(told)


app = typer.Typer(
    name="curate",
    cls=Sections,
    help="Turn raw web, code and book collections into training data, and measure what each step is worth.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
for _commands in SECTIONS.values():
    for _name, _command in _commands.items():
        # \b keeps an example on one line, to be copied.
        _help = (inspect.getdoc(_command) or "").replace("\nExample:", "\n\b\nExample:")
        app.command(_name, help=_help)(_command)


@app.callback(invoke_without_command=True)
def root(
    version: Annotated[bool, typer.Option("--version", help="Print the version.")] = False,
) -> None:
    """Options before any command."""
    if version:
        print(f"curate {__version__}")
        raise typer.Exit


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line; never returns on a mistake, exits with its status."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    try:
        status = app(spread(given), prog_name="curate", standalone_mode=False)
    except CurateError as error:
        print(f"curate: {error}", file=sys.stderr)
        sys.exit(error.exit_status)
    except KeyboardInterrupt:
        print("curate: stopped; run the same command again to go on", file=sys.stderr)
        sys.exit(130)
    except OSError as error:
        print(f"curate: {error.filename or 'the work'}: {error.strerror or error}", file=sys.stderr)
        sys.exit(2)
    except Exception as error:
        if not hasattr(error, "format_message"):
            raise
        message = error.format_message() or "see --help"
        print(f"curate: {message.splitlines()[0]} (see: curate --help)", file=sys.stderr)
        sys.exit(2)
    sys.exit(status if isinstance(status, int) else 0)
