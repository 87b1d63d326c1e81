"""Email: messages by SMTP, each as one mail whose Message-ID is made of its key, an incident's mails in one thread."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import re
import smtplib
import ssl
from collections.abc import Iterator, Sequence
from datetime import datetime
from email.errors import HeaderParseError
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime
from pathlib import Path
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, SecretStr

from nexus.errors import ToolError, Unavailable, WorldError
from nexus.world.connectors.contract import Connector, Message, MessageKind, Proof, Site
from nexus.world.connectors.messages import OutletSettings, key_of, read, role_name

PATIENCE = 20.0
"""Seconds that the server may take for one step."""
SUBJECT = 160
"""Characters of a subject after which it is cut."""
_DOMAIN = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?")
_LOOPBACK = {"localhost", "127.0.0.1", "::1"}


def _checked(text: str) -> str:
    try:
        read_back = Address(addr_spec=text)
    except (ValueError, HeaderParseError) as error:
        raise ValueError(f"{text!r} is no address like name@example.com") from error
    if not text.isascii() or read_back.addr_spec != text or not _DOMAIN.fullmatch(read_back.domain) or not read_back.username:
        raise ValueError(f"{text!r} is no address like name@example.com")
    return text


MailAddress = Annotated[str, AfterValidator(_checked)]


class Settings(OutletSettings):
    """The server, and who gets what."""

    use: Literal["email"]
    host: str = Field(description="the SMTP server")
    port: int = Field(default=587, description="587 for starttls, 465 for tls, mostly")
    security: Literal["starttls", "tls", "none"] = Field(default="starttls", description="how the connection is encrypted")
    allow_plain: bool = Field(default=False, description="with `none`: also where the server is on another machine")
    ca_file: Path | None = Field(default=None, description="certificates to trust, PEM; empty: the system's")
    user: str = Field(default="", description="empty: no login")
    password: SecretStr = Field(default=SecretStr(""), description="of `user`")
    sender: MailAddress = Field(description="the address that mails are from")
    to: tuple[MailAddress, ...] = Field(default=(), description="who gets what no other setting gives to somebody else")
    to_kinds: dict[MessageKind, tuple[MailAddress, ...]] = Field(
        default_factory=dict, description="who gets a kind of message, such as `brief: [board@example.com]`"
    )
    to_roles: dict[str, tuple[MailAddress, ...]] = Field(
        default_factory=dict, description="who gets the notices of a role, such as `Studio Producer: [ana@example.com]`"
    )
    kinds: tuple[MessageKind, ...] = Field(default=("brief", "notice"), description="which kinds of message it takes")

    def recipients(self, message: Message) -> tuple[str, ...]:
        """Who gets it: by role, else by kind, else everybody of `to`."""
        by_role = {role_name(role): people for role, people in self.to_roles.items()}
        chosen = by_role.get(role_name(message.to)) if message.kind == "notice" else None
        return tuple(dict.fromkeys(chosen or self.to_kinds.get(message.kind) or self.to))


class Email:
    """An `Outlet`. One connection a mail: mails are rare, and a server's connection would not live until the next."""

    def __init__(self, settings: Settings, folder: Path) -> None:
        self.settings = settings
        self.folder = folder

    def takes(self, message: Message) -> bool:
        """By kind and role, where somebody is there to get it."""
        return self.settings.takes(message) and bool(self.settings.recipients(message))

    async def send(self, message: Message) -> str:
        """Hand it to the server; its Message-ID. Raises ToolError, also where only some recipients were refused."""
        mail = mail_of(message, self.settings)
        await asyncio.to_thread(self._send, mail)
        return str(mail["Message-ID"])

    async def was_sent(self, message: Message) -> bool | None:  # noqa: ARG002 - a server forgets what it has passed on
        """Cannot be told; sent again, it has the same Message-ID, by which mailboxes show it once."""
        return None

    def _send(self, mail: EmailMessage) -> None:
        with self._session() as server:
            try:
                refused = server.send_message(mail)
            except smtplib.SMTPRecipientsRefused as error:
                raise ToolError(f"{self.settings.title}: every recipient was refused ({_said(error)})", "check `to`") from error
            except smtplib.SMTPResponseException as error:
                raise ToolError(
                    f"{self.settings.title}: the mail was refused ({_said(error)})", "check `sender` and `to`"
                ) from error
        if refused:
            raise ToolError(f"{self.settings.title}: some recipients were refused: {', '.join(refused)}", "check `to`")

    @contextlib.contextmanager
    def _session(self) -> Iterator[smtplib.SMTP]:
        """A server that has greeted us, encrypted and logged in as the settings say. Raises Unavailable."""
        told = self.settings
        where = f"{told.title} at {told.host}:{told.port}"
        try:
            with self._connected() as server:
                if told.user:
                    server.login(told.user, told.password.get_secret_value())
                yield server
        except smtplib.SMTPAuthenticationError as error:
            raise Unavailable(
                f"{where} refuses the login of {told.user} ({error.smtp_code})", "check `user` and `password`"
            ) from error
        except smtplib.SMTPNotSupportedError as error:
            raise Unavailable(f"{where} lacks what was asked of it ({error})", "check `port`, `security` and `user`") from error
        except smtplib.SMTPException as error:
            raise Unavailable(f"{where} breaks off ({_said(error)})", "check `port` and `security`") from error
        except ssl.SSLError as error:
            raise Unavailable(f"{where} cannot be trusted ({error.reason or error})", "check `security` and `ca_file`") from error
        except OSError as error:
            raise Unavailable(
                f"{where} does not answer ({error.strerror or error})", "check its address and that it runs"
            ) from error

    def _connected(self) -> smtplib.SMTP:
        told = self.settings
        if told.security == "none":
            return smtplib.SMTP(told.host, told.port, timeout=PATIENCE)
        trusted = str(self.folder / told.ca_file) if told.ca_file else None
        context = ssl.create_default_context(cafile=trusted)
        if told.security == "tls":
            return smtplib.SMTP_SSL(told.host, told.port, timeout=PATIENCE, context=context)
        server = smtplib.SMTP(told.host, told.port, timeout=PATIENCE)
        try:
            server.starttls(context=context)
        except BaseException:
            server.close()
            raise
        return server

    async def prove(self, at: datetime) -> Sequence[Proof]:  # noqa: ARG002 - a server is as it is now
        """Greeting, encryption, login and NOOP; nothing is sent to anybody."""
        what = f"SMTP at {self.settings.host}:{self.settings.port}"
        try:
            said = await asyncio.to_thread(self._noop)
        except ToolError as error:
            return [Proof(what, ok=False, detail=error.what, remedy=error.remedy)]
        return [Proof(what, ok=True, detail=said)]

    def _noop(self) -> str:
        with self._session() as server:
            server.ehlo_or_helo_if_needed()
            code, _ = server.noop()
            if code != 250:
                raise Unavailable(f"{self.settings.title} answers {code} to NOOP", "check the server")
        as_whom = f"logged in as {self.settings.user}" if self.settings.user else "without a login"
        return f"it answers, {self.settings.security}, {as_whom}; whether it passes mail on is only seen by sending"


