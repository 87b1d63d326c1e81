"""The post-mortem as one HTML file that can be mailed: its pictures and evidence inside, nothing loaded from elsewhere."""

from __future__ import annotations

import base64
import re
from collections.abc import Mapping

from jinja2 import Environment, StrictUndefined
from markdown_it import MarkdownIt
from markupsafe import Markup

from nexus.incident import Incident, PostMortem
from nexus.records.post_mortem import cited, post_mortem
from nexus.records.wording import moment, plain, slug

_PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'; img-src data:">
<title>{{ title }}</title>
<style>
:root { color-scheme: light dark; --ink: #1c2430; --quiet: #5b6675; --paper: #fff; --line: #dde3ea; --box: #f5f7fa; --accent: #b3261e; --link: #0b57a4; }
@media (prefers-color-scheme: dark) {
  :root { --ink: #e4e9f0; --quiet: #9aa7b8; --paper: #14181f; --line: #2d3643; --box: #1c222c; --accent: #ff8a80; --link: #86b9f5; }
}
* { box-sizing: border-box; }
body { margin: 0; background: var(--paper); color: var(--ink); font: 16px/1.55 system-ui, "Segoe UI", Roboto, sans-serif; }
main { max-width: 54rem; margin: 0 auto; padding: 2.5rem 1.25rem 4rem; }
h1 { font-size: 1.75rem; line-height: 1.25; margin: 0 0 .4rem; border-left: .35rem solid var(--accent); padding-left: .8rem; }
h1 + p { color: var(--quiet); margin-top: 0; }
h2 { font-size: 1.25rem; margin: 2.4rem 0 .8rem; padding-bottom: .3rem; border-bottom: 1px solid var(--line); }
h3 { font-size: 1.02rem; margin: 1.6rem 0 .5rem; }
a { color: var(--link); }
li { margin: .25rem 0; }
table { border-collapse: collapse; width: 100%; margin: .8rem 0 1.2rem; font-size: .95rem; }
th, td { border-bottom: 1px solid var(--line); padding: .4rem .6rem; text-align: left; vertical-align: top; overflow-wrap: anywhere; }
th { color: var(--quiet); font-weight: 600; }
h1 + p + table { background: var(--box); border: 1px solid var(--line); }
h1 + p + table td:first-child { white-space: nowrap; width: 9.5rem; }
img { max-width: 100%; border: 1px solid var(--line); background: #fff; }
code { font: .9em ui-monospace, Menlo, Consolas, monospace; background: var(--box); padding: .1em .3em; overflow-wrap: anywhere; }
footer { margin-top: 3rem; border-top: 2px solid var(--line); color: var(--quiet); font-size: .9rem; }
footer tr:target { background: var(--box); }
footer td:first-child { white-space: nowrap; }
@media print {
  :root { --ink: #000; --quiet: #444; --paper: #fff; --line: #bbb; --box: #fff; }
  main { max-width: none; padding: 0; }
  h2, h3 { break-after: avoid; }
  tr, img, li { break-inside: avoid; }
}
</style>
</head>
<body>
<main>
{{ body }}
<footer>
<h2>Evidence cited</h2>
<table>
<tr><th>Id</th><th>Tool</th><th>Time</th><th>What it showed</th></tr>
{% for row in rows %}<tr id="{{ row.anchor }}"><td>{{ row.id }}</td><td><code>{{ row.tool }}</code></td><td>{{ row.at }}</td><td>{{ row.summary }}</td></tr>
{% endfor %}</table>
</footer>
</main>
</body>
</html>
"""  # noqa: E501  # a rule of a stylesheet and a row of a table each read best as one line

_TEMPLATE = Environment(autoescape=True, undefined=StrictUndefined).from_string(_PAGE)
_PARSER = MarkdownIt("commonmark", {"html": False}).enable("table")
_PICTURE = re.compile(r'<img src="([^"]*)" alt="([^"]*)" />')


def post_mortem_html(incident: Incident, report: PostMortem, pictures: Mapping[str, bytes]) -> str:
    """`post-mortem.html`; `pictures` by their path inside the incident's folder, one that is not there is named instead."""
    evidence = cited(incident, report)
    held = [path for e in incident.evidence for path in e.pictures]
    text = post_mortem(incident, report, href=lambda i: f"#{slug(i)}", picture=lambda path: f"#picture-{held.index(path)}")
    text = text.replace("[timeline.md](timeline.md)", "timeline.md, in the incident's folder")

    def inlined(found: re.Match[str]) -> str:
        source, alt = found.groups()
        png = pictures.get(held[int(source.removeprefix("#picture-"))])
        if png is None:
            return f"<em>The picture was not kept: {alt}</em>"
        return f'<img src="data:image/png;base64,{base64.b64encode(png).decode()}" alt="{alt}">'

    rows = [
        {"anchor": slug(e.id), "id": e.id, "tool": e.tool, "at": moment(e.at, seconds=True), "summary": plain(e.summary)}
        for e in evidence
    ]
    body = Markup(_PICTURE.sub(inlined, _PARSER.render(text)))  # noqa: S704  # the parser has HTML off, so all foreign text is escaped
    return _TEMPLATE.render(title=plain(f"Post-mortem {incident.id}: {incident.alert.title}"), body=body, rows=rows)
