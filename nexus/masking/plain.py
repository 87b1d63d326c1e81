"""What a value looks like that is no secret: a stand-in, a number, a name, an everyday word; and what looks like one."""

from __future__ import annotations

import re

from nexus.masking.views import OPAQUE

STRONG = re.compile(r"(?=\S*\d)(?=\S*[^\W\d_])\S{6,}|(?=\S*[!@#$%^&*+=~])(?=\S*\w)\S{6,}")
LONGEST_REFUSED = 4096  # a longer value is a secret without a look at it, so that no text makes us read it once for each name

_SENSITIVE = r"(?:passwords?|passwd|pass|pwd|tokens?|secrets?|key|credentials?)"
TRIVIAL = re.compile(
    r"true|false|yes|no|on|off|none|null|nil|undefined|unknown|empty|n/a|unset|not[ _-]?set"
    r"|\W{0,2}(?:redacted|filtered|masked|hidden|removed|sanitized|omitted|snip)\W{0,2}"
    rf"|[*x.•·…#_?-]+|[*.•·…]{{3,}}.{{0,4}}|{OPAQUE}+|<.*|\{{\{{.*|\$[{{(].*|(?-i:\$[A-Z_][A-Z0-9_]*)|\$[a-z_]*{_SENSITIVE}|\$\d"
    r"|%\(?\w*\)?[sdrv]|\{[a-z_][\w.]*\}|%\w+%|:[a-z_]+|@\w+@|[\"'`] ?[+,.&].*"
    r"|[\d.,_+-]+[ ]?(?:%|ms|s|secs?|seconds|m|min|minutes|h|hours|d|days|k|kb|mb|gb|b|bytes|x|px)?|\d+(?:[/:-]\d+)+"
    r"|\d{4}-\d\d-\d\d(?:[T ][\d:.,+Z -]*)?|v?\d+(?:\.\d+)+(?:[-+.][\w.]{1,20})?"
    r"|arn:.*|vault:.*|(?:https?|s3|gs|file|op|ssm)://.*|[~.]{0,2}(?:/(?-i:[a-z0-9._@-]+)){2,}/?|[A-Za-z]:\\.*"
    r"|[a-z_]+(?:\.[a-z_]+)*(?:\((?:[\"'].*|[\w\s.,=]*\)?)|\[(?:[\"'].*)?)|(?:optional|list|dict|union|literal|annotated)\[.*"
    rf"|(?:[a-z_]\w*\.)+\w*{_SENSITIVE}",
    re.IGNORECASE | re.DOTALL,
)
NAME = re.compile(
    r"_*(?:[a-z]{1,20}(?:[_. ](?:[a-z]{1,20}\d{0,3}|v?\d{1,3})){0,2}|[a-z]{1,20}(?:-(?:[a-z]{1,20}\d{0,3}|v?\d{1,3})){1,6}"
    r"|[A-Za-z]{1,30}(?:[_.][A-Za-z]{1,30}){1,5}|[A-Z]{2,12}(?:-[A-Z]{1,12}){0,2}|[a-z]*(?:[A-Z]{1,5}[a-z]{2,}){1,8}[A-Z]{0,5}s?)"
    r"|(?=.{1,60}\Z)(?:[a-z][a-z0-9-]*/)+[a-z][a-z0-9_-]*"
)
WORDS = re.compile(
    r"accepted|and|any|auth|authentication|bad|basic|bool|bytes|cannot|denied|disabled|empty|enabled|enter|expired|failed"
    r"|failure|for|from|has|have|here|incorrect|input|int|invalid|is|ldap|login|md5|mismatch|missing|must|needed|none|not"
    r"|null|object|of|ok|option|optional|options|or|password|passwords|peer|plain|plaintext|please|prompt|provided|rejected"
    r"|required|reset|rotated|scram-sha-256|set|str|string|text|the|to|too|trust|unknown|unset|updated|user|username|using"
    r"|value|values|verified|was|weak|with|wrong",
    re.IGNORECASE,
)


def is_plain(value: str) -> bool:
    """Whether the value would be missed as a word, a name, a number or a stand-in if it were blotted out everywhere."""
    short = value[:200]
    return bool(TRIVIAL.fullmatch(short) or NAME.fullmatch(short)) or WORDS.fullmatch(short) is not None