def mail_of(message: Message, settings: Settings) -> EmailMessage:
    """The mail; no text of the message can become a header, another recipient or a second line of one."""
    domain = settings.sender.partition("@")[2]
    first = _identifier(message.incident, domain)
    mail = EmailMessage(policy=SMTP)
    mail["From"] = Address(display_name="NEXUS", addr_spec=settings.sender)
    mail["To"] = [Address(addr_spec=address) for address in settings.recipients(message)]
    mail["Subject"] = _one_line(_subject(message))
    mail["Date"] = format_datetime(message.at)
    if message.kind == "channel":
        mail["Message-ID"] = first
    else:
        mail["Message-ID"] = _identifier(key_of(message), domain)
        mail["In-Reply-To"] = first
        mail["References"] = first
    mail["Auto-Submitted"] = "auto-generated"
    mail.set_content(message.text.encode("utf-8", "replace").decode(), charset="utf-8")
    return mail


def _subject(message: Message) -> str:
    """The incident first, so that filters find it; then whom it is for, or what it says first."""
    heading = read(message.text).heading
    return f"[{message.incident}] {message.to}: {heading}" if message.to else f"[{message.incident}] {heading}"


def _one_line(text: str) -> str:
    """On one line of printable characters, none of which a mail reader would decode."""
    text = text.replace("=?", "= ?")
    line = " ".join("".join(c if c.isprintable() else " " for c in text).split())
    return line if len(line) <= SUBJECT else f"{line[: SUBJECT - 1]}…"


def _identifier(key: str, domain: str) -> str:
    """A Message-ID that is the same for the same key, whoever sends it again. The incident's own stands for its thread."""
    return f"<{hashlib.sha256(key.encode('utf-8', 'replace')).hexdigest()[:32]}.nexus@{domain}>"


def _said(error: smtplib.SMTPException) -> str:
    """What the server answered; never what we said to it."""
    if isinstance(error, smtplib.SMTPRecipientsRefused):
        return ", ".join(f"{address}: {code}" for address, (code, _) in error.recipients.items())
    if isinstance(error, smtplib.SMTPResponseException):
        said = error.smtp_error.decode("utf-8", "replace") if isinstance(error.smtp_error, bytes) else str(error.smtp_error)
        return f"{error.smtp_code} {_one_line(said)}"
    return _one_line(str(error)) or type(error).__name__


def connect(settings: Settings, site: Site) -> Connector:
    """The mail server. Raises WorldError where nobody would get anything, and for a plain connection to another machine."""
    if settings.security == "none" and settings.host not in _LOOPBACK and not settings.allow_plain:
        raise WorldError(
            f"{settings.title}: mail to {settings.host} would be sent unencrypted",
            "set `security: starttls`, or `allow_plain: true`",
        )
    if settings.user and settings.security == "none" and settings.host not in _LOOPBACK:
        raise WorldError(f"{settings.title}: a password would be sent unencrypted", "set `security: starttls`")
    if not (settings.to or settings.to_kinds or settings.to_roles):
        raise WorldError(f"{settings.title}: nobody gets anything", "name recipients in `to`, `to_kinds` or `to_roles`")
    outlet = Email(settings, site.folder)
    secrets = (settings.password.get_secret_value(),) if settings.password.get_secret_value() else ()
    return Connector(name=settings.title, prove=outlet.prove, outlet=outlet, secrets=secrets)
