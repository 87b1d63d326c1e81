"""MonitoringServer: where a metrics or log server is, how it is signed in to, and whose names it uses for components."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Self

from pydantic import Field, SecretStr, model_validator

from nexus.errors import WorldError
from nexus.world.connectors.contract import ConnectorSettings, Site
from nexus.world.connectors.http import PATIENCE, HttpService


class MonitoringServer(ConnectorSettings):
    """The settings that connectors to such servers share."""

    url: str = Field(pattern=r"^https?://.", description="the server's address, with the path before its API where there is one")
    token: SecretStr | None = Field(default=None, description="sent as a bearer token")
    username: str = Field(default="", description="for basic authentication, with `password`")
    password: SecretStr | None = Field(default=None, description="for basic authentication, with `username`")
    ca_file: str = Field(default="", description="PEM file of the authority that signed the server's certificate")
    timeout: float = Field(default=PATIENCE, gt=0, le=300, description="seconds that an answer may take")
    components: Mapping[str, str] = Field(default_factory=dict, description="the server's name of a component, to the catalog's")

    @model_validator(mode="after")
    def _one_way_in(self) -> Self:
        if bool(self.username) != (self.password is not None):
            raise ValueError("username and password are given together")
        if self.token is not None and self.password is not None:
            raise ValueError("give either a token or a username and password")
        return self

    def component(self, theirs: str) -> str:
        """The catalog's name of what the server calls that."""
        return self.components.get(theirs, theirs)

    def names_of(self, component: str) -> tuple[str, ...]:
        """What the server may call that component."""
        mapped = tuple(theirs for theirs, ours in self.components.items() if ours == component)
        return mapped if component in self.components else (component, *mapped)

    def secret_values(self) -> tuple[str, ...]:
        """What must never be shown."""
        return tuple(held.get_secret_value() for held in (self.token, self.password) if held is not None)

    def service(self, site: Site, headers: Mapping[str, str] | None = None) -> HttpService:
        """The server as it is spoken to. Raises WorldError where `ca_file` is no file."""
        verify: bool | str = True
        if self.ca_file:
            authority = site.folder / self.ca_file
            if not authority.is_file():
                raise WorldError(f"{self.title}: there is no file {self.ca_file}", "mend its ca_file in the world file")
            verify = str(authority)
        bearer = {"Authorization": f"Bearer {self.token.get_secret_value()}"} if self.token is not None else {}
        password = self.password.get_secret_value() if self.password is not None else ""
        return HttpService(
            self.title,
            self.url,
            headers={**bearer, **(headers or {})},
            auth=(self.username, password) if self.username else None,
            timeout=self.timeout,
            verify=verify,
        )
