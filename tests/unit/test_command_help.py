"""`curate --help` and the help of every command: short lines that fit, and one example each."""

from __future__ import annotations

import re

import pytest

from curate.cli import SECTIONS, main
from curate.registry import catalogue

COMMANDS = [name for names in SECTIONS.values() for name in names]
COLUMNS = 80


@pytest.fixture(autouse=True)
def _terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", str(COLUMNS))


def told(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    with pytest.raises(SystemExit) as left:
        main([*arguments, "--help"])
    assert left.value.code == 0
    return capsys.readouterr().out


def test_every_command_is_told_on_one_line_that_fits(capsys: pytest.CaptureFixture[str]) -> None:
    lines = told(capsys).splitlines()
    for name in COMMANDS:
        (line,) = [line for line in lines if line.startswith(f"  {name} ")]
        assert line.endswith(".") and not line.endswith("..."), line
        assert len(line) < COLUMNS


def test_the_sections_are_told_in_order(capsys: pytest.CaptureFixture[str]) -> None:
    lines = told(capsys).splitlines()
    places = [lines.index(f"{section}:") for section in SECTIONS]
    assert places == sorted(places)


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_gives_one_example_of_itself(
    name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    examples = re.findall(r"^ +Example: (.*)$", told(capsys, name), re.MULTILINE)
    assert len(examples) == 1 and re.match(rf"curate {name}( |$)", examples[0]), examples


def test_the_list_can_be_of_some_steps_only(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["list", "gopher", "mix"])
    lines = capsys.readouterr().out.splitlines()
    assert [line for line in lines if not line.startswith(" ")] == ["filter: gopher", "mix: mix"]
    assert "Rae et al. 2021" in lines[1] and "prose" in lines[1]
    with pytest.raises(SystemExit) as left:
        main(["list", "gophr"])
    assert left.value.code == 2
    assert "did you mean 'gopher'?" in capsys.readouterr().err


def test_every_step_says_what_it_does() -> None:
    assert all(len(entry["about"]) > 30 for entry in catalogue())
