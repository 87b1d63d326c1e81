"""Settings: `nexus.yaml`, then the environment (NEXUS_…), then flags; a later one wins."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, SecretStr, ValidationError, model_validator
from pydantic_settings import (
    BaseSettings,
    EnvSettingsSource,
    InitSettingsSource,
    NoDecode,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
)
from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from nexus.errors import SettingsError
from nexus.responder.llm.policy import ModelPolicy

FILE = "nexus.yaml"


def _policy(value: Any) -> Any:
    """A model's name alone stands for a policy with that name; in the environment a whole policy is JSON."""
    if not isinstance(value, str):
        return value
    if not value.lstrip().startswith("{"):
        return {"name": value}
    try:
        return json.loads(value)
    except ValueError as error:
        raise ValueError(f"is no JSON ({error})") from error


class TemporalSettings(BaseModel):
    """How the Temporal server is reached, and where this fleet's work is queued."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    address: str = Field(default="127.0.0.1:7233", description="host:port")
    namespace: str = "default"
    task_queue: str = "nexus"
    heartbeat: float = Field(default=15.0, ge=1, description="seconds of silence after which a worker's work is done elsewhere")
    tls: bool = Field(default=False, description="encrypt, trusting the system's authorities")
    server_ca: Path | None = Field(default=None, description="the authority to trust, as PEM; implies tls")
    client_cert: Path | None = Field(default=None, description="our certificate, as PEM; implies tls")
    client_key: Path | None = Field(default=None, description="its key, as PEM")
    api_key: SecretStr | None = Field(default=None, description="implies tls")


Role = Literal["viewer", "responder", "approver"]
"""What a token's holder may do, each all that the one before may: read; report and answer questions; decide on approvals."""
Hook = Literal["alertmanager", "grafana", "pagerduty", "opsgenie", "datadog", "cloudwatch", "sentry", "generic", "changes"]
"""Who sends webhooks; `changes` tells of changes made elsewhere, all others of alerts."""
LONG_ENOUGH = 16
"""Characters that a token or a secret has at least, so that nobody guesses it."""


class TokenSettings(BaseModel):
    """One person or program that may use the service."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str = Field(
        min_length=1, max_length=80, pattern=r"^[^\x00-\x1f\x7f]+$", description="stands in the record for who did it"
    )
    role: Role = Field(description="viewer reads; responder also reports and answers; approver also approves, rejects, amends")
    token: SecretStr = Field(min_length=LONG_ENOUGH, description="sent as Authorization: Bearer TOKEN")


class HookSettings(BaseModel):
    """How a sender of webhooks shows who it is."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    secret: SecretStr | None = Field(default=None, min_length=LONG_ENOUGH, description="the sender signs each body with it")
    token: SecretStr | None = Field(
        default=None, min_length=LONG_ENOUGH, description="sent as Bearer, as the password of basic authentication, or as ?token="
    )

    @model_validator(mode="after")
    def _one_of_both(self) -> Self:
        if (self.secret is None) == (self.token is None):
            raise ValueError("give either secret, for a sender that signs, or token")
        return self


class ServiceSettings(BaseModel):
    """How `nexus serve` listens, and to whom."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    host: str = Field(default="127.0.0.1", min_length=1, description="on other than loopback, tokens must be set")
    port: int = Field(default=8030, ge=0, le=65535, description="0: any that is free; the first line says which")
    tokens: tuple[TokenSettings, ...] = Field(default=(), description="who may use it, and for what")
    hooks: dict[Hook, HookSettings] = Field(default_factory=dict, description="whose webhooks it takes")
    changes: Path | None = Field(
        default=None, description="file to which POST /hooks/changes adds, as a world's connector reads it"
    )
    read_timeout: float = Field(default=10.0, gt=0, le=600, description="seconds that a request may take to arrive whole")

    @model_validator(mode="after")
    def _each_once(self) -> Self:
        for what, found in (
            ("name", [token.name for token in self.tokens]),
            ("token", [token.token.get_secret_value() for token in self.tokens]),
        ):
            if len(set(found)) < len(found):
                raise ValueError(f"two tokens have the same {what}: give each person and program one of their own")
        return self


class _Environment(EnvSettingsSource):
    """The environment; a model's name in NEXUS_MODEL goes together with what NEXUS_MODEL__… say."""

    def __call__(self) -> dict[str, Any]:
        found = super().__call__()
        named = found.get("model")
        if isinstance(named, str) and not named.lstrip().startswith("{"):
            rest = self.explode_env_vars("model", self.settings_cls.model_fields["model"], self.env_vars)
            found["model"] = {**rest, "name": named}
        return found


