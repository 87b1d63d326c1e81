"""Claims of cause: whether a text says that something other than the diagnosed kind of cause brought the trouble."""

from __future__ import annotations

import re

from nexus.grounding.fold import plain
from nexus.grounding.sentence import sentences
from nexus.incident import Cause

_KINDS: dict[Cause, str] = {
    Cause.DEPLOYMENT: (
        r"releas\w*|deploy\w*|roll ?outs?|versions?|config\w*|misconfig\w*|settings?|(?:feature )?flags?|toggles?|changes?|updates?|upgrades?|"
        r"migrations?|push(?:es)?|merges?|commits?|builds?"
    ),
    Cause.INFRASTRUCTURE: (
        r"databases?|dbs?|disks?|storage|volumes?|nodes?|servers?|hosts?|machines?|networks?|networking|routers?|switch(?:es)?|dns|bgp|tls|ssl|"
        r"memory|ram|cpus?|capacity|connections?|connectivity|hardware|certificates?|certs?|credentials?|keys?|power|electricity|outage of power|"
        r"attacks?|attackers?|ddos|denial of service|breach\w*|hack\w*|intru\w*|malware|ransomware|sabotage|infrastructure|clusters?|queues?|"
        r"cach(?:e|es)|load balancers?|firewalls?|data ?cent(?:er|re)s?|overload\w*|traffic|floods?|fire|cooling|kubernetes|pods?|containers?|saturation"
    ),
    Cause.CODE_BUG: (
        r"bugs?|defects?|software (?:errors?|faults?|problems?|issues?)|coding|code|race conditions?|deadlocks?|memory leaks?|null pointers?|"
        r"exceptions?|programming|regressions?|logic errors?"
    ),
    Cause.EXTERNAL_DEPENDENCY: (
        r"providers?|vendors?|third part(?:y|ies)|partners?|upstream|suppliers?|clouds?|external|outside (?:service|company)|carriers?|isps?|"
        r"subcontractors?|contractors?"
    ),
}
_PERSON = r"employees?|engineers?|developers?|staff|colleagues?|interns?|human errors?|human mistakes?|operators?|mistakes?|negligence|teams?"
_HOSTILE = re.compile(r"\b(?:attack\w*|ddos|denial of service|breach\w*|hack\w*|intru\w*|malware|ransomware|sabotage)\b")
_WORDS = {kind: re.compile(rf"\b(?:{words})\b") for kind, words in _KINDS.items()}
_BLAMED = re.compile(rf"\b(?:{_PERSON})\b")

_AFTERWARDS = re.compile(
    r"\b(?:(?:is |was |were |been |being )?(?:caused|triggered|introduced|induced|provoked|brought(?: on| about| down)?|broken|knocked out|"
    r"taken (?:down|offline)|hit|affected|explained|overwhelmed) by|due to|because of|because|owing to|thanks to|on account of|as a result of|"
    r"(?:result|consequence|outcome|effect) of|stem(?:s|med|ming)? from|result(?:s|ed|ing)? from|aris(?:es|ing) from|arose from|comes? from|"
    r"came from|originat\w+ (?:in|from|at|with)|began (?:in|at|with)|started (?:in|at|with)|traced (?:\w+ )?(?:back )?to|attribut\w+ to|down to|"
    r"lies? (?:in|with|at)|lay (?:in|with|at)|blam\w+(?: on)?|to blame(?: is| was)?|fault of|turned out to be|turns out to be|proved to be|"
    r"(?:the|root|main|probable|likely|its|underlying|this|one|a) (?:\w+ )?(?:cause|reason|culprit)|(?:cause|reason|culprit) (?:is|was|lies|seems)|"
    r"(?:responsible|behind)(?: for)?(?: (?:it|this|that|(?:the|this) \w+))? (?:is|was|are|were|stands?)|"
    r"(?:most likely|likely|probably)(?= (?:an?|the|our|in|with|at|some)\b))(?![^\W_])"
)
_BEFOREHAND = re.compile(
    r"\b(?:caus(?:es|ed|ing)|trigger(?:s|ed|ing)|led to|leads to|leading to|result(?:s|ed|ing) in|brought (?:down|about|on)|broke|breaks|"
    r"took (?:down|out|offline)|takes (?:down|out)|knocked (?:out|down|over)|overwhelm(?:s|ed)|introduced|explains?|provoked|"
    r"(?:is|are|was|were) (?:to blame|responsible|at fault|behind|the (?:root )?(?:cause|reason|culprit|problem)))\b"
)
_IDENTITY = re.compile(
    r"\b(?:it|this|that|incident|outage|problem|issue|trouble|disruption|what happened|failure|fault|errors?) (?:is|was|were|are)(?: not)? "
    r"(?:(?:in fact|actually|simply|just|really|clearly|certainly|only|with|in|at) )?(?:an?|the|our|in|with|at|another|one of)\b"
)
_SINCE = re.compile(
    r"(?<!\bthe )\b(?:following|after|since|right after|shortly after|with) (?:an?|the|our|this|that|last|yesterdays|todays|another|recent|\w+s)\b"
)
_TROUBLE = re.compile(
    r"\b(?:fail\w*|errors?|outages?|slow\w*|down|incident|problems?|issues?|trouble|began|begin|begun|started|degrad\w*|unavailable|broke\w*|stopp?ed working|"
    r"disrupt\w*|cannot|crash\w*|rose|increased|occurred|happened|unable)\b"
)
_RECOVERED = re.compile(
    r"\b(?:recover\w*|restored?|normal|resolved|stopped|again|back|improv\w*|fixed|decreas\w*|fell|gone|healthy|mitigat\w*|roll(?:ed|ing)? back|reverted)\b"
)
_OPEN = r"(?:may|might|could|can|whether|if|not|no|never|possibly|perhaps|maybe|unclear|isnt|wasnt|neither|nor|cannot|without|hardly|unlikely|un\w+ed to)"
_LINKS = r"(?:be|have|has|had|been|also|well|still|partly|itself|it|is|was|were|a|an|the|result|in|yet|known|being|directly|found|to|as|that|this|these|those)"
_OPEN_BEFORE = re.compile(rf"\b{_OPEN}(?: {_LINKS}){{0,5}}$")
_ASKED = re.compile(
    r"\b(?:whether|if|(?:know|knows|known|clear|unclear|see|say|ask|asking|tell|find out|understand|establish|determine|determining|examine|"
    r"examining|checking|investigating) (?:why|what|which|how)|^(?:why|what|how)|not (?:yet )?(?:known|clear|confirmed|determined|established|found)|"
    r"unknown|investigating|looking (?:for|into)|examining|checking|searching|under investigation|rul(?:e|ed|ing) out|no evidence|no sign|"
    r"no indication|nothing (?:points|suggests|shows)|not been (?:found|established|determined|confirmed)|hypothes\w+|suspected|possible|potential)\b"
)
_OPEN_AFTER = re.compile(
    r"\b(?:(?:is|are|was|were|has been|have been|can be|could be) (?:ruled out|excluded|not known|unknown|being|under)|is not known|"
    r"(?:is|are|was|were) not|not (?:yet )?(?:known|clear|confirmed)|possible|potential|suspected)\b"
)
_OPEN_WITHIN = re.compile(rf"\b{_OPEN}\b")
_STARTED_OPEN = re.compile(rf"{_OPEN}\b")
_CLAUSE = re.compile(
    r"[;:()—–]|\s-\s|,?\s+(?:but|while|although|though|whereas)\b|"
    r",?\s+and\s+(?=(?:it|this|that|they|we|the (?:root )?(?:cause|reason|culprit))\b)|,\s+(?=(?:it|this|that)\b)"
)
_KNOWN = re.compile(r"^\W*known\s*[—–:-]+\s*")
_NEAR = 9
_LONGEST = 2000


