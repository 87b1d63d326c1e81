"""Secrets that are known by the name before them: assigned, an option, in a tag, a cookie or a sentence."""

from __future__ import annotations

import re
from collections.abc import Iterator

from nexus.masking.keys import ANY_STEM, STEM, Key, folded, key_at
from nexus.masking.plain import LONGEST_REFUSED, STRONG, is_plain
from nexus.masking.views import OPAQUE, Span

_QUOTE = r"\\{0,7}[\"'`]"
_VALUE_OF = rf"(?:{_QUOTE})?(?:,\s{{0,80}}|\s{{1,80}})(?:{_QUOTE})?value(?:{_QUOTE})?\s{{0,4}}[:=]\s{{0,4}}"
_TAIL = re.compile(r"(?:[^\W是为為は]|\.|-(?!>)){0,40}+")
_ASSIGNED = re.compile(
    rf"(?:{_QUOTE})?[\])]?(?:[ ]\([^()\n]{{1,30}}\)|[ ](?:for|of|to)(?:[ ][^\s:=]{{1,40}}){{1,3}}?)?"
    rf"(?:[ \t]{{0,8}}(?:=>|->|:=|={{1,3}}|:{{1,2}}|是|为|為|は)[ \t]{{0,8}}(?:\s{{1,80}}(?={_QUOTE})|[|>][+-]?[ \t]*\n[ \t]+)?"
    rf"(?:[\[(]\s{{0,4}}(?=[bru]?{_QUOTE}))?|{_VALUE_OF})"
)
_OPTION = re.compile(rf"(?:(?:{_QUOTE})?,?[ \t]{{1,4}}|{_QUOTE},)(?!-)")
_TAG = re.compile(r"(?:\s[^<>\n]{0,80}+)?>")
_LISTED = re.compile(rf"{_QUOTE},\s{{0,4}}(?=[bru]?{_QUOTE})")
_QUOTED = re.compile(r"[ \t]{1,4}(?=['\"])")
_SAID = re.compile(r"(?:[ ][^\n:=.;,]{0,40}?)?[ ](?:is|was|ist|es|est|estaba|lautet)[ ]:?[ ]?")
_AFTER_DASH = re.compile(r"-(?<![\w.-]-)[\w-]*\Z")
_AFTER_ANGLE = re.compile(r"<[\w:.-]*\Z")


def named(text: str) -> Iterator[Span]:
    """Values under a name that says they are secret: assigned, in a pair of name and value, an option, a tag or a sentence."""
    fold = folded(text)
    at = 0
    while found := ANY_STEM.search(fold, at):
        stem = STEM.match(fold, found.start())
        assert stem is not None
        at = stem.end()
        tail = _TAIL.match(fold, at)
        end = tail.end() if tail else at
        for link, loose in _links(fold, stem.start(), end):
            key = key_at(fold, text, stem, end)
            if key is None:
                break
            if link.re is _QUOTED and key.kind != "password":
                continue  # Kubernetes names its secrets so
            spans = list(_cookies(text, link, key) if key.kind == "cookie" else _values(text, link, key, loose=loose))
            yield from (span for span in spans if span[2])
            if spans:
                at = max(at, spans[-1][1])
                break


def _links(fold: str, start: int, end: int) -> Iterator[tuple[re.Match[str], bool]]:
    """How a value follows the name, and whether it has to look like a secret to be one: most likely first."""
    before = max(0, start - 48)
    for pattern, loose, context in (
        (_ASSIGNED, False, None),
        (_OPTION, False, _AFTER_DASH),
        (_TAG, False, _AFTER_ANGLE),
        (_LISTED, True, None),
        (_QUOTED, False, None),
        (_SAID, True, None),
    ):
        link = pattern.match(fold, end) if context is None or context.search(fold, before, start) else None
        if link:
            yield link, loose


