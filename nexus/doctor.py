"""`nexus doctor`: prove that NEXUS could work here: its records, its model, and each connector, used as an agent would."""

from __future__ import annotations

import asyncio
import json
import os
import sys
import time
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from nexus.errors import ModelError, NexusError, RecordsError, UsageError
from nexus.options import JsonOption, LibraryOption, open_library
from nexus.process import fail, start

if TYPE_CHECKING:
    from collections.abc import Sequence

    from nexus.examining import Examination, Tried
    from nexus.library import Library
    from nexus.masking import Vault
    from nexus.responder.llm.policy import ModelPolicy
    from nexus.settings import Settings
    from nexus.world.connectors.contract import Proof
    from nexus.world.open import Opened

MODEL_SECONDS = 25.0
"""What a model may take for its one small answer."""


def open_subject(settings: Settings) -> Opened:
    """The world that the settings name. Raises WorldError."""
    from nexus.run import DEFAULT_WORLD  # noqa: PLC0415 - kept off the path of --help
    from nexus.world.open import open_world  # noqa: PLC0415 - same

    return open_world(DEFAULT_WORLD if settings.world is None else settings.world, seed=settings.seed)


async def examine(settings: Settings, library: Library, subject: Opened) -> Examination:
    """Try everything, all at once, and hold the agents' tools and actions against the world; then let go of it."""
    from nexus.examining import Examination, Tried, gaps_of, silence_of, try_actions  # noqa: PLC0415 - kept off the path of --help
    from nexus.incidents import vault_of  # noqa: PLC0415 - same

    world, simulated = subject.world, subject.connectors is None
    try:
        await world.refresh()
        at = world.clock.now()
        ours, theirs, (acting, possible) = await asyncio.gather(
            _prove_ourselves(settings, library), _prove_world(subject, at), try_actions(world, at)
        )
        gaps = await gaps_of(library.agents.values(), world, possible)
        gaps += () if subject.connectors is None else silence_of(subject.connectors)
    finally:
        await world.close()
    vault = vault_of(world)
    tried = tuple(Tried(one.source, _masked(one.proof, vault)) for one in (*ours, *theirs, *acting))
    return Examination(world.name, simulated, tried, gaps)


def _masked(proof: Proof, vault: Vault) -> Proof:
    return replace(proof, detail=vault.mask(proof.detail), remedy=vault.mask(proof.remedy))


async def _prove_world(subject: Opened, at: datetime) -> Sequence[Tried]:
    from nexus.examining import Tried, look_with_each, prove_connectors  # noqa: PLC0415 - kept off the path of --help
    from nexus.records.wording import count  # noqa: PLC0415 - same
    from nexus.world.connectors.contract import Proof  # noqa: PLC0415 - same

    if subject.connectors is None:
        return await look_with_each(subject.world, at)
    known = len(subject.world.catalog.services)
    remedy = "" if known else "describe the services in a catalog: impact, owners and call paths come from it"
    catalog = Proof("read it", ok=known > 0, detail=count(known, "service"), remedy=remedy)
    return [Tried("catalog", catalog), *await prove_connectors(subject.connectors, at)]


async def _prove_ourselves(settings: Settings, library: Library) -> Sequence[Tried]:
    from nexus.examining import Tried  # noqa: PLC0415 - kept off the path of --help
    from nexus.world.connectors.contract import Proof  # noqa: PLC0415 - same

    read = Proof("read it", ok=True, detail=f"{len(library.agents)} agents, {library.digest}")
    models = sorted(settings.model.models) if settings.thinks == "llm" else []
    asked = await asyncio.gather(prove_records(settings), *(prove_model(settings.model, name) for name in models))
    tried = [Tried("library", read), Tried("records", asked[0])]
    tried += [Tried(f"model {name}", proof) for name, proof in zip(models, asked[1:], strict=True)]
    if settings.engine == "temporal":
        tried.append(Tried("temporal", await prove_temporal(settings)))
    return tried


