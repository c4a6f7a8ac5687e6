"""`curate evaluate`: every measure of a model that is asked for, as lines and as JSON."""

from __future__ import annotations

import json
from typing import Annotated, Any

import typer

from curate.errors import InputError
from model.cli.options import Device, Json, Model


def evaluate(
    model: Model,
    texts: Annotated[
        list[str] | None,
        typer.Option("--texts", help="Held-out set: .jsonl[.gz|.zst], .parquet or .txt."),
    ] = None,
    by: Annotated[
        str | None,
        typer.Option("--by", help="Domains of a set: source, language, site, or a label or field."),
    ] = None,
    tasks: Annotated[
        list[str] | None,
        typer.Option(
            "--tasks", help="lm-eval tasks: a .yaml, a folder of them, or a name it knows."
        ),
    ] = None,
    choices: Annotated[
        list[str] | None,
        typer.Option("--choices", help="Multiple choice, .jsonl: question, choices, answer."),
    ] = None,
    question: Annotated[
        str, typer.Option(help="Template of a question over a row's fields.")
    ] = "{question}",
    choices_field: Annotated[str, typer.Option(help="Field with the choices.")] = "choices",
    answer_field: Annotated[
        str, typer.Option(help="Field with the right choice: its number from 0, letter or text.")
    ] = "answer",
    prompts: Annotated[
        list[str] | None,
        typer.Option(
            "--prompts", help="Texts to write, .jsonl: prompt, reference (BLEU, chrF, ROUGE)."
        ),
    ] = None,
    prompt_field: Annotated[str, typer.Option(help="Field with the prompt.")] = "prompt",
    reference_field: Annotated[
        str, typer.Option(help="Field with the reference, or a list of them.")
    ] = "reference",
    tokens: Annotated[int, typer.Option(help="Most tokens to write for a prompt.")] = 100,
    stop: Annotated[
        list[str] | None, typer.Option("--stop", help="A written text ends before this.")
    ] = None,
    chat: Annotated[
        bool, typer.Option("--chat", help="Put prompts into the model's chat template.")
    ] = False,
    limit: Annotated[int | None, typer.Option(help="Documents of each lm-eval task.")] = None,
    fewshot: Annotated[int | None, typer.Option(help="Examples before each, for lm-eval.")] = None,
    device: Device = None,
    output: Annotated[str | None, typer.Option("--output", help="JSON file to write, too.")] = None,
    as_json: Json = False,
) -> None:
    """Measure a model: bits per byte, tasks, choices, texts.

    Example: curate evaluate model --texts kept.jsonl.zst
    """
    from curate.store import write_json
    from model.checkpoints.loading import open_model
    from model.evaluation import choices as multiple
    from model.evaluation import heldout, text_scores
    from model.evaluation import tasks as lm_eval_tasks

    if not (texts or tasks or choices or prompts):
        raise InputError("nothing to evaluate on; give --texts, --tasks, --choices or --prompts")
    told: dict[str, Any] = {}
    lines: list[str] = []
    if texts or choices or prompts:
        opened = open_model(model, device)
    if texts:
        results = [heldout.measure(opened, heldout.read_heldout(path, by)) for path in texts]
        told["texts"] = {result.heldout.name: result.to_json() for result in results}
        lines += heldout.table(results)
    if choices:
        fields = multiple.Fields(question, choices_field, answer_field)
        answered = {path: multiple.evaluate_choices(opened, path, fields) for path in choices}
        told["choices"] = {path: found.to_json() for path, found in answered.items()}
        lines += multiple.table(answered)
    if prompts:
        task = text_scores.Task(prompt_field, reference_field, tokens, tuple(stop or ()), chat)
        written = {path: text_scores.evaluate_texts(opened, path, task) for path in prompts}
        told["prompts"] = {path: found.to_json() for path, found in written.items()}
        lines += text_scores.table(written)
    if tasks:
        scores = lm_eval_tasks.run_tasks(
            model, tasks, device=device, fewshot=fewshot, limit=limit, chat=chat
        )
        told["tasks"] = lm_eval_tasks.to_json(scores)
        lines += lm_eval_tasks.table(scores)
    if output:
        write_json(output, told)
    print(json.dumps(told, indent=1) if as_json else "\n".join(lines))
