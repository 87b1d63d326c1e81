"""Outgoing: what words to people may rest on: measured figures, names from the catalog, and no sentence of a stranger.

Our own sentences always go out. A writer adds to them, and only what is made of plain words: whoever has fooled him can then
neither take a fact away nor bring a message in, in whatever words he puts it.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import Any

from nexus.bulletins import UNNAMED, component_name
from nexus.grounding import Ground, checked, ground_of, sentences
from nexus.grounding.fold import plain
from nexus.grounding.ground import spelled
from nexus.incident import Evidence

MEASURING = frozenset({"assess_impact", "service_info"})
"""Tools whose results hold figures and catalog names alone: those who write to people are given no others."""
_NAMING = frozenset({"component", "caller", "callee", "name", "target"})
_OWN = _NAMING | {"kind", "level", "direction", "cause"}
"""Fields of readings that hold names and enumerated values: repeating these repeats nobody's sentence."""
_CLASSIFIED = ("severity", "floor", "impact", "signals", "false_alarm")


MORE = 2
"""Sentences that a writer may add to our own."""
WORDS = 25
"""Words of such a sentence."""
_PLAIN_WORDS = """
a about affect after again also although an and apart apologies apologise apologize apology appear are around as assess at
attend await be become been before began begin begun being between both bring browse but by can cannot cause check closely
collect complete continue coordinate could currently customer decide decision degraded delay depend detail developer difficult
disrupt disruption do does during earlier effort either engineer error escalate escalation evidence examine expect experience
fail failing failure fallback feature figure find first follow for found from further gather go had happen has have having here
high higher hour how however if impact in incident inconvenience increase information intermittent intermittently into
investigate investigation is issue it its keep know known last later latest learn least less limit load long longer look may
meanwhile measure measurement meet met might minute moment monitor more need new next not notice now occur of often on once one
ongoing open or order other otherwise our out outage over own owner page part partial partially partly patience people per
perhaps plan possible post prepare present priority problem progress proposal propose purchases question quick quickly ready
regret release remain report request responder response rest review roll rollback rolled rolling run running saw search see seen
sees service several share shop shopper short show side since site slow slower slowly so some sometimes soon sorry sprint start
state stay step still store such switch system take taking team tell than thank thanks that the their them then there these they
third this those through time to today together told traffic tried trouble try trying two unable unavailable unclear under
understand unknown until up update us use user usual usually version visitor wait was watch way we week well-known were what
when where whether which while who will with within work working would yet you your
"""
_PLAIN = frozenset(_PLAIN_WORDS.split())
"""Words that a status page has a use for beside our own; with their endings."""
_WORK_WORDS = """
add alert alerting allow-list artefact assign audit author automate automatic backup band baseline block build cache canary
capacity catalog cause certificate change check checklist circuit-breaker client code config configuration configure connection
contract coverage create credential daily dashboard data database define dependency deploy deployment detect disk document drill
each end-to-end enforce environment every exception expiry export extend failover flag frontend gate give growth handbook
handler headroom health host improve increase index input install integration introduce invalid isolation keep key latency lint
load log logging lower make measure memory metric migration missing mock monthly move network node null on-call pipeline pool
prevent probe procedure production project property provider queue raise rate record reduce regression rehearse remove rename
replica require resource restart restore retry review rewrite roll-out rollout root rotate rotation route runbook saturation
scale schema script secret set setting smoke split stage staged staging standby statement static storage suite table test
threshold timeout tool trace tracing traffic train type unit update upgrade validate validation value verify volume warn warning
watch weekly without write
"""
_WORK = frozenset(word + end for word in _WORK_WORDS.split() for end in ("", "s", "es", "ed", "d", "ing"))
"""Words that a piece of work has a use for besides."""
_FIGURES = re.compile(r"\d[\d.,:]*\s*%?")
_ENDINGS = ("s", "es", "ed", "d", "ing", "ly", "r", "n")
_CALM = re.compile(
    r"\b(?:resolv\w+|fix(?:ed|es)?|repaired|solved|recover\w*|normal\w*|operational|stable|stabili\w+|healthy|fine|good|ok|okay|"
    r"gone|(?<!roll )(?<!rolling )(?<!rolled )back|(?:is|are|was|now) over|ended|closed|(?<!to )restor\w+|works?(?! on)|"
    r"working(?! on| to| with| around)|function(?:s|al\w*|ing)|available|false|alarm|safe\w*|secure\w*|exercise|drill|"
    r"test\w*|unaffected|unchanged|done|finished|completed|everything|nothing|nobody|none|no|never|neither|nor|without|zero|wont|"
    r"not(?! (?:yet )?(?:known|clear|confirmed|measured|determined))|(?:is|are|was|were|does|did|do|has|have|would|should)nt)\b"
)
"""That all is well, or that something is not: nobody says so but the record."""
_BLAMES = re.compile(
    r"\b(?:caus\w*|because|due|owing|fault\w*|blam\w*|behind|culprit|reason\w*|responsib\w*|trigger\w*|result\w*|led|brought|broke\w*|"
    r"made|did|thanks to|at work|to do with|from within|depend\w* on)\b"
)
_OPEN = re.compile(
    r"\b(?:investigat\w+|look(?:ing|ed)? (?:for|into)|examin\w+|search\w*|unknown|unclear|"
    r"not (?:yet )?(?:known|clear|confirmed))\b"
)
"""Words that leave it open."""
_WORD = re.compile(r"[^\W\d_]+(?:[-'’][^\W\d_]+)*")
_SENTENCE = re.compile(r"[A-Z][\w ,;:%'’–—-]*[.!?]?")


