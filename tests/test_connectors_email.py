"""Email: who gets what, one thread an incident, and no text that becomes a header.

Tested against aiosmtpd, a real SMTP server, with STARTTLS, TLS and login.
"""

# ruff: noqa: ARG001, ARG002, N802 - aiosmtpd names its hooks, and what they are given

from __future__ import annotations

import asyncio
import ssl
import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from pathlib import Path
from typing import Any

import pytest
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session
from debian_in_hand import program
from hypothesis import given
from hypothesis import strategies as st
from messages_in_hand import AT, message, outlet, site
from pydantic import ValidationError

from nexus.errors import ToolError, Unavailable, WorldError
from nexus.world.connectors.contract import Connector
from nexus.world.connectors.email import Settings, connect, mail_of

SECRET = "correct horse battery"


@dataclass
class Mailbox:
    """What arrived; `refuses` are addresses that it does not take."""

    port: int = 0
    refuses: tuple[str, ...] = ()
    says: str = "250 OK"
    got: list[Envelope] = field(default_factory=list)
    commands: int = 0

    async def handle_RCPT(self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]) -> str:
        if address in self.refuses:
            return "550 no such user here"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        if self.says.startswith("250"):
            self.got.append(envelope)
        return self.says

    async def handle_NOOP(self, server: SMTP, session: Session, envelope: Envelope, arg: str) -> str:
        self.commands += 1
        return "250 OK"

    def mail(self, number: int = 0) -> EmailMessage:
        content = self.got[number].content
        assert isinstance(content, bytes)
        read = message_from_bytes(content, policy=default)
        assert isinstance(read, EmailMessage)
        return read


def _login(server: SMTP, session: Session, envelope: Envelope, mechanism: str, data: Any) -> AuthResult:
    right = isinstance(data, LoginPassword) and (data.login, data.password) == (b"nexus", SECRET.encode())
    return AuthResult(success=right, handled=False)


@asynccontextmanager
async def mailbox(
    certificate: Path | None = None, *, implicit: bool = False, login: bool = False, **more: Any
) -> AsyncIterator[Mailbox]:
    box = Mailbox(**more)
    loop = asyncio.get_running_loop()
    context = None
    if certificate is not None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate)

    def session() -> SMTP:
        starttls = None if implicit else context
        return SMTP(
            box,
            hostname="mail.example",
            loop=loop,
            tls_context=starttls,
            auth_required=login,
            authenticator=_login if login else None,
        )

    server = await loop.create_server(session, "127.0.0.1", 0, ssl=context if implicit else None)
    box.port = server.sockets[0].getsockname()[1]
    try:
        yield box
    finally:
        server.close()
        await server.wait_closed()


