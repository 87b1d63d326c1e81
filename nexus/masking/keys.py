"""Keys: what a name says of the value that it stands for."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from itertools import chain

from nexus.masking.plain import LONGEST_REFUSED, NAME, STRONG, TRIVIAL, WORDS
from nexus.masking.signs import any_of
from nexus.masking.views import SHORTEST, decoded


@dataclass(frozen=True, slots=True)
class Key:
    """What a key's name says of its value: the kind, and what the value must look like where the name alone is not enough."""

    kind: str
    demand: re.Pattern[str] | None = None

    def fits(self, value: str) -> bool:
        """Whether the value is a secret under this key."""
        value = value.strip().rstrip(":.,")
        if self.kind == "password" and value.isdecimal():
            return len(value) >= 6
        if len(value) < (SHORTEST if self.kind == "password" else 4) or (len(value) <= 200 and TRIVIAL.fullmatch(value)):
            return False
        if self.demand is None and self.kind == "password":
            return WORDS.fullmatch(value) is None
        if NAME.fullmatch(value) or (self.demand and len(value) <= LONGEST_REFUSED and not self.demand.fullmatch(value)):
            return False
        return self.kind != "basic-auth" or is_user_and_password(value)


def is_user_and_password(encoded: str) -> bool:
    """Whether it is base64 as basic authentication wants it."""
    return ":" in (decoded(encoded) or "")


def _compounds(words: str) -> tuple[str, ...]:
    return tuple(rf"{word}[-_. ]?key" for word in words.split())


