"""Settings of the connector `postgresql`."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, SecretStr

from nexus.world.connectors.contract import ConnectorSettings


class Settings(ConnectorSettings):
    """One server.

    Its role should be a member of pg_monitor. A superuser, and from PostgreSQL 16 a member of pg_use_reserved_connections, gets
    in even when every other connection is taken; anybody else is then only told that none is left. Its messages must be English.
    """

    use: Literal["postgresql"] = "postgresql"
    component: str = Field(min_length=1, description="what the catalog calls it")
    url: SecretStr = Field(description="postgresql://USER:${PASSWORD}@HOST:PORT/DATABASE")
    replica: bool = Field(default=False, description="it is a standby, and not expected to take writes")
    standby: str | None = Field(default=None, description="where a failover would lead to")
    disk: str = Field(default="", description="a path of this machine on the server's disk; not needed over a socket")
    slow_s: float = Field(default=5, gt=0, description="statements that run longer count as slow")
    timeout_s: float = Field(default=5, gt=0, le=60, description="seconds that connecting, and each question, may take")
    end_idle_after_s: float | None = Field(
        default=None,
        ge=1,
        description="lets NEXUS propose to end sessions that were idle for so long; its role must be in pg_signal_backend",
    )
    max_connections: int = Field(default=100, gt=0, description="taken for granted while it is full and cannot be asked")