class Settings(BaseSettings):
    """How NEXUS runs here."""

    model_config = SettingsConfigDict(
        env_prefix="NEXUS_",
        env_nested_delimiter="__",
        env_ignore_empty=True,
        extra="forbid",
        frozen=True,
        nested_model_default_partial_update=True,
    )

    world: str | None = Field(default=None, description="sandbox:NAME, sandbox:DIR, recording:DIR or FILE.yaml")
    library: Path | None = Field(
        default=None, description="folder with agents/, prompts/ and graphs/; the shipped one when not set"
    )
    approve: Literal["auto", "ask", "never"] = Field(default="ask", description="who answers approvals")
    out: Path = Field(default=Path("incidents"), description="where incidents are kept")
    seed: int | None = Field(default=None, description="the sandbox's seed; the scenario's own when not set")
    responder: Literal["rules", "llm"] | None = Field(
        default=None, description="who thinks; llm where a model is named, else rules"
    )
    model: Annotated[ModelPolicy, NoDecode, BeforeValidator(_policy)] = Field(
        default_factory=ModelPolicy, description="the model's name, or how models are used"
    )
    records: SecretStr | None = Field(
        default=None, description="postgresql://… where incidents are recorded; a SQLite file in `out` when not set"
    )
    engine: Literal["embedded", "temporal"] = Field(default="embedded", description="this process, or a fleet of workers")
    temporal: TemporalSettings = Field(default_factory=TemporalSettings, description="where the fleet's server is")
    pace: float = Field(
        default=20.0, gt=0, le=1_000_000, description="on Temporal, seconds of a simulated incident in one second"
    )
    service: ServiceSettings = Field(default_factory=ServiceSettings, description="how nexus serve listens, and to whom")
    log_level: Literal["debug", "info", "warning", "error"] = "warning"

    @property
    def records_url(self) -> str | None:
        """Where incidents are recorded, with its password; None: in the file in `out`."""
        return self.records.get_secret_value() if self.records else None

    @property
    def records_name(self) -> str:
        """Where incidents are recorded, as people may read it."""
        return str(self.out) if self.records is None else "the records' database"

    @property
    def thinks(self) -> Literal["rules", "llm"]:
        """Who answers: as it was set, else a model where one is named."""
        return self.responder or ("llm" if self.model.models else "rules")

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,  # noqa: ARG003 - the base class's; ours takes its place
        dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003 - the base class's; not read
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003 - same
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Flags over environment over file."""
        assert isinstance(init_settings, InitSettingsSource)
        given = dict(init_settings.init_kwargs)
        from_file = given.pop("_from_file", {})
        return InitSettingsSource(settings_cls, given), _Environment(settings_cls), InitSettingsSource(settings_cls, from_file)


def read_yaml(path: Path) -> dict[str, Any]:
    """A YAML file that holds a mapping. Raises SettingsError naming the file."""
    try:
        value = YAML(typ="safe", pure=True).load(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(f"{path} cannot be read ({error})", "check the path and its permissions") from error
    except RecursionError:
        raise SettingsError(f"{path} is nested too deep", "write `name: value` lines") from None
    except YAMLError as error:
        first = str(error).splitlines()[0]
        raise SettingsError(f"{path} is not YAML ({first})", "mend the syntax") from error
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise SettingsError(f"{path} holds a {type(value).__name__}", "write `name: value` lines")
    return {str(name): item for name, item in value.items()}


def load_settings(directory: Path, **flags: Any) -> Settings:
    """The settings as they hold in `directory`; flags that are None were not given. Raises SettingsError."""
    path = directory / FILE
    if path.is_dir():
        raise SettingsError(f"{path} is a folder", "move it away, or make it a file of `name: value` lines")
    from_file = read_yaml(path) if path.is_file() else {}
    given = {name: value for name, value in flags.items() if value is not None}
    try:
        return Settings(_from_file=from_file, **given)  # type: ignore[call-arg]  # taken out by settings_customise_sources
    except ValidationError as error:
        first = error.errors()[0]
        name = ".".join(str(part) for part in first["loc"])
        flag = f"--{name.replace('_', '-')}" if "." not in name else "its flag"
        where = f"{path}, NEXUS_{name.upper().replace('.', '__')} or {flag}"
        raise SettingsError(f"setting {name}: {first['msg'].removeprefix('Value error, ')}", f"mend it in {where}") from error