def trusted(facts: Mapping[str, Any]) -> dict[str, Any]:
    """A task's facts without a word from outside: measured figures, enumerated values and names from the catalog."""
    kept = dict(facts)
    kept["alert"] = {"starts_at": facts["alert"]["starts_at"], "source": "monitoring", "service": facts.get("service")}
    classification = facts.get("classification") or {}
    kept["classification"] = {k: classification[k] for k in _CLASSIFIED if k in classification}
    kept["cause"] = {k: facts["cause"].get(k) for k in ("cause", "component", "status", "introduced_at")}
    kept["plan"] = [_change(s["action"]) for s in (facts.get("plan") or {}).get("steps", []) if s["action"]]
    kept["actions"] = [{**_change(a["action"]), "result": a["result"]} for a in facts.get("actions", [])]
    return kept


def _change(action: Mapping[str, Any]) -> dict[str, Any]:
    return {"kind": action["kind"], "target": action["target"]}


def publishable(name: str | None, names: Collection[str]) -> bool:
    """Whether people may be told that name: it is one of those that are known, if any are, and nothing but a name."""
    return name is not None and (not names or name in names) and component_name(name) == name


def with_known_names(facts: Mapping[str, Any], names: Collection[str]) -> dict[str, Any]:
    """Facts that name no component but known ones, for a label can say anything; where none is known, those that are names."""

    def known(name: str | None) -> str | None:
        return name if publishable(name, names) else None

    def target(action: Mapping[str, Any]) -> dict[str, Any]:
        return {**action, "target": known(action["target"]) or UNNAMED}

    told = dict(facts)
    told["cause"] = {**facts["cause"], "component": known(facts["cause"].get("component"))}
    if facts.get("classification"):
        impact = facts["classification"]["impact"]
        hit = [s for s in impact.get("services", ()) if known(s)]
        told["classification"] = {**facts["classification"], "impact": {**impact, "services": hit}}
    if facts.get("impact"):
        told["impact"] = {**facts["impact"], "services": [s for s in facts["impact"].get("services", ()) if known(s)]}
    if facts.get("plan"):
        steps = [{**s, "action": target(s["action"]) if s["action"] else None} for s in facts["plan"]["steps"]]
        told["plan"] = {**facts["plan"], "steps": steps}
    told["actions"] = [{**a, "action": target(a["action"])} for a in facts.get("actions", [])]
    return told


def strangers(alert: Mapping[str, Any], evidence: Iterable[Evidence]) -> list[str]:
    """Texts from outside: the alert's own, and what tools returned of logs, changes, pages, code and errors."""
    texts = list(_texts({k: alert[k] for k in ("title", "summary", "labels", "annotations", "raw") if k in alert}))
    for look in evidence:
        texts += [look.summary] if look.failed else []
        texts += _texts(look.values, _OWN)
    return list(dict.fromkeys(t for t in texts if t.strip()))


def components_of(evidence: Iterable[Evidence]) -> frozenset[str]:
    """Names of components in readings; what a look only echoes of its own arguments names nothing."""
    found: set[str] = set()
    for look in evidence:
        found |= set(_named(look.values)) - {str(value) for value in look.arguments.values()}
    return frozenset(found)


