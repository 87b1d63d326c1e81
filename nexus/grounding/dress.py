"""Dress: what a public text may look like: plain words in the scripts of our own texts, and nothing to click, dial, open or decode."""

from __future__ import annotations

import re
import unicodedata

from nexus.grounding.decode import hides
from nexus.grounding.fold import plain, script_of, shown, words_of
from nexus.grounding.names import Known, nameless
from nexus.grounding.sentence import ABBREVIATIONS

LONGEST = 2000
"""Characters of a sentence; a longer one is none."""

_SIGNS = frozenset(" .,;:!?'\"()-–—%/&+$€£¥°“”‘’„‚«»‹›…·•→≈~<>≤≥±×*§№、。！？：；（）「」『』，・¿¡؟،؛।€₽₹₩")
_HIDDEN = frozenset({"Cf", "Cc", "Cs", "Co", "Cn"})
_FILLERS = "\u115f\u1160\u3164\uffa0\u2800\u034f\u17b4\u17b5"
_LATIN = re.compile("[A-Za-zªºµÀ-ÖØ-öø-ſȘ-țƠơƯưẀ-ỿ]")
_TLD = (
    r"(?:com|net|org|io|info|biz|co|app|dev|xyz|top|site|online|shop|club|ru|cn|de|uk|fr|es|br|jp|eu|us|me|tv|ly|gg|ai|cc|to|link|"
    r"click|live|support|help|zip|mov)"
)
_DIGIT = r"(?:zero|oh|one|two|three|four|five|six|seven|eight|nine)"
_LOOKS: tuple[tuple[str, re.Pattern[str]], ...] = (
    ("an address", re.compile(r"(?i)\w\s*:\s*/\s*/|\bh(?:tt|xx)ps?\s*[:;]|\bhxxps?\b|\bwww\b|\b(?:mailto|tel|data|javascript|ftp):(?=\S)")),
    ("an address", re.compile(rf"(?i)(?:\bdot\b|\bpunkt\b|\bpoint\b|\bpunto\b|\bponto\b|\bточка\b|点|點|\bslash\b|\bperiod\b|\bhyphen\b)\s*{_TLD}\b|\bdot\b|\bslash\b")),
    ("an address", re.compile(rf"(?i)\w\s*[.,·•。．]\s*{_TLD}(?![\w'’-])(?=\s*(?:$|[/.,;:!?)]|\w))(?<!\d)|^{_TLD}\b(?!\s*(?:est|is)\b)(?=\s|$)")),
    ("an address", re.compile(r"\w[(\[{<]\s*(?:\.|dot)\s*[)\]}>]\w|[(\[{<]\s*(?:dot|at)\s*[)\]}>]", re.IGNORECASE)),
    ("an e-mail address", re.compile(r"@|\bat\s+\w+\s+dot\b", re.IGNORECASE)),
    ("an address", re.compile(r"\b\d{1,3}(?:\.\d{1,3}){3}\b|(?i:\b(?:[0-9a-f]{1,4}:){3,}|::)")),
    ("a telephone number", re.compile(rf"(?i)\b{_DIGIT}(?:[\s,.-]+(?:double\s+|triple\s+)?{_DIGIT}){{3,}}\b")),
    ("a hashtag", re.compile(r"#|\bhashtag\b", re.IGNORECASE)),
    ("a path", re.compile(r"(?:^|\s)[~.]{0,2}/\w|\w/[^\s/]+/\w|\b[A-Za-z]:\\|\\")),
    ("a version", re.compile(r"(?i)\bv\d|\b(?:version|release|build|revision)\s+v?\d|(?<![\d.])\d+\.\d+\.\d+(?!\d)(?<!\.\d{4})")),
    ("markup", re.compile(r"`|\[|\]|\{|\}|\||<\s*[/!?A-Za-z]|&#?\w+;|(?<=\w)\*|\*(?=\S.*\*)|_|\^|=|^\s*>|~~|(?<!\S)~(?!\s?\d)|%[0-9A-Fa-f]{2}(?=\S*[A-Za-z%])")),
)  # fmt: skip
_PHONE = re.compile(r"(?<![\w.,:])\+?\(?\d[\d\s().\-–/·]{5,}\d(?![\w:])")
_NO_PHONE = re.compile(
    r"\d{4}-\d\d-\d\d(?:\s+\d\d)?|\d{1,2}\.\d{1,2}\.\d{4}|\d+\.\d+|\d{1,3}(?:\.\d{3})+|\d{1,3}(?: \d{3}){1,2}|\d+\s*[-–/]\s*\d+"
)
_HOST = re.compile(r"[^\W_][\w-]*\.(?=[^\W\d_])[\w.-]*\w")
_STOPS: dict[str, frozenset[str]] = {
    "German": frozenset("der das und ist nicht ein eine einen wir sie bitte auf von mit fur den dem des im zu ihre ihr ihren uns unsere werden wurde wird sind haben auch oder nach alle aller konnen".split()),
    "French": frozenset("le la les des est sont une un et nous vous votre vos notre pour avec dans pas que qui cette du au aux sera merci nos tous ont ete".split()),
    "Spanish": frozenset("el la los las una un es son esta estan por para con que del nuestro nuestra su sus usted favor al se han sido todos".split()),
    "Portuguese": frozenset("o os uma um e sao por para com que da dos das nosso nossa seu sua voce nao em ao foi foram esta todos".split()),
    "Italian": frozenset("il la gli una un sono per con che del della delle nostro nostra vostro non di si i dei tutti stati stato".split()),
    "Dutch": frozenset("het een van wij niet zijn voor met onze uw bij naar de en dat deze wordt alle".split()),
}  # fmt: skip
_ENGLISH = frozenset("a i me no on in so as do die an am was war hat man also".split())


