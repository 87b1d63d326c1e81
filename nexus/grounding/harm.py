"""Harm: sentences that ask their reader to do something, as no status update does: the closed list in English."""

from __future__ import annotations

import re

from nexus.grounding.fold import plain, words_of
from nexus.grounding.tongues import asks_elsewhere

_OBJECT = (
    r"(?:us|our|me|the|this|that|these|those|here|now|your|a|an|it|them|him|any|all|every|both|at|on|via|to|below|immediately|today|"
    r"support|customer|link|\d+|$|\|)"
)
_VERBS = (
    r"install|uninstall|whatsapp|deposit|invest|telephone|download|contact|e ?mail|phone|reply|buy|purchase|register|override|bypass|mute|"
    r"silence|paste|delete|dismiss|approve|accept|grant|vote|subscribe|sell|print|output|leak|erase|wipe|revoke|click|tap|execute|authori[sz]e"
)
_ASK = (
    rf"(?:visit|dial|donate|redeem|disregard|ignore|disable|deactivate|unplug|navigate|browse to|go to|head (?:over )?to|reveal|disclose|"
    r"log ?in (?:to|at|via|with|on|here)|sign ?in (?:to|at|via|with|on|here)|log on (?:to|at)|sign up|get in touch|reach out|write to|"
    r"(?:restart|reboot) your|turn off|switch off|shut down|opt out|cut (?:the )?power|turn (?:your|the|all) \w+ off|take your|hand over|key in|type (?:your|the|in|this)|"
    r"proceed to (?:our|the|this|your|a)|access (?:our|the|this|your) (?:mirror|site|page|portal|copy|backup|new|other)|settle (?:the|your|any|all)|"
    r"forward (?:the|this|your|any|all|it)|tell us|log (?:on|in) again with|chat with|talk to (?:our|us)|look (?:us|for us|it) up|find us|"
    r"search for (?:us|our|the words?|this)|write down|(?:do not |dont |never |only )?trust (?:this|our|us|only|the|a|any)|roll back (?:every|all)|stop reading|"
    r"use (?:the|our|this|a|another) (?:\w+ )?(?:mirror|site|page|app|portal|website|shop|store|service|copy)|"
    r"enter (?:your|their|the|this|a)|confirm (?:your|their|the|this)|verify (?:your|their|the|this|that you)|reset (?:your|their|the|all|any)|"
    r"change (?:your|their|the|all)|reply (?:with|by|stop|yes|to|at|here)|"
    r"update (?:your|their)|share (?:your|their|this|the|it)|provide (?:your|the|us)|submit your|give (?:us|your|me|them)|claim (?:your|a|the)|"
    r"send (?:us|your|their|the|money|funds|all|a|it|them|payments?|bitcoin|\d)|transfer (?:your|their|the|all|any|money|funds|a|it|\d)|"
    r"pay (?:us|your|the|now|here|a|an|by|via|with|in|to|for|only|through|it|\d)|wire (?:the|your|money|funds|us|\d)|withdraw|move (?:your|their)|"
    r"call (?:us|our|the|this|that|now|support|customer|your|me|\w+ (?:hotline|number)|\d|immediately|on|at|toll|back)|"
    r"ring (?:us|our|the|\d)|text (?:us|our|the|your|\d|back|stop|yes)|message (?:us|our|the|me)|mail (?:us|the|your)|ask (?:us|our|support|for)|"
    r"join (?:us|our|the|this)|follow (?:us|our|the|this|these|me)|scan (?:the|this|our|a)|open (?:the|this|your|our|a|an)|"
    r"run (?:the|this|these|a)|copy (?:the|this|and)|use (?:the|this|our|your) (?:link|code|coupon|form|number|line|address|wallet|account)|"
    r"use (?:code|coupon|promo|a vpn)|forget (?:all|the|your|every|previous|what)|skip (?:the|all|your)|"
    r"stop (?:the|all|any|your|using|trusting|monitoring|paying)|remove (?:your|the|all)|drop (?:the|all)|cancel (?:your|the|all)|"
    rf"allow (?:the|this|all|any|me|us|access|it)|switch to (?:another|a different|our competitor|competitor)|(?:{_VERBS}) {_OBJECT})(?![^\W_])"
)
_LEAD = (
    r"(?:(?:please|kindly|now|just|simply|then|so|but|also|instead|immediately|urgently|always|first|next|finally|do|dont|do not|never|"
    r"remember to|be sure to|make sure to|make sure you|feel free to|dont forget to|do not forget to|do not hesitate to|dont hesitate to|"
    r"try to|take care to|take a moment to|you may want to|you might want to|important|urgent|attention|note|notice|warning|"
    r"action required|hint|tip|dear \w+|hi|hello|hey|everyone|all users|users|customers) )*"
)
_READERS = (
    r"(?:you|users|customers|people|everyone|everybody|anyone|readers|clients|merchants|visitors|subscribers|members|staff|employees|"
    r"(?:on call )?engineers?|operators?|responders?|whoever \w+|administrators|admins|shoppers|guests|parents|all)"
)
_MUST = (
    r"(?:should|must|shall|ought to|are (?:now |kindly |strongly |all )?(?:asked|required|advised|urged|requested|encouraged|invited|told|obliged)"
    r"(?: to)?|is (?:asked|required|advised|urged) to)"
)
_ADVERBS = r"(?: (?:now|also|just|not|immediately|please|all|first|then|only|always|never|kindly|simply|urgently|instead|therefore|at once))*"
_CONTACT = r"(?:call|phone|text|e ?mail|mail|message|contact|write to|ring|telephone|reach)"
_SUPPORT = (
    r"(?:us|our (?:team|support|staff|hotline|agents?|desk|line|number|office|bank|partners?)|me|support|customer|"
    r"the (?:number|hotline|line|help|support|desk|bank)|this|\d)"
)
_PLACE = r"(?:us|our|the|this|a|an|account|wallet|\w+ wallet|address|iban|\d)"
_CAN = (
    rf"(?:visit|click|tap|dial|install|whatsapp|donate|redeem|claim|scan|disregard|ignore|safely ignore|sign up|{_CONTACT} {_SUPPORT}|"
    rf"download (?:this|our|the|a|from|it)|(?:send|transfer|pay|move|deposit|wire)(?: \w+){{0,5}} (?:to|into) {_PLACE}|"
    r"disable|turn off|switch off|bypass|(?:reset|enter|confirm|verify|share) your)"
)
_GERUND = (
    r"(?:visiting|clicking|tapping|dialling|dialing|donating|redeeming|scanning|replying|signing up|"
    rf"(?:calling|phoning|telephoning|e ?mailing|texting|messaging|contacting|writing to|reaching) {_SUPPORT}|"
    r"(?:downloading|installing) (?:this|our|your|the (?:app|update|file|tool|software|patch|link))|"
    rf"(?:paying|sending|transferring|wiring|depositing|moving)(?: \w+){{0,4}} (?:to|into) {_PLACE}|"
    r"(?:entering|confirming|verifying|sharing|resetting|changing|updating|disabling) your)"
)
_DONE = (
    r"(?:reset|changed|sent|paid|transferred|ignored|disregarded|disabled|deactivated|deleted|installed|downloaded|shared|called|contacted|"
    r"wiped|uninstalled|revoked|skipped|muted|silenced|turned off|switched off|shut down|dismissed|approved)"
)
_NOT_CALM = (
    r"(?!(?:see|be|now|no|not|never|notice|have|receive|expect|find|get (?:an?|the|your)|do|wait|retry|try|refresh|reload|soon|still|again|"
    r"only|keep|bear|check back|sign in again|log in again|experience|feel|know|already|also|continue|once|both|then|remain|stay)\b)\w+"
)
"""Beside what a reader may be told to do or expect, anything after `you should` is a request."""
_PLURAL = r"(?:users|customers|people|everyone|everybody|clients|merchants|visitors|shoppers|readers)"
_ADVISE = (
    r"(?:ask|asks|asking|urge|urges|advise|advises|recommend|recommends|encourage|invite|request|require|requires|tell|suggest|suggests|"
    r"instruct|instructs|want|beg)"
)
_BEST = r"(?:best|advisable|wise|wisest|safer|safest|necessary|important|time|urgent|essential|recommended)"
_OUGHT = r"(?:must|should|needs? to|has to|have to|shall|ought to|are to|is to)(?: (?:now|immediately|all|not|first))*"
_DUTY = r"(?:payment|deposit|verification|confirmation|installation|transfer|password reset|download)(?: of [^|]{1,30})?"
_DUE = r"(?:now |immediately |urgently )?(?:required|needed|mandatory|due|requested)"
_NEWS = r"(?:see|find|more|details|info|information|help|refunds?|support|available)"
_ELSEWHERE = r"(?:whatsapp|telegram|signal|sms|wechat|discord|the link|this link|our hotline)"
_NOBODY_ELSE = r"(?<!cannot )(?<!cant )(?<!unable to )(?<!able to )(?<!who )(?<!that )"
_PATTERNS = tuple(
    re.compile(pattern)
    for pattern in (
        rf"(?:^|\| ){_LEAD}{_ASK}",
        rf"(?:^|\| ){_GERUND}\b",
        rf"\b(?:please|kindly) (?:\w+ ){{0,3}}?{_ASK}",
        r"\b(?:please|kindly) (?:call|text|pay|send|transfer|enter|confirm|verify|reset|change|share|provide|open|run|use|follow|join|scan)\b",
        rf"\b(?:you|please)\b.* (?:and|or|then) {_LEAD}{_CAN}\b",
        rf"\b{_READERS}(?: \w+)? {_MUST}{_ADVERBS} {_ASK}",
        rf"\byou (?:should|must|ought to|need to|have to|will have to|had better)(?: (?:now|then|first|also|always|immediately))* {_NOT_CALM}",
        rf"\byou (?:need to|have to|will need to|will have to|had better|are to|may need to){_ADVERBS} {_ASK}",
        rf"\b{_PLURAL}(?: [^|]{{1,40}})? (?:should|must|ought to){_ADVERBS} {_NOT_CALM}",
        rf"\b(?:you|users|customers|everyone|anyone|people) (?:can|may|might|could){_ADVERBS}(?: still)? {_CAN}\b",
        rf"\b{_ADVISE}(?: that)? (?:you|all|our|every|the|affected|{_PLURAL})(?: \w+){{0,3}}?(?: to)?{_ADVERBS} {_ASK}",
        rf"\b(?:like|need|want|wish|expect|prefer|require) (?:you|{_PLURAL}|all \w+) to\b(?! be\b)",
        rf"\b(?:ask|request|suggest|recommend|insist|advise|demand) that (?:you|{_PLURAL})\b",
        rf"\b{_BEST} (?:for (?:you|all|{_PLURAL}) )?to {_ASK}",
        rf"\b(?:by|via|recommends?|suggests?|consider|advise|requires?) (?:\w+ )?{_GERUND}\b",
        rf"\b{_OUGHT} be (?:\w+ly )?{_DONE}\b",
        r"\b(?:can|may) be (?:(?:safely )?(?:ignored|disregarded|claimed|redeemed|dismissed)|(?:reached|contacted|called) (?:at|on|via|by))\b",
        rf"{_NOBODY_ELSE}\b(?:{_CONTACT}|write|whatsapp|pay|send|join|follow|visit) us\b",
        rf"\b{_DUTY} (?:is|are) {_DUE}\b(?! to\b)",
        rf"\b{_NEWS}\b[^|]{{0,30}} (?:via|over|through|on) {_ELSEWHERE}\b",
        r"\bcalls? to (?:our|the|this) (?:\w+ )?(?:desk|team|agents?|line|number|hotline|bank)\b|\btakes? calls\b",
        r"\breachable (?:by|on|at|via|through)\b|\bwhy not \w+ (?:our|the|us)\b",
        r"\b(?:hotline|help ?line|toll free|this link|link below|links below)\b",
    )
)  # fmt: skip
_TOPICS = re.compile(
    r"\b(?:bitcoins?|btc|ethereum|crypto\w*|monero|usdt|wallet address|(?:buy|purchase|with|using|in|send|pay) (?:\w+ )?gift ?cards?|seed phrase|ransom\w*|cvv|cvc|iban|social security number|"
    r"western union|moneygram|casino|lottery|viagra|jackpot|giveaway|whatsapp|telegram|wechat|antivirus|porn\w*|passphrase|credit card number|"
    r"system prompt|previous instructions|prior instructions|jailbreak|prompt injection)\b"
)
_BAR = re.compile(r"\s+-+\s+|[,;:.!?()—–…\"“”„«»•·*→/。、，！？：；]+")


