"""A real server on loopback: models, completions and chat in OpenAI's shape."""

from __future__ import annotations

import json
import os
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import pytest

os.environ["HF_HUB_OFFLINE"] = "1"
transformers = pytest.importorskip("transformers")
for needed in ("fastapi", "uvicorn", "openai"):
    pytest.importorskip(needed)

from tiny_model import exported  # noqa: E402

from curate.errors import InputError, MissingError  # noqa: E402
from model.checkpoints.loading import open_model  # noqa: E402
from model.use.chat import CHATML  # noqa: E402
from model.use.generate import continuations  # noqa: E402
from model.use.serve import Address, serve, serving, vllm_command  # noqa: E402


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = exported(tmp_path_factory.mktemp("model"), context=64)
    words = transformers.AutoTokenizer.from_pretrained(folder)
    words.chat_template = CHATML
    words.save_pretrained(folder)
    return folder


@pytest.fixture(scope="module")
def url(folder: Path) -> Iterator[str]:
    with serving(folder, Address(port=0, name="tiny"), "cpu") as (url, _):
        yield url


def ask(url: str, body: dict[str, Any] | None = None) -> dict[str, Any]:
    data = None if body is None else json.dumps(body).encode()
    request = Request(url, data, {"Content-Type": "application/json"})
    with urlopen(request, timeout=30) as answer:
        found: dict[str, Any] = json.load(answer)
    return found


def test_the_list_of_models_names_the_one(url: str) -> None:
    assert [model["id"] for model in ask(f"{url}/models")["data"]] == ["tiny"]


def test_a_chat_is_answered(url: str, folder: Path) -> None:
    messages = [{"role": "user", "content": "the cat"}]
    body = {"model": "tiny", "messages": messages, "max_tokens": 6, "temperature": 0}
    found = ask(f"{url}/chat/completions", body)
    (choice,) = found["choices"]
    assert choice["message"]["role"] == "assistant"
    (ours,) = continuations(open_model(folder, "cpu"), ["the cat"], 6, chat=True)
    assert choice["message"]["content"] == ours
    assert found["usage"]["completion_tokens"] <= 6


def test_a_completion_is_ours_when_greedy(url: str, folder: Path) -> None:
    body = {"model": "tiny", "prompt": "the cat", "max_tokens": 10, "temperature": 0}
    found = ask(f"{url}/completions", body)
    (ours,) = continuations(open_model(folder, "cpu"), ["the cat"], 10)
    assert found["choices"][0]["text"] == ours


def test_samples_follow_the_seed_and_stay_within_the_context(url: str) -> None:
    body = {"model": "tiny", "prompt": "the cat", "temperature": 1.0}
    texts = [ask(f"{url}/completions", {**body, "seed": seed}) for seed in (1, 1, 2)]
    said = [text["choices"][0]["text"] for text in texts]
    assert said[0] == said[1] != said[2]
    assert all(text["usage"]["total_tokens"] <= 64 for text in texts)


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("completions", {"model": "other", "prompt": "x"}),
        ("completions", {"model": "tiny", "prompt": "the mat " * 200}),
        ("completions", {"model": "tiny", "prompt": "x", "temperature": "hot"}),
    ],
)
def test_a_request_that_cannot_be_answered_is_refused(
    url: str, path: str, body: dict[str, Any]
) -> None:
    with pytest.raises(HTTPError) as caught:
        ask(f"{url}/{path}", body)
    assert caught.value.code == 400


def test_a_model_without_a_chat_template_says_so(tmp_path: Path) -> None:
    with (
        serving(exported(tmp_path / "base"), Address(port=0), "cpu") as (url, _),
        pytest.raises(HTTPError) as caught,
    ):
        ask(
            f"{url}/chat/completions",
            {"model": "base", "messages": [{"role": "user", "content": "x"}]},
        )
    assert caught.value.code == 400 and b"chat_template" in caught.value.read()


def test_what_cannot_be_served_is_one_line(folder: Path, tmp_path: Path) -> None:
    with (
        socket.create_server(("127.0.0.1", 0)) as taken,
        pytest.raises(InputError, match="choose another --port"),
    ):
        serve(folder, Address(port=taken.getsockname()[1]))
    with pytest.raises(InputError, match="unknown; known are: transformers, vllm"):
        serve(folder, Address(port=0), "ollama")
    with pytest.raises(InputError, match="cannot read the model"):
        serve(tmp_path, Address(port=0))
    with pytest.raises(InputError, match="no such folder"):
        serve(tmp_path / "nowhere", Address(port=0))
    with pytest.raises(MissingError, match="vllm is not installed"):
        serve(folder, Address(port=0), "vllm")


def test_the_command_of_vllm_names_everything() -> None:
    command = vllm_command(Path("runs/model"), Address("0.0.0.0", 0, "m"), 8123)
    assert command[1:3] == ["-m", "vllm.entrypoints.openai.api_server"]
    told = dict(zip(command[3::2], command[4::2], strict=True))
    assert told == {
        "--model": "runs/model",
        "--served-model-name": "m",
        "--host": "0.0.0.0",
        "--port": "8123",
    }
