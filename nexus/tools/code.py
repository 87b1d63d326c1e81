"""Code: `locate_error` and `test_patch`: where an error arises, and whether a patch holds away from production."""

from __future__ import annotations

from collections import Counter

from pydantic import Field

from nexus.errors import Unavailable
from nexus.incident import Word
from nexus.tools.need import component_of, need, since
from nexus.tools.readings import CodeReading, PatchTestReading
from nexus.tools.tool import Look, OfComponent, Seen, Tool


class OfError(OfComponent):
    """An error of a component; without its text, the component's most frequent one is taken."""

    error: str = Field(default="", description="the error as the log has it")


class OfPatch(Word):
    """One patch."""

    patch: str = Field(description="the patch's id, from locate_error")


async def _most_frequent_error(look: Look, component: str) -> str:
    if look.world.logs is None:
        return ""
    try:
        lines = await look.world.logs.search(since(look), look.at, component=component)
    except Unavailable:
        return ""
    counted = Counter(line.message for line in lines if line.level in {"error", "critical"})
    return counted.most_common(1)[0][0] if counted else ""


async def _locate_error(look: Look, arguments: OfError) -> Seen:
    code = need(look.world.code, "access to code")
    component = component_of(look, arguments.component)
    error = arguments.error or await _most_frequent_error(look, component)
    place = await code.locate(component, error)
    patches = await code.patches(component, look.at)
    told = f"{len(patches)} patches are ready, best: {patches[0].summary}" if patches else "no patch is ready"
    if place is None:
        where = f"Where the error in {component} arises was not found"
    else:
        age = "" if place.last_changed_days is None else f", last changed {place.last_changed_days:.0f} days ago"
        where = f"The error in {component} arises at {place.file}:{place.line}{age}"
    reading = CodeReading(
        summary=f"{where}; {told}.",
        component=component,
        file=place.file if place else None,
        line=place.line if place else None,
        snippet=place.snippet if place else "",
        last_changed_days=place.last_changed_days if place else None,
        patches=tuple({"id": p.id, "summary": p.summary, "diff": p.diff} for p in patches),
    )
    return Seen(reading)


async def _test_patch(look: Look, arguments: OfPatch) -> Seen:
    result = await need(look.world.code, "access to code").test(arguments.patch, look.at)
    summary = f"Patch {result.patch} {'passes' if result.passed else 'fails'} its tests away from production: {result.detail}"
    return Seen(PatchTestReading(summary=summary, patch=result.patch, passed=result.passed))


LOCATE_ERROR = Tool(
    "locate_error",
    "Find file and line where an error of a component arises, when that line last changed, and which patches are ready.",
    OfError,
    _locate_error,
)
TEST_PATCH = Tool("test_patch", "Build and test one patch away from production. Releases nothing.", OfPatch, _test_patch)
