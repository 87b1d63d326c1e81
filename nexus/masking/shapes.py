"""Secrets that are known by their own shape: keys and tokens as their issuers write them, URLs, commands, headers, cards."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import chain

from nexus.masking.keys import KEYS, is_user_and_password
from nexus.masking.plain import TRIVIAL
from nexus.masking.private_keys import private_keys
from nexus.masking.signs import any_of
from nexus.masking.views import Span

_DIGIT = r"(?=[\w-]{0,80}\d)"
_ALONE, _APART = r"(?:(?<![A-Za-z0-9])|(?<=\\[nrt]))", r"(?![A-Za-z0-9])"
_FIRST = r"\d(?:(?<![A-Za-z0-9]\d)|(?<=\\[nrt]\d))"
CARD = re.compile(
    rf"{_FIRST}(?<!\d[.,]\d)\d{{13,15}}(?![A-Za-z0-9]|[.,]\d)"
    rf"|{_FIRST}(?<!\d[ .\-]\d)(?:\d{{3}}([ .\-\xa0])\d{{4}}\1\d{{4}}\1\d{{4}}(?:\1\d{{3}})?"
    r"|\d{3}([ .\-\xa0])\d{6}\2\d{4,5})(?![A-Za-z0-9]|[ .\-]\d)"
)
_FIGURES = re.compile(r"\d\d{3}(?:\d{10}|[ .\-\xa0]\d{4})")  # a card's sign: apart, for no one character stands at its beginning
_FAR, _WORD = r"[^\n|;&]{0,200}?\s", r"[\"']?(?P<secret>[^\s\"'-][^\s\"']{0,255})"
_SIGNED = r"sig|signature|x-(?:amz|goog)-(?:signature|security-token|credential)|auth|sas|jwt|hmac|ticket"
_ASSORTED = r"(?=[\w.~%+/-]{0,80}[a-z])(?=[\w.~%+/-]{0,80}[A-Z])(?=[\w.~%+/-]{0,80}\d)"
_PARAMETER = " ".join(rf"{mark}(?i:{_SIGNED}|code|key)=" for mark in (r"\?", "&", ";"))
_DASH_P = r"-p(?<=\s-p)"
SHAPES: tuple[tuple[str, str, str], ...] = (
    ("aws-key", "AKIA ASIA ABIA ACCA", r"(?:AKIA|ASIA|ABIA|ACCA)[A-Z0-9]{16}"),
    ("aws-key", "AKIA ASIA", r"(?:AKIA|ASIA)[A-Z0-9]{16}[\s,:;|\"'/]{1,5}(?P<secret>[A-Za-z0-9/+]{40})(?![A-Za-z0-9/+=])"),
    ("token", "gh[oprsu]_ github_pat_", r"gh[oprsu]_[A-Za-z0-9_]{20,}+|github_pat_\w{20,}+"),
    ("token", "gl(?:pat|dt|rt|cbt|ptt|soat|ft|imt|agent)-", r"gl(?:pat|dt|rt|cbt|ptt|soat|ft|imt|agent)-[\w.-]{16,}+"),
    ("token", "xox[a-z][.-] xapp-", rf"xox[a-z](?:\.xox[a-z])?-{_DIGIT}[\w%-]{{10,}}+|xapp-\d[\w-]{{10,}}+"),
    ("token", "npm_ pypi- hf_", rf"npm_[A-Za-z0-9]{{30,}}+|pypi-{_DIGIT}[\w-]{{32,}}+|hf_[A-Za-z0-9]{{30,}}+"),
    ("token", "do[opr]_v1_ dckr_", r"do[opr]_v1_[0-9a-f]{32,}+|dckr_[po]at_[\w-]{20,}+"),
    (
        "token",
        r"hv[sb]\. sntry ATATT3 ya29\.",
        r"hv[sb]\.[\w-]{20,}+|sntry[su]_[\w=/+-]{20,}+|ATATT3[\w=-]{30,}+|ya29\.[\w-]{20,}+",
    ),
    ("token", "shp(?:at|ca|pa|ss)_", r"shp(?:at|ca|pa|ss)_[0-9a-fA-F]{32}"),
    ("token", r":AA[\w-]{30}", r"(?<!\d)\d{8,10}:AA[\w-]{30,}+"),
    (
        "api-key",
        r"sk-[\w-]{16}",
        rf"{_ALONE}sk-{_DIGIT}(?:(?:proj|ant|svcacct|admin|or|lf|None)-[\w-]{{16,}}+|[A-Za-z0-9]{{16,}}+)",
    ),
    ("api-key", "k_(?:live|test|prod)_", r"[sr]k_(?:live|test|prod)_\w{10,}+"),
    ("api-key", r"whsec_ AIza SG\.", r"whsec_[\w+/=]{16,}+|AIza[\w-]{30,}+|SG\.[\w-]{16,}+\.[\w-]{16,}+"),
    (
        "api-key",
        "SK[0-9a-fA-F]{32} key-[0-9a-f]{32} dapi[0-9a-f]{32}",
        rf"{_ALONE}(?:SK[0-9a-fA-F]{{32}}|(?:key-|dapi)[0-9a-f]{{32}}){_APART}",
    ),
    ("api-key", "NRAK- gsk_ xai- GOCSPX-", r"NRAK-[A-Z0-9]{20,}+|gsk_[A-Za-z0-9]{30,}+|xai-[A-Za-z0-9]{30,}+|GOCSPX-[\w-]{20,}+"),
    ("api-key", "lin_api_ PMAK- pplx-", r"lin_api_\w{20,}+|PMAK-[\w-]{30,}+|pplx-[A-Za-z0-9]{30,}+"),
    ("api-key", "gl(?:sa|c)_ r8_", r"gl(?:sa|c)_[\w=]{30,}+|r8_[A-Za-z0-9]{30,}+"),
    ("private-key", "AGE-SECRET-KEY-1", r"AGE-SECRET-KEY-1[A-Z0-9]{40,}+"),
    ("webhook", r"hooks\.slack\.com/", r"hooks\.slack\.com/(?:services|workflows|triggers)/(?P<secret>[\w/+-]{12,}+)"),
    ("webhook", r"discord(?:app)?\.com/api/", r"discord(?:app)?\.com/api/webhooks/(?P<secret>\d+/[\w-]{20,}+)"),
    ("webhook", r"webhook\.office\.com/", r"webhook\.office\.com/(?P<secret>webhookb2/[^\s\"'<>]{20,}+)"),
    ("url-password", "@", r"://[^\s/:@\"'<>?#`]*+:(?P<secret>[^\s/?#\"'<>`]+(?=@))"),
    ("url-password", "@", r"://[^\s/:@\"'<>?#`]*+:(?P<secret>(?!\d{1,5}[/?#])(?:[^\s\"'<>`@:]++|:(?!//))++(?=@[\w.\[-]))"),
    ("url-password", r"@(?:tcp|unix)\(", r"(?<![\w.])[\w.-]{1,64}:(?P<secret>[^\s@\"'<>`/:]{1,256})@(?:tcp|unix)\("),
    ("url-password", "oracle:thin:", r"oracle:thin:[\w.-]{1,64}/(?P<secret>[^\s@\"'<>`]{1,256})@"),
    ("token", "@", r"://(?P<secret>(?=[\w~-]{0,40}\d)[\w~-]{20,255}+)@"),
    (
        "password",
        r"-u[\s=] -user[\s=]",
        r"(?<![\w-])(?:-u|--user|--proxy-user)[ =] ?[\"']?[^\s:\"'/]{1,64}:(?P<secret>[^\s\"'/]{1,256})",
    ),
    ("password", _DASH_P, rf"\b(?:mysql\w*|mariadb)\b{_FAR}-p{_WORD}"),
    ("password", _DASH_P, rf"\b(?:mongo\w*|sshpass|(?:docker|podman) login)\b{_FAR}-p ?{_WORD}"),
    (
        "password",
        r"requirepass\s masterauth\s password\s",
        rf"(?:\blogin\s{{1,9}}\S{{1,64}}\s{{1,9}}password|requirepass|masterauth)[ \t]{_WORD}",
    ),
    ("password", r"-a(?<=\s-a)", rf"\bredis-cli\b{_FAR}-a ?{_WORD}"),
    (
        "token",
        r"earer\s EARER\s",
        rf"{_ALONE}[Bb](?:earer|EARER)[ \t]{{1,4}}(?P<secret>(?=[\w.~+/-]{{0,80}}\d)[\w.~+/-]{{8,}}+=*+)",
    ),
    ("basic-auth", r"asic\s ASIC\s", rf"{_ALONE}[Bb](?:asic|ASIC)[ \t]{{1,4}}(?P<secret>[A-Za-z0-9+/_-]{{6,}}+={{0,2}})"),
    ("signature", _PARAMETER, rf"[?&;](?i:{_SIGNED})=(?P<secret>[^\s&\"'<>#;\\]{{6,}}+)"),
    ("token", _PARAMETER, rf"[?&;](?i:code|key)=(?P<secret>{_ASSORTED}[\w.~%+/-]{{16,}}+=*+)"),
)
"""Kind, signs and shape. The signs, with a space between them, are quick to look for, and a text that has the shape has one."""

_PATTERNS = tuple((kind, any_of(signs.split()), re.compile(shape)) for kind, signs, shape in SHAPES)
_ANY_SIGN = any_of(["-----(?:BEGIN|END)", "eyJ", *chain.from_iterable(signs.split() for _, signs, _ in SHAPES)])
_ISSUED = re.compile(
    r"4\d{15}(?:\d{3})?|5[1-5]\d{14}|2(?:22[1-9]|2[3-9]\d|[3-6]\d\d|7[01]\d|720)\d{12}|3[47]\d{13}|3(?:0[0-5]|[68]\d)\d{11}"
    r"|6(?:011|5\d\d|4[4-9]\d)\d{12}|35(?:2[89]|[3-8]\d)\d{12}|62\d{14}(?:\d{3})?"
)
_DOTTED = re.compile(r"(?<![A-Za-z0-9_-])[A-Za-z0-9_-]{13,}+(?:\.[A-Za-z0-9_-]*+)++")


def has_sign(text: str) -> bool:
    """Whether the text has a sign of any shape; where it has none, nothing in it is a secret by its shape."""
    return _ANY_SIGN.search(text) is not None or _FIGURES.search(text) is not None


def shaped(text: str) -> Iterator[Span]:
    """What is secret by its shape; spans may overlap, the more telling first."""
    if _ANY_SIGN.search(text):
        yield from private_keys(text)
        yield from _web_tokens(text)
        for kind, sign, pattern in _PATTERNS:
            for found in pattern.finditer(text) if sign.search(text) else ():
                group = found.lastgroup or 0
                if _proves(kind, found[group]):
                    yield *found.span(group), kind
    for found in CARD.finditer(text):
        if _is_card(found[0]):
            yield *found.span(), "card"


def _proves(kind: str, secret: str) -> bool:
    """Whether what has the shape of this kind is one."""
    if kind == "basic-auth":
        return is_user_and_password(secret)
    if kind == "password":
        return KEYS[kind][0].fits(secret)
    return TRIVIAL.fullmatch(secret[:200]) is None


def _is_card(written: str) -> bool:
    figures = [int(figure) for figure in written if figure.isdecimal()]
    doubled = sum(sum(divmod(2 * figure, 10)) for figure in figures[-2::-2])
    return (doubled + sum(figures[-1::-2])) % 10 == 0 and _ISSUED.fullmatch("".join(map(str, figures))) is not None


def _web_tokens(text: str) -> Iterator[Span]:
    if "eyJ" not in text:
        return
    for found in _DOTTED.finditer(text):
        at = found.start()
        parts = found[0].rstrip(".").split(".")
        for number, part in enumerate(parts[:-1]):
            inside = part.find("eyJ")
            if 0 <= inside <= len(part) - 13:
                yield at + inside, at + len(".".join(parts[number : number + 5])), "jwt"
                break
            at += len(part) + 1