def unseen(text: str) -> str | None:
    """A character that nobody sees or that turns the writing round, which no text has a place for."""
    for char in text:
        if char in _FILLERS or (unicodedata.category(char) in _HIDDEN and not char.isspace()):
            return f"the character U+{ord(char):04X} cannot be seen"
    return None


def encoded(text: str) -> str | None:
    """Words in base64, escapes or the like."""
    said = hides(text)
    return f"it hides words in a code: {said[:40]!r}" if said else None


def _letters(text: str, scripts: frozenset[str]) -> str | None:
    """A sign that plain words do not need, or a letter of another script."""
    for char in unicodedata.normalize("NFC", text):
        if char.isascii() and (char.isalnum() or char in _SIGNS):
            continue
        kind = unicodedata.category(char)
        if kind[0] in "LM":
            script = script_of(char)
            if script not in scripts or (script == "LATIN" and not _LATIN.fullmatch(char)):
                return f"the letter {char!r} is not of the script of our texts"
        elif kind != "Nd" and char not in _SIGNS and not char.isspace() and shown(char) not in _SIGNS:
            fraction = kind == "No" and unicodedata.normalize("NFKC", char) != char
            if not fraction:
                return f"the sign {char!r} has no place in a public text"
    return None


def _dialled(text: str) -> str | None:
    for found in _PHONE.finditer(text):
        said = found[0].strip()
        digits = sum(c.isdigit() for c in said)
        if digits >= 7 and not _NO_PHONE.fullmatch(said):
            return said
    return None


def _foreign_tongue(text: str, own: frozenset[str]) -> str | None:
    words = set(words_of(text)) - own - _ENGLISH
    return next((tongue for tongue, stops in _STOPS.items() if len(words & stops) >= 2), None)


def undressed(body: str, may: Known, scripts: frozenset[str], own: frozenset[str]) -> str | None:
    """Why a sentence cannot stand in public as it looks, whatever it says; `may` holds only names, `own` the words of our texts."""
    wrong = _letters(nameless(body, may), scripts)
    if wrong:
        return wrong
    text = nameless(shown(body), may)
    for what, pattern in _LOOKS:
        found = pattern.search(text)
        if found and not (
            what == "markup" and found[0].startswith("*") and text.lstrip().startswith("* ") and text.count("*") == 1
        ):
            return f"{found[0].strip()[:40]!r} reads as {what}"
    for found in _HOST.finditer(text):
        if found[0].casefold() not in ABBREVIATIONS:
            return f"{found[0][:40]!r} reads as an address"
    dialled = _dialled(text)
    if dialled:
        return f"{dialled[:40]!r} reads as a telephone number"
    tongue = _foreign_tongue(plain(text), own)
    return f"it is in {tongue}, and our own texts are not" if tongue else None