def _blamed(region: str, cause: Cause, known: bool) -> str | None:
    """The kind of cause that the words name, when it is not the diagnosed one."""
    hostile = _HOSTILE.search(region)
    if hostile and not (known and cause is Cause.INFRASTRUCTURE):
        return hostile[0]
    said = {kind: found[0] for kind, words in _WORDS.items() if (found := words.search(region))}
    if " " in said.get(Cause.CODE_BUG, ""):  # a memory leak is a defect, not the memory
        said = {Cause.CODE_BUG: said[Cause.CODE_BUG]}
    if known and cause in said:
        return None
    person = _BLAMED.search(region)
    return next(iter(said.values()), person[0] if person else None)


def _is_open(clause: str, found: re.Match[str], after: str) -> bool:
    """Whether the words of cause are asked, doubted or denied; `after`: the words that they say it of, if those follow."""
    before = clause[: found.start()].rstrip()
    if _OPEN_BEFORE.search(before) or _ASKED.search(before) or _OPEN_WITHIN.search(found[0]):
        return True
    return bool(_OPEN_AFTER.search(after) or _STARTED_OPEN.match(after))


def _claims(clause: str, sentence: str, cause: Cause, known: bool) -> str | None:
    """What the clause of that sentence claims as a cause."""
    troubled = _TROUBLE.search(sentence) and not _RECOVERED.search(sentence)
    for pattern in (_AFTERWARDS, _IDENTITY, *((_SINCE,) if troubled else ()), _BEFOREHAND):
        for found in pattern.finditer(clause):
            after = " ".join(clause[found.end() :].split()[:_NEAR]) if pattern is not _BEFOREHAND else ""
            before = " ".join(clause[: found.start()].split()[-_NEAR:])
            if not _is_open(clause, found, after):
                blamed = _blamed(after if pattern is not _BEFOREHAND else before, cause, known)
                if blamed:
                    return blamed
    return None


def claims_cause(text: str, cause: Cause, known: bool) -> str | None:
    """Why the text claims another cause than the diagnosed kind; None when it does not. `known` False: there is no diagnosis.

    What is said to be open, as `may be due to` or `whether a release caused it`, and what is denied, is no claim.
    """
    known = known and cause is not Cause.UNKNOWN
    for sentence in sentences(text):
        folded = _KNOWN.sub("the cause is ", re.sub(r"(?<=\w)-(?=\w)", " ", plain(sentence[:_LONGEST])))
        for clause in _CLAUSE.split(folded):
            said = _claims(" ".join(re.findall(r"[^\W_]+", clause)), folded, cause, known)
            if said:
                diagnosed = f"the diagnosis is {cause.value.replace('_', ' ')}" if known else "there is no diagnosis"
                return f"it claims {said[:60]!r} as the cause, and {diagnosed}"
    return None
