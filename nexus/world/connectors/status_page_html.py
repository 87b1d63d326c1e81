"""Status page as HTML: an index and a page an incident, with nothing loaded from elsewhere and no script."""

from __future__ import annotations

from urllib.parse import quote

from jinja2 import DictLoader, Environment, StrictUndefined

from nexus.incident import Status
from nexus.world.connectors.status_page_record import PageIncident, PageRecord, duration_text, moment_text

_SHELL = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'; img-src data:">
<meta name="referrer" content="no-referrer">
<link rel="icon" href="data:,">
<title>{% block title %}{% endblock %}</title>
<style>
:root { color-scheme: light dark; --ink: #17202b; --quiet: #566272; --paper: #f6f8fa; --card: #fff; --line: #dce2e9; --link: #0b57a4;
  --well: #18794e; --well-box: #e8f6ee; --bad: #b3261e; --bad-box: #fdecea; --soon: #8a5a00; --soon-box: #fdf3dc; }
@media (prefers-color-scheme: dark) {
  :root { --ink: #e6ebf1; --quiet: #9fabba; --paper: #10141a; --card: #181e26; --line: #2c3541; --link: #8abcf8;
    --well: #6fd3a0; --well-box: #12291e; --bad: #ff9a91; --bad-box: #331b1b; --soon: #f2c46b; --soon-box: #30260f; }
}
* { box-sizing: border-box; }
body { margin: 0; background: var(--paper); color: var(--ink); font: 16px/1.55 system-ui, "Segoe UI", Roboto, "Helvetica Neue", sans-serif; }
main, header, footer { max-width: 46rem; margin: 0 auto; padding: 0 1.25rem; }
header { padding-top: 2.25rem; }
header p { margin: 0; font-weight: 650; font-size: 1.05rem; }
h1 { font-size: 1.7rem; line-height: 1.25; margin: 0; overflow-wrap: anywhere; }
h2 { font-size: 1.1rem; margin: 2.5rem 0 .75rem; }
h3 { font-size: 1.05rem; margin: 0; overflow-wrap: anywhere; }
a { color: var(--link); text-underline-offset: .15em; }
a:focus-visible { outline: 3px solid var(--link); outline-offset: 2px; border-radius: .2rem; }
.skip { position: absolute; left: -99rem; } .skip:focus { left: 1rem; top: 1rem; background: var(--card); padding: .5rem 1rem; }
.sum { margin: 1.25rem 0 0; padding: 1.25rem 1.4rem; border-radius: .75rem; border: 1px solid; border-left-width: .5rem; }
.sum p { margin: .35rem 0 0; color: var(--ink); }
.well { color: var(--well); background: var(--well-box); } .bad { color: var(--bad); background: var(--bad-box); } .soon { color: var(--soon); background: var(--soon-box); }
.card { background: var(--card); border: 1px solid var(--line); border-radius: .75rem; padding: 1.1rem 1.4rem; margin: 0 0 1rem; }
.head { display: flex; flex-wrap: wrap; gap: .3rem .8rem; align-items: baseline; justify-content: space-between; }
.tag { font-size: .85rem; font-weight: 650; padding: .1rem .65rem; border-radius: 1rem; border: 1px solid; white-space: nowrap; }
.quiet { color: var(--quiet); font-size: .92rem; margin: .2rem 0 0; }
ul, ol { list-style: none; margin: 0; padding: 0; }
.whole { margin-top: 1.25rem; }
.parts { padding: 0; } .parts li { display: flex; flex-wrap: wrap; gap: .3rem .8rem; justify-content: space-between; align-items: center; padding: .75rem 1.4rem; }
.parts li + li, .past li + li { border-top: 1px solid var(--line); }
.parts li span:first-child { overflow-wrap: anywhere; }
.past { padding: 0; } .past li { padding: .85rem 1.4rem; }
.log { border-left: 2px solid var(--line); margin: 1.1rem 0 0 .45rem; padding-left: 1.3rem; }
.log li { position: relative; } .log li + li { margin-top: 1.5rem; }
.log li::before { content: ""; position: absolute; left: calc(-1.3rem - 7px); top: .45rem; width: 12px; height: 12px; border-radius: 50%; background: var(--card); border: 3px solid var(--quiet); }
.log li.bad::before { border-color: var(--bad); } .log li.soon::before { border-color: var(--soon); } .log li.well::before { border-color: var(--well); }
.log li.bad, .log li.soon, .log li.well { background: none; color: var(--ink); }
.log p { margin: .3rem 0 0; overflow-wrap: anywhere; } .log b { font-weight: 650; }
time { white-space: nowrap; }
footer { margin-top: 3rem; padding-bottom: 3rem; color: var(--quiet); font-size: .9rem; }
@media print { .card, .sum { break-inside: avoid; } }
</style>
</head>
<body>
<a class="skip" href="#main">Skip to the status</a>
<header><p>{% block where %}{% endblock %}</p></header>
<main id="main">
{% block main %}{% endblock %}
</main>
<footer><p>Last changed <time datetime="{{ record.updated.isoformat() }}">{{ record.updated | moment }}</time>.
The same for machines: <a href="{{ root }}status.json">status.json</a>.</p></footer>
</body>
</html>
"""  # noqa: E501  # a rule of a stylesheet reads best as one line

_MACROS = """{% macro log(incident) %}<ol class="log" aria-label="Updates, newest first">
{% for u in incident.updates | reverse %}<li class="{{ (u.status or incident.status) | look }}">
<div class="head"><b>{{ u.status.value if u.status else "Update" }}</b>{{ time(u.at, "quiet") }}</div>
{% set newest = loop.first %}
{% for label, text in u.lines if newest or label != "Next update" %}
<p>{% if label %}<b>{{ label }}:</b> {% endif %}{{ text }}</p>
{% endfor %}</li>
{% endfor %}</ol>{% endmacro %}
{% macro tag(incident) %}<span class="tag {{ incident.status | look }}">{{ incident.status.value }}</span>{% endmacro %}
{% macro time(at, class="") %}<time class="{{ class }}" datetime="{{ at.isoformat() }}">{{ at | moment }}</time>{% endmacro %}
"""

_INDEX = """{% extends "shell" %}{% from "macros" import log, tag, time %}
{% block title %}{{ record.page }}: {{ said }}{% endblock %}
{% block where %}{{ record.page }}{% endblock %}
{% block main %}
<section class="sum {{ look }}" aria-label="Now"><h1>{{ said }}</h1><p>{{ more }}</p></section>
{% if open %}<h2>Open incidents</h2>
{% for i in open %}<article class="card"><div class="head"><h3><a href="{{ i | href }}">{{ i.title }}</a></h3>{{ tag(i) }}</div>
<p class="quiet">Since {{ time(i.opened) }}</p>
{{ log(i) }}</article>
{% endfor %}{% endif %}
{% if record.components %}<h2>Components</h2>
<ul class="card parts">{% for c in record.components %}<li><span>{{ c.title }}</span>
<span class="tag {{ (c.state | state)[1] }}">{{ (c.state | state)[0] }}</span></li>
{% endfor %}</ul>{% endif %}
<h2>Past incidents</h2>
{% if past %}<ul class="card past">{% for i in past %}<li><h3><a href="{{ i | href }}">{{ i.title }}</a></h3>
<p class="quiet">{{ time(i.opened) }} · resolved after {{ i.lasted | duration }}</p></li>
{% endfor %}</ul>{% else %}<p class="quiet">None yet.</p>{% endif %}
{% endblock %}
"""

_INCIDENT = """{% extends "shell" %}{% from "macros" import log, tag, time %}
{% block title %}{{ incident.title }}: {{ incident.status.value }}{% endblock %}
{% block where %}<a href="../index.html">{{ record.page }}</a>{% endblock %}
{% block main %}
<article class="card whole"><div class="head"><h1>{{ incident.title }}</h1>{{ tag(incident) }}</div>
<p class="quiet">{{ incident.id }} · since {{ time(incident.opened) }}
{% if incident.lasted %} · resolved after {{ incident.lasted | duration }}{% endif %}</p>
{{ log(incident) }}</article>
{% endblock %}
"""

_LOOKS = {Status.RESOLVED: "well", Status.MONITORING: "soon"}
_STATES = {"affected": ("Affected", "bad"), "recovering": ("Recovering", "soon"), "well": ("No known incident", "well")}

_HOUSE = Environment(
    loader=DictLoader({"shell": _SHELL, "macros": _MACROS, "index": _INDEX, "incident": _INCIDENT}),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
)
_HOUSE.filters.update(
    moment=moment_text,
    duration=duration_text,
    look=lambda status: _LOOKS.get(status, "bad"),
    state=_STATES.__getitem__,
    href=lambda incident: quote(page_of(incident.id)),
)


def page_of(incident: str) -> str:
    """The path of an incident's page below the folder; no letter of an id leads out of it."""
    return f"incidents/{quote(incident, safe='')}.html"


def index_page(record: PageRecord, most_past: int) -> str:
    """The front page: how it stands now, what is open with every update, the components, and what is over."""
    opened = [incident for incident in record.incidents if incident.resolved is None]
    past = [incident for incident in record.incidents if incident.resolved is not None][:most_past]
    watched = all(incident.status is Status.MONITORING for incident in opened)
    said, more, look = "No open incidents", "We know of nothing that is wrong.", "well"
    if opened:
        said = f"{len(opened)} open incident" + ("s" if len(opened) > 1 else "")
        more = "A fix is in place and is being watched." if watched else "Every update is posted here, newest first."
        look = "soon" if watched else "bad"
    holes = {"said": said, "more": more, "look": look, "open": opened, "past": past}
    return _HOUSE.get_template("index").render(record=record, root="", **holes)


def incident_page(record: PageRecord, incident: PageIncident) -> str:
    """One incident with every update, newest first."""
    return _HOUSE.get_template("incident").render(record=record, root="../", incident=incident)
