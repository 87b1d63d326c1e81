"""Connection: the settings of a Temporal server as a client."""

from __future__ import annotations

from pathlib import Path

from temporalio.client import Client
from temporalio.service import RPCError, TLSConfig

from nexus.errors import SettingsError, UsageError
from nexus.settings import TemporalSettings


async def connect(settings: TemporalSettings) -> Client:
    """A client of that server. Raises UsageError when it does not answer, SettingsError when a certificate cannot be read."""
    key = settings.api_key.get_secret_value() if settings.api_key else None
    try:
        return await Client.connect(settings.address, namespace=settings.namespace, tls=_tls(settings), api_key=key)
    except (RuntimeError, RPCError, ValueError) as error:  # no connection, no entry, no address
        first = str(error).splitlines()[0][:120]
        raise UsageError(
            f"the Temporal server at {settings.address} does not answer ({first})",
            "start it, or name another in NEXUS_TEMPORAL__ADDRESS",
        ) from error


def _tls(settings: TemporalSettings) -> TLSConfig | bool:
    authority, ours, key = _read(settings.server_ca), _read(settings.client_cert), _read(settings.client_key)
    if (ours is None) != (key is None):
        raise SettingsError("a client certificate and its key go together", "set temporal.client_cert and temporal.client_key")
    if authority is None and ours is None:
        return settings.tls or settings.api_key is not None
    return TLSConfig(server_root_ca_cert=authority, client_cert=ours, client_private_key=key)


def _read(path: Path | None) -> bytes | None:
    try:
        return path.read_bytes() if path is not None else None
    except OSError as error:
        raise SettingsError(f"{path} cannot be read ({error.strerror})", "check its path and its permissions") from error
