"""A model behind an OpenAI-shaped HTTP endpoint, by servers that exist: transformers' or vLLM's.

In: a model's folder, an address. Out: `/v1/models`, `/v1/completions`, `/v1/chat/completions` (for a
model with a chat template), `/health`. The decision: transformers' own application and handlers answer
(`transformers.cli.serving`, the parts of `transformers serve`); only the place where it looks models up
is ours, since its own knows the hub's cache and not a folder. A request never gets more tokens than the
model sees, and is sampled as OpenAI's are (temperature 1) where it does not say otherwise.
"""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import Any
from urllib.error import URLError
from urllib.request import ProxyHandler, build_opener

from curate.errors import InputError, MissingError, WorkError
from model.checkpoints.export import first_line
from model.checkpoints.loading import context_of, load_transformers
from model.training.train import choose_device

START_SECONDS, STOP_SECONDS = 60.0, 10.0
NEEDED = ("transformers", "fastapi", "uvicorn", "openai")


@dataclass(frozen=True)
class Address:
    """Where to listen. port 0: one that is free. name: what requests call the model; default its
    folder's name."""

    host: str = "127.0.0.1"
    port: int = 8000
    name: str | None = None


def serve(
    folder: str | Path,
    address: Address = Address(),
    engine: str = "transformers",
    device: str | None = None,
) -> None:
    """Serve until interrupted. InputError: no such model, engine or free address. MissingError: the
    engine is not installed."""
    if engine == "vllm":
        _serve_vllm(Path(folder), address)
    elif engine == "transformers":
        with serving(folder, address, device) as (url, server):
            print(
                f"{address.name or Path(folder).resolve().name} at {url} (Ctrl-C stops)", flush=True
            )
            while server.is_alive():  # an interrupted join() would take a running thread for ended
                time.sleep(0.2)
    else:
        raise InputError(f"engine {engine!r} is unknown; known are: transformers, vllm")


@contextmanager
def serving(
    folder: str | Path, address: Address = Address(), device: str | None = None
) -> Iterator[tuple[str, threading.Thread]]:
    """A server of transformers in a thread of this process: its URL ending in /v1, and the thread. It
    answers when the block begins and is gone when it ends."""
    import_needed()
    import uvicorn

    with _listen(address) as listening:
        app = application(folder, address.name or Path(folder).resolve().name, device)
        server = uvicorn.Server(
            uvicorn.Config(app, log_level="warning", timeout_graceful_shutdown=3)
        )
        thread = threading.Thread(target=partial(server.run, sockets=[listening]), daemon=True)
        host, port = listening.getsockname()[:2]
        thread.start()
        try:
            _await(f"http://{_in_url(host)}:{port}", thread)
            yield f"http://{_in_url(host)}:{port}/v1", thread
        finally:
            server.should_exit = True
            thread.join(timeout=STOP_SECONDS)


def import_needed() -> None:
    """MissingError: what `transformers serve` needs is not installed."""
    for name in NEEDED:
        if find_spec(name) is None:
            raise MissingError(f"{name} is not installed: pip install 'curate[serve]'")
    if find_spec("transformers.cli") is None or find_spec("transformers.cli.serving") is None:
        raise MissingError(
            "transformers has no server before version 5: pip install 'curate[serve]'"
        )


def application(folder: str | Path, name: str, device: str | None = None) -> Any:
    """The FastAPI application of `transformers serve` around one model. InputError: no such model."""
    from jinja2 import TemplateError
    from transformers.cli.serving import server
    from transformers.cli.serving.chat_completion import ChatCompletionHandler
    from transformers.cli.serving.completion import CompletionHandler
    from transformers.cli.serving.response import ResponseHandler
    from transformers.cli.serving.systemone import SystemOneHandler
    from transformers.cli.serving.transcription import TranscriptionHandler
    from transformers.cli.serving.utils import GenerationState

    models = _one_model(folder, name, device)
    state = GenerationState()
    app = server.build_server(
        models,
        ChatCompletionHandler(models, state),
        completion_handler=CompletionHandler(models, state),
        response_handler=ResponseHandler(models, state),
        transcription_handler=TranscriptionHandler(models, state),
        systemone_handler=SystemOneHandler(models, state),
        generation_state=state,
    )
    app.add_exception_handler(ValueError, _refused)  # no chat template, a field of the wrong kind
    app.add_exception_handler(TemplateError, _refused)
    return app


