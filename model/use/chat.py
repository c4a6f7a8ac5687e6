"""Conversations as tokens, with the assistant's answers marked.

In: messages `{role, content}` and a tokenizer of transformers with a chat template. Out: ids, and which
of them are an answer. The decision: a conversation is cut where the template begins and ends an answer,
and each part is encoded by itself, as a server does that encodes the prompt and lets the model write
the rest. An answer's last token is the one that ends it, so that the model learns to stop.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import compress
from pathlib import Path
from typing import Any

import torch

from curate.errors import InputError
from model.checkpoints.loading import ids_of, imported, make_room
from model.rows import read_rows

BEGIN, END = "<|im_start|>", "<|im_end|>"
CHATML = (
    "{{ bos_token }}{% for message in messages %}"
    "{{ '<|im_start|>' + message['role'] + '\n' + (message['content'] | trim) + '<|im_end|>\n' }}"
    "{% endfor %}{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}"
)
"""ChatML (OpenAI 2023), behind the token that begins a document if there is one."""

ASSISTANT = "assistant"
Message = dict[str, str]


@dataclass(frozen=True)
class Example:
    """ids: a conversation up to its last answer. answers: which of the ids are to be learned."""

    ids: list[int]
    answers: list[bool]


@dataclass(frozen=True)
class Conversations:
    """What is learned from. unusable: rows that hold no conversation the template can tell.
    cut: conversations longer than the context, of which the beginning is used; those without an answer
    there are unusable."""

    examples: list[Example]
    unusable: int
    cut: int


def teach_chat(net: Any, words: Any) -> list[int]:
    """Give a tokenizer without a chat template ChatML's, and the model rows for its new tokens, which
    start as the mean of the known ones (Hewitt 2021). Returns the ids that are new."""
    if words.chat_template:
        return []
    known = len(words)
    words.add_special_tokens({"additional_special_tokens": [BEGIN, END]})
    words.chat_template = CHATML
    new = [id for id in words.convert_tokens_to_ids([BEGIN, END]) if id >= known]
    make_room(net, len(words))
    with torch.no_grad():
        for layer in (net.get_input_embeddings(), net.get_output_embeddings()):
            layer.weight[new] = layer.weight[:known].mean(0)
    _add_ends(net, {words.convert_tokens_to_ids(END)})
    return new


def learn_ends(net: Any, words: Any, examples: Sequence[Example]) -> None:
    """Let the model stop at the control token that ends the answers it learns."""
    special = {id for id, token in words.added_tokens_decoder.items() if token.special}
    last = {list(compress(one.ids, one.answers))[-1] for one in examples}
    _add_ends(net, last & (special | set(words.all_special_ids)))


def _add_ends(net: Any, ids: set[int]) -> None:
    known = ids_of(net.generation_config.eos_token_id)
    if new := sorted(ids - set(known)):
        net.generation_config.eos_token_id = [*known, *new]


def messages_of(row: Mapping[str, Any]) -> list[Message] | None:
    """The conversation of a row: its `messages`, or `prompt` and `completion`; None if it has none.

    >>> messages_of({"prompt": "2 + 2", "completion": "4"})
    [{'role': 'user', 'content': '2 + 2'}, {'role': 'assistant', 'content': '4'}]
    """
    given = row.get("messages")
    if given is None and {"prompt", "completion"} <= row.keys():
        given = [
            {"role": "user", "content": row["prompt"]},
            {"role": ASSISTANT, "content": row["completion"]},
        ]
    if not isinstance(given, list) or not all(isinstance(message, dict) for message in given):
        return None
    found = [{"role": each.get("role"), "content": _text(each.get("content"))} for each in given]
    if not all(isinstance(value, str) for message in found for value in message.values()):
        return None
    return found if any(message["role"] == ASSISTANT for message in found) else None


def _text(content: object) -> object:
    """The text of a content that is given in parts: `[{"type": "text", "text": …}]`."""
    if not isinstance(content, list):
        return content
    parts = [part.get("text") if isinstance(part, dict) else None for part in content]
    texts = [part for part in parts if isinstance(part, str)]
    return "".join(texts) if len(texts) == len(parts) else None


def example(words: Any, messages: Sequence[Message]) -> Example | None:
    """The ids of a conversation and its answers. None: the template refuses it, or a message spells a
    control token, with which a text could pass for a turn of the conversation."""
    spelled = control_tokens(words)
    if any(token in text for message in messages for text in message.values() for token in spelled):
        return None
    try:
        spans, whole = _answers(words, messages)
    except ValueError:
        return None
    ids: list[int] = []
    answers: list[bool] = []
    done = 0
    for begin, end in spans:
        for text, counts in ((whole[done:begin], False), (whole[begin:end], True)):
            part = words(text, add_special_tokens=False)["input_ids"]
            ids += part
            answers += [counts] * len(part)
        done = end
    return Example(ids, answers)


def control_tokens(words: Any) -> set[str]:
    """Special tokens, and added ones that the template writes; not runs of spaces, as GPT-NeoX has."""
    template = str(words.chat_template or "")
    added = words.added_tokens_decoder.values()
    control = {token.content for token in added if token.special or token.content in template}
    return {token for token in control | set(words.all_special_tokens) if token.strip()}


def _answers(words: Any, messages: Sequence[Message]) -> tuple[list[tuple[int, int]], str]:
    """Where answers begin and end in the whole text, the end token included, white space behind it not.
    ValueError: the template does not let a conversation be told piece by piece."""
    whole = _told(words, messages)
    spans = []
    for place, message in enumerate(messages):
        if message["role"] != ASSISTANT:
            continue
        before = _told(words, messages[:place], add_generation_prompt=True)
        after = _told(words, messages[: place + 1]).rstrip()
        if not (whole.startswith(after) and after.startswith(before) and len(before) < len(after)):
            raise ValueError("the template tells an answer differently later on")
        spans.append((len(before), len(after)))
    return spans, whole


def _told(words: Any, messages: Sequence[Message], add_generation_prompt: bool = False) -> str:
    """The text of a conversation. ValueError: the template refuses it."""
    from jinja2 import TemplateError

    try:
        return str(
            words.apply_chat_template(
                list(messages), tokenize=False, add_generation_prompt=add_generation_prompt
            )
        )
    except TemplateError as error:
        raise ValueError(str(error)) from None


def read_conversations(words: Any, paths: str | Sequence[str], context: int) -> Conversations:
    """The conversations of JSON Lines files. InputError: there is none."""
    rows = read_rows(paths)
    told = [example(words, talk) for row in rows.objects if (talk := messages_of(row))]
    cut = sum(one is not None and len(one.ids) > context + 1 for one in told)
    fitting = [
        Example(one.ids[: context + 1], one.answers[: context + 1])
        for one in told
        if one is not None
    ]
    examples = [one for one in fitting if any(one.answers[1:])]
    if not examples:
        raise InputError(
            f"{paths}: no row has `messages` with an assistant's answer, or `prompt` and `completion`"
        )
    return Conversations(examples, rows.unreadable + len(rows.objects) - len(examples), cut)


def prompt_ids(folder: Path, said: str) -> list[int]:
    """What a model with a chat template reads when a user says something: up to where it answers.
    InputError: the folder has no chat template."""
    words = _words(folder)
    if not words.chat_template:
        raise InputError(f"{folder}: the model has no chat template; make one with curate finetune")
    text = _told(words, [{"role": "user", "content": said}], add_generation_prompt=True)
    return list(words(text, add_special_tokens=False)["input_ids"])


@lru_cache(maxsize=4)
def _words(folder: Path) -> Any:
    return imported("transformers").AutoTokenizer.from_pretrained(folder, local_files_only=True)