async def prove_records(settings: Settings) -> Proof:
    """Whether incidents can be kept. No incident is written and no folder made; records that are there get today's schema."""
    from nexus.records.stores import FILE, open_store  # noqa: PLC0415 - kept off the path of --help
    from nexus.world.connectors.contract import Proof  # noqa: PLC0415 - same

    what = "write an incident"
    if settings.records_url is None and not (settings.out / FILE).is_file():
        there = next(folder for folder in (settings.out.absolute(), *settings.out.absolute().parents) if folder.exists())
        if there.is_dir() and os.access(there, os.W_OK | os.X_OK):
            return Proof(what, ok=True, detail=f"{settings.out} holds none yet and can be written")
        return Proof(what, ok=False, detail=f"{there} cannot be written", remedy="make it writable, or name another --out")
    try:
        async with await open_store(settings.out, settings.records_url) as records:
            await records.inbox.prove()
            begun = len(await records.page(1000))
    except (RecordsError, UsageError) as error:
        return Proof(what, ok=False, detail=error.what, remedy=error.remedy)
    return Proof(what, ok=True, detail=f"{settings.records_name}: {begun if begun < 1000 else '1000 or more'} incidents")


async def prove_model(policy: ModelPolicy, name: str) -> Proof:
    """Whether that model answers as agents have to: by calling the tool that it is given."""
    from nexus.responder.llm.chat import Message, Request  # noqa: PLC0415 - kept off the path of --help
    from nexus.world.connectors.contract import Proof  # noqa: PLC0415 - same

    what, began = "ask for one word by a tool", time.monotonic()
    word = {"type": "object", "properties": {"word": {"type": "string"}}, "required": ["word"]}
    tool = {"type": "function", "function": {"name": "submit", "description": "Hand in the word.", "parameters": word}}
    said = Message("user", "Call the tool submit with the word ready.")
    request = Request(name, [said], [tool], 256, MODEL_SECONDS, must="submit", temperature=policy.temperature)
    try:
        from nexus.responder.llm.openai_chat import OpenAIChat  # noqa: PLC0415 - an extra

        chat = OpenAIChat(policy.base_url)
        try:
            reply = await chat.complete(request, None)
        finally:
            await chat.close()
    except (ModelError, UsageError) as error:
        return Proof(what, ok=False, detail=f"{error.what}: {error.remedy}", remedy="check its name, address and key")
    if not reply.calls:
        remedy = "take a model and a server that call tools"
        return Proof(what, ok=False, detail="it answers, and calls no tool", remedy=remedy)
    tokens = reply.prompt_tokens + reply.completion_tokens
    return Proof(what, ok=True, detail=f"called it after {time.monotonic() - began:.1f} s, {tokens} tokens")


async def prove_temporal(settings: Settings) -> Proof:
    """Whether the fleet's server answers."""
    from nexus.world.connectors.contract import Proof  # noqa: PLC0415 - kept off the path of --help

    try:
        from nexus.temporal.connection import connect  # noqa: PLC0415 - an extra

        await connect(settings.temporal)
    except UsageError as error:
        return Proof("connect", ok=False, detail=error.what, remedy=error.remedy)
    return Proof("connect", ok=True, detail=f"{settings.temporal.address}, namespace {settings.temporal.namespace}")


def doctor(
    world: Annotated[str | None, typer.Option(help="sandbox:NAME, recording:DIR or a world FILE.yaml.")] = None,
    library: LibraryOption = None,
    out: Annotated[Path | None, typer.Option(help="Where incidents are kept.")] = None,
    model: Annotated[str | None, typer.Option(help="The model's name at OPENAI_BASE_URL; its key is OPENAI_API_KEY.")] = None,
    as_json: JsonOption = False,
) -> None:
    """Prove that NEXUS could work here, and say what an agent could not do. Nothing is changed.

    The records, the library, the model and each connector are used as in an incident, with a real query each.
    Exit status: 0 all proven, 1 something failed, 2 bad settings.
    """
    try:
        from nexus.run import model_flags  # noqa: PLC0415 - kept off the path of --help
        from nexus.settings import load_settings  # noqa: PLC0415 - same

        settings = load_settings(Path(), world=world, library=library, out=out, model=model_flags(model))
        held = open_library(settings.library)
        subject = open_subject(settings)
        from rich.console import Console  # noqa: PLC0415 - same

        with Console(stderr=True).status("trying everything, half a minute at the most"):
            found = asyncio.run(examine(settings, held, subject))
    except NexusError as error:
        raise fail(error) from error
    if as_json:
        sys.stdout.write(json.dumps(found.data(), indent=2) + "\n")
    else:
        from nexus.view.doctor import render_examination  # noqa: PLC0415 - same

        Console().print(render_examination(found))
    raise typer.Exit(1 if found.failed else 0)


if __name__ == "__main__":
    alone = typer.Typer(rich_markup_mode=None, add_completion=False, pretty_exceptions_enable=False)
    alone.command()(doctor)
    start(alone)