_PASSWORDS = (
    r"pass[-_]?wor[dt]",
    "passwd",
    "passwrd",
    r"pass[-_ ]?phrase",
    r"pass[-_ ]?code",
    "passkey",
    "pwd",
    "identified by",
    "kennwort",
    "wachtwoord",
    r"pass(?![a-z])(?:(?<=[_.-]pass)|(?<=dbpass)|(?<=userpass)|(?<=rootpass)|(?<=adminpass)|(?<=sqlpass)|(?<=smtppass))",
    r"pass(?<![a-z]pass)(?=\\*[\"']?\]?[ \t]{0,4}=|\\*[\"'][ \t]{0,4}:)",
    "contrase(?:ñ|n\u0303|n)a",
    r"clave(?<![a-z]clave)(?![a-z])",
    r"senha(?<![a-z]senha)",
    r"mot[-_ ]de[-_ ]passe",
    r"mdp(?<![a-z]mdp)(?![a-z])",
    r"has[łl]o(?<![a-z].{5})(?![a-z])",
    "парол[ьяюе]",
    *("密码", "密碼", "口令", "パスワード", "비밀번호"),
)
_VENDORS = "stripe openai anthropic sendgrid twilio datadog github gitlab slack mailgun algolia cloudflare pagerduty azure"
_APIS = f"api access app application auth subscription license jwt {_VENDORS}"
KEYS: dict[str, tuple[Key, tuple[str, ...]]] = {
    "password": (Key("password"), _PASSWORDS),
    "pass": (Key("password", STRONG), (r"pass(?<![a-z]pass)(?=[ \t]{0,4}:)", r"pw(?<![a-z]pw)(?![a-z])", "bindpw", "rootpw")),
    "aws": (Key("aws-key"), (r"secret[-_. ]?access[-_. ]?key",)),
    "store": (Key("connection-string"), (r"account[-_ ]?key", r"shared[-_ ]?access[-_ ]?(?:key|signature)")),
    "private": (Key("private-key"), _compounds("private priv signing encryption master hmac")),
    "api": (Key("api-key"), _compounds(_APIS)),
    "pager": (Key("api-key", re.compile(r"[0-9a-zA-Z]{32}")), _compounds("routing integration service")),
    "session": (Key("session"), (r"session[-_. ]?(?:id|key)", "jsessionid", "phpsessid", "sessid", r"connect\.sid")),
    "visit": (Key("session", re.compile(r"(?=\D*\d)[\w.%+/=:-]{16,}")), (r"session(?<![a-z]session)(?=\\*[\"']?\s?[=:])",)),
    "cookie": (Key("cookie"), (r"cookie(?<![a-z]cookie)s?(?![a-z])",)),
    "token": (Key("token"), ("token", "authorization", "токен", "令牌", "トークン")),
    "role": (Key("secret", re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")), (r"secret[-_]?id",)),
    "secret": (Key("secret"), ("secret", "секрет", "geheimnis")),
    "credential": (Key("secret", STRONG), ("credential", r"creds?(?<![a-z]cred)(?<![a-z]creds)(?![a-z])")),
    "docker": (Key("basic-auth", re.compile(r"[A-Za-z0-9+/_-]{6,}={0,2}")), (r"auth(?<![a-z]auth)(?=\\*[\"'])",)),
}
"""By a name for the group: the key, and the stems of the names that say it, in lower case."""

STEM = re.compile("|".join(f"(?P<{name}>{'|'.join(stems)})" for name, (_, stems) in KEYS.items()))
ANY_STEM = any_of(chain.from_iterable(stems for _, stems in KEYS.values()))
_FOLD = {code: chr(code).lower() for code in (*range(0x41, 0x5B), *range(0xC0, 0xDF), *range(0x410, 0x430))}
_FOLD |= {code: chr(code - 0xFEE0).lower() for code in range(0xFF01, 0xFF5F)}
_TAIL_WORD = re.compile(r"[A-Z]?[a-z]+|[A-Z]+")
_ABOUT = (
    r"age|alg|algorithm|at|attempts|bucket|budget|change|changed|cmd|column|command|cost|count|created|date|enabled|endpoint"
    r"|env|error|errors|expiration|expired|expires|expiry|field|file|fingerprint|format|hint|id|invalid|issuer|label|len"
    r"|length|less|limit|manager|max|min|name|path|policy|prefix|prompt|provider|rate|ref|required|reset|rotated|rotation"
    r"|scope|scopes|size|state|status|stdin|strength|tokenizer|ttl|type|updated|uri|url|usage|used|valid|validation"
    r"|validator|version"
)
_ABOUT_ONE = re.compile(_ABOUT, re.IGNORECASE)
_OTHER_WORD = re.compile(rf"i[sz]|ar[iy]|ion|less|ly|s?(?:{_ABOUT})(?![a-z])")
_COMPONENT = re.compile(
    r"-(?:service|svc|server|api|store|worker|gateway|proxy|pod|db|cache|queue|exporter|controller|operator|rotator|job)(?![a-z])"
)
_PAGING = re.compile(r"(?:page|next|continuation|continue|sync|resume|cancell?ation|unexpected)[-_ ]?\Z|:\d{12}:\Z")


def folded(text: str) -> str:
    """The text in which stems are looked for: as long, in lower case, wide letters as narrow ones."""
    return text.lower() if text.isascii() else text.translate(_FOLD)


def key_at(fold: str, name: str, stem: re.Match[str], end: int) -> Key | None:
    """What the name says whose stem was found, if it says that the value is a secret and not something about one."""
    key = KEYS[stem.lastgroup or ""][0]
    tail = name[stem.end() : end]
    glued = fold[stem.end() : end] if tail[:1].islower() or (tail[:1].isupper() and name[stem.end() - 1].isupper()) else ""
    if _OTHER_WORD.match(glued) or _COMPONENT.search(tail) or any(map(_ABOUT_ONE.fullmatch, _TAIL_WORD.findall(tail))):
        return None
    return None if _PAGING.search(fold, max(0, stem.start() - 16), stem.start()) else key


def key_of(name: str) -> Key | None:
    """What a mapping's key says of its value."""
    return _key_of(name[:200])


@lru_cache(maxsize=2048)
def _key_of(name: str) -> Key | None:
    fold = folded(name)
    if not ANY_STEM.search(f'{fold}"='):
        return None
    keys = (key_at(fold, name, stem, len(name)) for stem in STEM.finditer(f'{fold}"='))
    return next((key for key in keys if key), None)