@pytest.fixture(scope="session")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Key and certificate of localhost, signed by itself."""
    file = tmp_path_factory.mktemp("tls") / "server.pem"
    key = file.with_name("key.pem")
    subject = ["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1"]
    curve = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
    made = [program("openssl", "openssl"), "req", "-x509", *curve, *subject, "-keyout", str(key), "-out", str(file)]
    subprocess.run(made, check=True, capture_output=True, timeout=60)
    file.write_text(file.read_text() + key.read_text())
    return file


def mailer(port: int, folder: Path = Path(), **more: Any) -> Connector:
    told = {
        "use": "email",
        "host": "127.0.0.1",
        "port": port,
        "security": "none",
        "sender": "nexus@example.com",
        "to": ["all@example.com"],
    }
    return connect(Settings.model_validate({**told, **more}), site(folder))


async def test_a_brief_arrives_as_it_was_written() -> None:
    text = "INCIDENT BRIEF — 2026-03-02 12:00 UTC\nSITUATION: checkout is down, affecting 63 %\n.\nACTION: rolling back"
    async with mailbox() as box:
        receipt = await outlet(mailer(box.port)).send(message("brief", text))
    mail = box.mail()
    assert mail.get_content().splitlines() == text.splitlines()
    assert mail["Subject"] == "[INC-1] INCIDENT BRIEF — 2026-03-02 12:00 UTC"
    assert mail["From"] == "NEXUS <nexus@example.com>"
    assert box.got[0].rcpt_tos == ["all@example.com"]
    assert mail["Message-ID"] == receipt
    assert mail["Auto-Submitted"] == "auto-generated"


async def test_an_incidents_mails_are_one_thread_and_the_same_message_is_the_same_mail() -> None:
    async with mailbox() as box:
        held = outlet(mailer(box.port, kinds=["channel", "brief", "notice"]))
        await held.send(message("channel", "P1: checkout is down", key="channel"))
        for number in ("1", "2", "2"):
            await held.send(message("brief", "It is down.", key=number))
        await held.send(message("brief", "Something else.", key="1", incident="INC-2"))
    mails = [box.mail(n) for n in range(5)]
    ids = [mail["Message-ID"] for mail in mails]
    assert len(set(ids)) == 4
    assert ids[2] == ids[3]
    assert [mail["References"] for mail in mails[:4]] == [None, ids[0], ids[0], ids[0]]
    assert mails[4]["References"] not in {*ids, None}


async def test_who_gets_it_is_chosen_by_role_then_by_kind_then_everybody() -> None:
    roles = {"studio-producer": ["ana@example.com"]}
    async with mailbox() as box:
        held = outlet(mailer(box.port, to_roles=roles, to_kinds={"brief": ["board@example.com", "ceo@example.com"]}))
        await held.send(message("notice", to="Studio Producer"))
        await held.send(message("brief"))
        await held.send(message("notice", to="on-call engineer"))
    assert [e.rcpt_tos for e in box.got] == [["ana@example.com"], ["board@example.com", "ceo@example.com"], ["all@example.com"]]


def test_it_takes_its_kinds_and_roles_and_nothing_that_nobody_would_get() -> None:
    held = outlet(mailer(25, roles=["On-call Engineer"], to=[], to_roles={"on-call engineer": ["a@example.com"]}))
    assert held.takes(message("notice", to="on-call engineer"))
    assert not held.takes(message("notice", to="finance-tracker"))
    assert not held.takes(message("brief"))
    assert not held.takes(message("status"))


async def test_login_goes_over_starttls_to_a_server_that_is_known(certificate: Path) -> None:
    async with mailbox(certificate, login=True) as box:
        told = {"security": "starttls", "ca_file": "server.pem", "user": "nexus", "password": SECRET}
        connector = mailer(box.port, certificate.parent, **told)
        assert connector.secrets == (SECRET,)
        await outlet(connector).send(message("brief"))
        (proof,) = await connector.prove(AT)
    assert len(box.got) == 1
    assert proof.ok, proof
    assert "starttls, logged in as nexus" in proof.detail
    assert box.commands == 1


async def test_tls_from_the_first_byte_works_too(certificate: Path) -> None:
    async with mailbox(certificate, implicit=True) as box:
        await outlet(mailer(box.port, certificate.parent, security="tls", ca_file="server.pem")).send(message("brief"))
    assert len(box.got) == 1


@pytest.mark.parametrize("security", ["starttls", "tls"])
async def test_a_server_whose_certificate_nobody_signed_is_given_nothing(certificate: Path, security: str) -> None:
    async with mailbox(certificate, implicit=security == "tls", login=security == "starttls") as box:
        connector = mailer(box.port, security=security, user="nexus", password=SECRET)
        with pytest.raises(Unavailable, match="cannot be trusted") as raised:
            await outlet(connector).send(message("brief"))
        (proof,) = await connector.prove(AT)
    assert SECRET not in str(raised.value)
    assert not proof.ok
    assert not box.got


async def test_a_wrong_password_is_said_and_not_shown(certificate: Path) -> None:
    async with mailbox(certificate, login=True) as box:
        told = {"security": "starttls", "ca_file": "server.pem", "user": "nexus", "password": "a wrong one"}
        connector = mailer(box.port, certificate.parent, **told)
        with pytest.raises(Unavailable, match=r"refuses the login of nexus \(535\)") as raised:
            await outlet(connector).send(message("brief"))
        (proof,) = await connector.prove(AT)
    assert "a wrong one" not in f"{raised.value} {proof}"
    assert not proof.ok


async def test_a_server_without_encryption_is_not_spoken_to_when_it_was_asked_for() -> None:
    async with mailbox() as box:
        with pytest.raises(Unavailable, match="STARTTLS"):
            await outlet(mailer(box.port, security="starttls")).send(message("brief"))
    assert not box.got


async def test_recipients_that_are_refused_are_named() -> None:
    async with mailbox(refuses=("gone@example.com",)) as box:
        with pytest.raises(ToolError, match=r"some recipients were refused: gone@example\.com"):
            await outlet(mailer(box.port, to=["all@example.com", "gone@example.com"])).send(message("brief"))
        with pytest.raises(ToolError, match=r"every recipient was refused \(gone@example\.com: 550\)"):
            await outlet(mailer(box.port, to=["gone@example.com"])).send(message("brief"))
    assert len(box.got) == 1


async def test_a_mail_that_is_refused_was_not_sent() -> None:
    async with mailbox(says="554 looks like spam") as box:
        with pytest.raises(ToolError, match="554 looks like spam"):
            await outlet(mailer(box.port)).send(message("brief"))


async def test_a_server_that_is_not_there_is_unavailable() -> None:
    async with mailbox() as box:
        port = box.port
    connector = mailer(port)
    with pytest.raises(Unavailable, match="does not answer"):
        await outlet(connector).send(message("brief"))
    (proof,) = await connector.prove(AT)
    assert not proof.ok


async def test_whether_a_mail_was_sent_cannot_be_told() -> None:
    assert await outlet(mailer(25)).was_sent(message("brief")) is None


INJECTED = [
    "",
    "\r\nBcc: eve@example.com",
    "\nTo: eve@example.com\n\nbody",
    "=?utf-8?q?=0D=0ABcc:_eve=40example.com?=",
    "\x00\x0b\x85\u2028",
    "\r\n.\r\n",
]
HEADERS = {"from", "to", "subject", "date", "message-id", "in-reply-to", "references", "auto-submitted"} | {
    "content-type",
    "content-transfer-encoding",
    "mime-version",
}


@given(words=st.text(max_size=300), hostile=st.sampled_from(INJECTED), where=st.sampled_from(["text", "to", "incident", "key"]))
def test_no_text_becomes_a_header_or_a_recipient(words: str, hostile: str, where: str) -> None:
    told = {"text": "Hello.", "to": "somebody", "incident": "INC-1", "key": "1", where: words + hostile}
    settings = Settings(use="email", host="h", sender="nexus@example.com", to=("all@example.com",))
    mail = message_from_bytes(mail_of(message("notice", **told), settings).as_bytes(), policy=default)
    assert {name.lower() for name in mail.keys()} <= HEADERS  # noqa: SIM118 - a mail iterates over nothing else
    assert len(mail.get_all("To", [])) == 1
    assert mail["To"] == "all@example.com"
    assert mail["From"] == "NEXUS <nexus@example.com>"
    assert not any(mark in str(mail["Subject"]) for mark in "\r\n\0")


@pytest.mark.parametrize(
    "address", ["all", "a b@example.com", "a@example.com, eve@example.com", "a@example.com\nBcc: e@example.com", "<a@b>"]
)
def test_an_address_that_is_none_is_refused(address: str) -> None:
    with pytest.raises(ValidationError, match="no address"):
        mailer(25, to=[address])


@pytest.mark.parametrize(
    ("told", "why"),
    [
        ({"host": "mail.example"}, "unencrypted"),
        ({"host": "mail.example", "allow_plain": True, "user": "nexus", "password": SECRET}, "a password would be sent"),
        ({"to": []}, "nobody gets anything"),
    ],
)
def test_settings_that_cannot_be_right_are_refused(told: dict[str, Any], why: str) -> None:
    with pytest.raises(WorldError, match=why) as raised:
        mailer(25, **told)
    assert SECRET not in str(raised.value)