def _named(value: Any) -> Iterator[str]:
    if isinstance(value, Mapping):
        yield from (item for key, item in value.items() if key in _NAMING and isinstance(item, str))
    for item in value.values() if isinstance(value, Mapping) else value if isinstance(value, list | tuple) else ():
        yield from _named(item)


def outgoing_ground(facts: Mapping[str, Any], evidence: Iterable[Evidence], names: Iterable[str], own: Iterable[str]) -> Ground:
    """What a text to people may say: the trusted facts, what the impact was measured to be, and our own words `own`.

    Of the `names` those that the facts are about: whoever is innocent is not spoken of.
    """
    held = list(evidence)
    measured = [e.values for e in held if e.tool in MEASURING and not e.failed]
    told = trusted(facts)
    about = set(_texts(told))
    said = [name for name in names if name in about and component_name(name) == name]
    return ground_of([told, measured], names=said, words=own, foreign=strangers(facts["alert"], held))


def outgoing(text: str, own: str, ground: Ground) -> tuple[str, tuple[str, ...]]:
    """Our own text, with what the writer's adds to it that may go out; and why the rest may not."""
    if text == own:
        return own, ()
    kept, struck = checked(text, ground, public=True)
    why = [s.why for s in struck]
    added: list[str] = []
    for sentence in sentences(kept):
        if spelled(sentence) in ground.own.sentences or not _brings(sentence, own):
            continue
        wrong = _unfit(sentence, ground) or (f"only {MORE} sentences are added" if len(added) == MORE else None)
        if wrong:
            why.append(wrong)
        else:
            added.append(sentence)
    return " ".join([own if own[-1:] in {"", *".!?"} or not added else f"{own}.", *added]), tuple(why)


def unworkable(title: str, ground: Ground) -> str | None:
    """Why a piece of work cannot go to a tracker under that title; figures are the work's own and need no ground."""
    if spelled(title) in ground.own.sentences:
        return None
    kept, struck = checked(_FIGURES.sub("some ", title), ground, public=True)
    if struck:
        return struck[0].why
    said = plain(kept)
    if not _SENTENCE.fullmatch(kept):
        return f"it is no plain sentence: {kept[:30]!r}"
    words = _WORD.findall(said)
    if not words or words[0] not in _WORK:
        return f"it does not begin with what is to be done: {kept[:30]!r}"
    strange = next((word for word in _strange(said, ground) if word not in _WORK), None)
    return f"the word {strange[:30]!r} has no place in a piece of work" if strange else None


def _brings(sentence: str, own: str) -> bool:
    """Whether it says a word that our own text does not say already."""
    return not set(_WORD.findall(plain(sentence))) <= set(_WORD.findall(plain(own)))


def _unfit(sentence: str, ground: Ground) -> str | None:
    """Why a sentence is not added to our own: words that are not plain, a claim that all is well, blame."""
    if not _SENTENCE.fullmatch(sentence):
        return f"it is no plain sentence: {sentence[:30]!r}"
    said = plain(sentence)
    calm = _CALM.search(said)
    if calm:
        return f"whether it is so is for the record to say: {calm[0][:30]!r}"
    blame = _BLAMES.search(said)
    if blame and not _OPEN.search(said):
        return f"what it comes from is for the record to say: {blame[0][:30]!r}"
    words = list(_strange(said, ground))
    if words:
        return f"the word {words[0][:30]!r} has no place in a text to people"
    return f"it has more than {WORDS} words" if len(said.split()) > WORDS else None


def _strange(said: str, ground: Ground) -> Iterator[str]:
    """Words that are neither plain nor of our own texts, nor known names or their parts."""
    known = {part for name in ground.names for part in (name, *_WORD.findall(name))}
    for word in _WORD.findall(said):
        if word in _PLAIN or word in ground.own.words or word in known:
            continue
        if not any(word.removesuffix(end) in _PLAIN for end in _ENDINGS if word.endswith(end)):
            yield word


def _texts(value: Any, own: frozenset[str] = frozenset()) -> list[str]:
    """Every text in a JSON value, except in fields called as in `own`."""
    if isinstance(value, str):
        return [value]
    if isinstance(value, Mapping):
        return [t for key, item in value.items() if key not in own or not isinstance(item, str) for t in _texts(item, own)]
    return [t for item in value for t in _texts(item, own)] if isinstance(value, list | tuple) else []