_OPENING = re.compile(rf"[bBrRuUfF@$]{{0,2}}({_QUOTE})")
_CLOSED = {
    '"': re.compile(r'((?:[^"\\\n]|\\.)*+)"'),
    "'": re.compile(r"((?:[^'\\\n]|\\.|''(?=\w))*+)'"),
    "`": re.compile(r"([^`\n]*+)`"),
}
_CLOSING = re.compile(r"(?<!\\)\\{1,7}[\"'`]|\n")
_ENDS = r"(?=[\s\"'`,;&)\]}>]|\\*\Z|\\+[\"'nrt]|[\w.$-]{1,40}[\"']?[=:])"
_BARE = re.compile(
    rf"(?:[^\s\"'`,;&)\]}}<>\\{OPAQUE}]|{OPAQUE}|[\"'`,;&)\]}}>](?!{_ENDS})|<(?!/?[\w-]{{1,40}}[\s/>])|\\(?![\"'`]|[nrt]{_ENDS}))++"
)
_CODE = re.compile(
    r"\(?\{?[A-Za-z_]+(?:\.[A-Za-z_]\w*)*(?:\((?:[A-Za-z_\"'*\[({].*|\).*|)|\[(?:[A-Za-z_\"'*\[({:-].*|\d+|))"
    r"|\{[A-Za-z_][\w.]*(?:[!:}( ,].*)?|(?:self|cls|this|settings|config|request|args|options|env|ctx|context|kwargs)\.[\w.]+",
    re.DOTALL,
)
_ODD = re.compile(r"[\d!@#$%^&~]")
SCHEME = re.compile(
    r"(?:(bearer|basic|token|api-?key|negotiate|ntlm|jwt|splunk|key)|digest|aws4-[\w-]+|hmac[\w-]*|oauth)[ \t]+", re.IGNORECASE
)
_INSIDE = re.compile(r"([^<]{1,4096})</")
_BEGUN = re.compile(r"[\"'`][\w.-]*\Z")
_APART_FROM = re.compile(r"[\s,.;:)\]}+]|\Z")
_LINE = re.compile(r"[^\n]*")
_SPOKEN = re.compile(r"[^\W\d_]+(?:['’-][^\W\d_]+)*")
_PROSE = re.compile(r" [^\W\d_]|,? \(")
_NEXT = rf"{_QUOTE}\s?,\s{{0,40}}{_QUOTE}"
_PAIR = re.compile(rf"([^\s=;,\"'\\]{{1,128}})(?:=\"?([^\s;,\"'\\]*+)(?:\"(?!\s?,))?)?(;[ \t]*|{_NEXT})?")
_ATTRIBUTES = frozenset({"path", "domain", "expires", "max-age", "samesite", "secure", "version", "comment", "priority"})


def _values(text: str, link: re.Match[str], key: Key, *, loose: bool) -> Iterator[Span]:
    start, end, quoted = _value(text, link, key)
    value = text[start:end]
    if not key.fits(value) or (loose and (is_plain(value) or not STRONG.fullmatch(value[:LONGEST_REFUSED]))):
        return
    if not quoted and len(value) <= 200 and _CODE.fullmatch(value) and not (key.kind == "password" and _ODD.search(value)):
        return
    end -= 0 if quoted else len(value) - len(value.rstrip(".:,;"))
    spoken = (
        not quoted and link[0].endswith((" ", "\t")) and ":" in link[0] and _SPOKEN.fullmatch(value) and _PROSE.match(text, end)
    )
    if not spoken:
        yield start, end, key.kind


def _value(text: str, link: re.Match[str], key: Key) -> tuple[int, int, bool]:
    """Where the value begins and ends, and whether quotes or tags say so. One that is not closed goes to the end of its line."""
    at = link.end()
    if link.re is _TAG:
        inside = _INSIDE.match(text, at)
        return at, inside.end(1) if inside else at, True
    opening = _OPENING.match(text, at)
    if opening and _closes(text, link, opening):
        return at, at, False
    start = opening.end() if opening else at
    end = _end_of_quoted(text, start, opening[1]) if opening else len(text)
    scheme = SCHEME.match(text, start, end) if key.kind == "token" else None
    if scheme:
        start = scheme.end()
    if opening or (scheme and not scheme[1]):
        return start, end if opening else _end_of_line(text, start), True
    bare = _BARE.match(text, start)
    return start, bare.end() if bare else start, False


def _closes(text: str, link: re.Match[str], quote: re.Match[str]) -> bool:
    """Whether the quote ends what began before the name, as in `"password=" + value`, and so opens no value."""
    begun = _BEGUN.search(text, max(0, link.start() - 64), link.start())
    mark = quote[1][-1]
    return bool(begun and begun[0][0] == mark and mark not in link[0] and _APART_FROM.match(text, quote.end()))


def _end_of_quoted(text: str, start: int, mark: str) -> int:
    if len(mark) == 1:
        closed = _CLOSED[mark].match(text, start)
        return closed.end(1) if closed else _end_of_line(text, start)
    for closing in _CLOSING.finditer(text, start):
        if closing[0] in (mark, "\n"):
            return closing.start()
    return len(text)


def _end_of_line(text: str, start: int) -> int:
    line = _LINE.match(text, start)
    return start + len(line[0].rstrip()) if line else start


def _cookies(text: str, link: re.Match[str], key: Key) -> Iterator[Span]:
    """The values of `name=value; name=value`, or all of what is none of it; of kind "" what has been read and is no secret."""
    opening = _OPENING.match(text, link.end())
    at = opening.end() if opening else link.end()
    pair = _PAIR.match(text, at)
    if pair is None or not (pair[2] or pair[3]):
        yield from (span for span in _values(text, link, key, loose=False) if " " not in text[span[0] : span[1]])
    while pair and (pair[2] or pair[3]):
        secret = pair[1].lower() not in _ATTRIBUTES and key.fits(pair[2] or "")
        yield *pair.span(2 if secret else 0), key.kind if secret else ""
        pair = _PAIR.match(text, pair.end()) if pair[3] else None
