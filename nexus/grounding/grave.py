"""Grave words: what no text to the public says of its own accord, because people would act on it; our own texts have to say it first."""

from __future__ import annotations

import re

from nexus.grounding.fold import plain

_CRIMES = (
    r"hack\w*|breach\w*|compromis\w+|leak(?:s|ed|ing|age)?|stole|stolen|steal\w*|theft|thie(?:f|ves)|ransom\w*|malware|virus(?:es)?|trojan\w*|"
    r"spyware|phish\w*|fraud\w*|scam\w*|attack\w*|intru\w+|ddos|sabotag\w+|terror\w*|extort\w*|blackmail\w*|crim(?:e|es|inal\w*)"
)
_COMPANY = (
    r"bankrupt\w*|insolven\w+|lawsuit\w*|sued|court|police|arrest\w*|resign\w*|(?:was|were|been|is|are) fired|layoffs?|acquired|acquisition|merger|"
    r"liab\w+|negligen\w+|compensat\w+|competitors?|stock price|shareholders?|board of directors|ceo|cto|chief \w+"
)
_BODIES = r"died?|death\w*|killed|injur\w+|explo(?:sion|de)\w*|bomb\w*|shoot\w*|suicide|poison\w*"
_PROMISES = (
    r"tomorrow|yesterday|tonight|(?:next|last|this) (?:week|month|year|quarter|weekend)|guarantee\w*|promis\w+|refunds? will|"
    r"gets? (?:a|an|their|your) (?:refund|voucher|credit|discount)|for ever|forever|permanent\w*|irrevers\w+|irrecover\w+"
)
_GRAVE = re.compile(rf"\b(?:{_CRIMES}|{_COMPANY}|{_BODIES}|{_PROMISES})\b")
_LOST = re.compile(
    r"\b(?:data|passwords?|accounts?|orders?|money|funds|payments?|cards?|records?|details|files|messages|history|purchases?)\b[^.;]{0,40}"
    r"\b(?:lost|deleted|exposed|gone|wiped|corrupt\w*|destroyed|sold|published|accessed|viewed|seen by)\b"
)
_DENIED = re.compile(r"\b(?:no|not|none|never|neither|without|isnt|wasnt|arent|werent|havent|hasnt|nothing)\b")


def grave(body: str, ours: frozenset[str]) -> str | None:
    """The first grave word of a sentence that our own texts do not have."""
    text = plain(body)
    for found in _GRAVE.finditer(text):
        if not set(re.findall(r"[^\W_]+", found[0])) <= ours:
            return found[0]
    lost = _LOST.search(text)
    if lost and not _DENIED.search(text) and lost[0].split()[-1] not in ours:
        return lost[0]
    return None
