"""Settings of the connector `repository`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, SecretStr, model_validator

from nexus.world.connectors.contract import ConnectorSettings

TRAILER = "Nexus-Patch"
"""Names the patch in the commit that releases it: such commits are not offered to be taken back."""
Command = tuple[str, ...]


class PullRequest(BaseModel):
    """A pull request for the branch, on GitHub."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    repository: str = Field(pattern=r"^[\w.-]+/[\w.-]+$", description="owner/name")
    token: SecretStr = Field(description="may write pull requests")
    url: str = Field(default="https://api.github.com", description="of a company's own GitHub: https://HOST/api/v3")


class Release(BaseModel):
    """How a patch is released. Commands have the holes {patch}, {branch}, {commit} and {target}; they run in the clone."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    remote: str = Field(default="origin", pattern=r"^[^-]", description="where the branch is pushed to")
    base: str = Field(default="main", pattern=r"^[^-]", description="the branch that a pull request asks to be merged into")
    prefix: str = Field(default="nexus/", pattern=r"^[A-Za-z0-9][\w./-]*$", description="of the branches' names")
    pull_request: PullRequest | None = None
    deploy: Command = Field(default=(), description="brings the pushed branch into production")
    undo: Command = Field(default=(), description="takes it out of production again")
    is_deployed: Command = Field(default=(), description="ends with 0 where the patch is in production, with 1 where it is not")
    timeout_s: float = Field(default=900, gt=0, description="seconds that each of them may take")

    @model_validator(mode="after")
    def _can_be_undone(self) -> Self:
        if bool(self.deploy) != bool(self.undo):
            raise ValueError("`deploy` and `undo` belong together: what cannot be taken back is not done")
        if self.is_deployed and not self.deploy:
            raise ValueError("`is_deployed` belongs to a `deploy`")
        return self


class Settings(ConnectorSettings):
    """One clone, which something else keeps up to date."""

    use: Literal["repository"] = "repository"
    path: Path = Field(description="the clone's folder, from the world file's folder")
    ref: str = Field(default="HEAD", pattern=r"^[^-]", description="what is deployed, as main or origin/main")
    components: dict[str, Annotated[str, AfterValidator(lambda folder: folder.strip("/"))]] = Field(
        min_length=1, description="component to its folder in the clone; an empty one is all of it"
    )
    patches: str = Field(default="", description="a folder of patch files (.patch, .diff) that developers have ready")
    test: Command = Field(default=(), description="the tests, as a program and its arguments; run at the top of a copy")
    test_timeout_s: float = Field(default=600, gt=0, description="seconds that they may take")
    since_days: float = Field(default=14, gt=0, description="commits older than this are not offered to be taken back")
    most: int = Field(default=5, ge=0, le=20, description="commits that are offered to be taken back")
    env: dict[str, str] = Field(default={}, description="environment of git and of all commands")
    secret_env: dict[str, SecretStr] = Field(default={}, description="more of it for git and for deploying, never for tests")
    release: Release | None = Field(default=None, description="without it patches are found and tested, and never released")