def _clauses(text: str) -> str:
    """The folded words in a row, with a bar where a clause may begin."""
    parts = re.sub(r"[^\w|]+|_", " ", _BAR.sub(" | ", plain(text)))
    return re.sub(r"(?: *\|)+ *", " | ", parts).strip(" |")


def in_a_row(text: str) -> str:
    """The words of our own texts as `asks` compares them."""
    return f" {' '.join(words_of(text))} "


def _ours(phrase: str, rest: str, ours: str) -> bool:
    """Whether our own texts say these words and the one that follows them here."""
    words = (phrase + rest).replace("|", " ").split()
    count = max(len(phrase.replace("|", " ").split()) + 1, 3)
    return len(words) >= 2 and f" {' '.join(words[:count])} " in ours


def asks(body: str, ours: str, words: frozenset[str]) -> str | None:
    """What a sentence asks its reader to do, unless our own texts say so: `ours` in a row, `words` each alone."""
    line = _clauses(body)
    for pattern in _PATTERNS:
        for found in pattern.finditer(line):
            if not _ours(found[0], line[found.end() :], ours):
                return found[0].strip(" |")
    for topic in _TOPICS.finditer(line):
        if not set(topic[0].split()) <= words:
            return topic[0]
    return asks_elsewhere(line, ours)