def _refused(_: object, error: Exception) -> Any:
    """HTTP 400 in OpenAI's shape, where transformers would answer 500."""
    from fastapi.responses import JSONResponse

    body = {"error": {"message": first_line(error), "type": "invalid_request_error"}}
    return JSONResponse(body, status_code=400)


def _one_model(folder: str | Path, name: str, device: str | None) -> Any:
    """transformers' `ModelManager` that knows one model, by `name`, from a folder."""
    from transformers.cli.serving.model_manager import ModelManager

    where = choose_device(device)
    net, words = load_transformers(folder, where)
    if words.bos_token is not None and words.bos_token == words.eos_token:
        words.add_bos_token = True  # documents stand between such tokens, and a prompt begins one
    net.generation_config.do_sample = True
    net.generation_config.top_k = 0  # off; transformers' default is 50
    net.generate = partial(_within, net.generate, context_of(net, words))

    models: Any = ModelManager(device=str(where))
    models._load_model = lambda *_, **__: net
    models._load_processor = lambda *_, **__: words
    models.get_gen_models = lambda: [
        {"id": name, "object": "model", "created": 0, "owned_by": "curate"}
    ]
    models.force_model, models.model_timeout = name, -1
    models.load_model_and_processor(models.process_model_name(name))
    return models


def _within(generate: Any, context: int, **request: Any) -> Any:
    """`model.use.generate` that ends where the model's context does. HTTP 400: the prompt fills it."""
    from fastapi import HTTPException

    prompt = request["input_ids"].shape[-1]
    if not 0 < prompt < context:
        raise HTTPException(
            400, f"the prompt has {prompt} tokens; the model sees 1 to {context - 1}"
        )
    settings = request["generation_config"]
    settings.max_new_tokens = min(settings.max_new_tokens or context, context - prompt)
    return generate(**request)


def _serve_vllm(folder: Path, address: Address) -> None:
    if find_spec("vllm") is None:
        raise MissingError("vllm is not installed: pip install vllm, or use --engine transformers")
    if not (folder / "config.json").exists():
        raise InputError(
            f"{folder}: no config.json, so no model; merge an adapter before serving it"
        )
    with _listen(address) as listening:
        port = listening.getsockname()[1]
    status = subprocess.call(vllm_command(folder, address, port))
    if status not in (0, -2, 130):
        raise WorkError(f"vllm ended with status {status}")


def vllm_command(folder: Path, address: Address, port: int) -> list[str]:
    """The command that starts vLLM's own server."""
    options = {
        "--model": str(folder),
        "--served-model-name": address.name or folder.resolve().name,
        "--host": address.host,
        "--port": str(port),
    }
    start = [sys.executable, "-m", "vllm.entrypoints.openai.api_server"]
    return start + [part for option in options.items() for part in option]


def _listen(address: Address) -> socket.socket:
    """A socket bound to the address. InputError: it is in use, or not this machine's."""
    kind = socket.AF_INET6 if ":" in address.host else socket.AF_INET
    listening = socket.socket(kind, socket.SOCK_STREAM)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening.bind((address.host, address.port))
    except (OSError, OverflowError) as error:
        listening.close()
        reason = (
            os.strerror(error.errno) if isinstance(error, OSError) and error.errno else str(error)
        )
        raise InputError(
            f"cannot listen on {address.host}:{address.port} ({reason}); choose another --port"
        ) from None
    return listening


def _await(url: str, thread: threading.Thread) -> None:
    """Return when the server says it is well. WorkError: it ended or never did."""
    deadline = time.monotonic() + START_SECONDS
    direct = build_opener(ProxyHandler({}))  # no proxy reaches this machine's own addresses
    while thread.is_alive() and time.monotonic() < deadline:
        try:
            with direct.open(f"{url}/health", timeout=5) as answer:
                if answer.status == 200:
                    return
        except (URLError, OSError):
            time.sleep(0.05)
    raise WorkError(f"the server at {url} does not answer")


def _in_url(host: str) -> str:
    if host in ("0.0.0.0", "::"):
        return "localhost"
    return f"[{host}]" if ":" in host else host
