"""What an installation can be told, from the environment (CREWLINE_…) or `.env` in its home."""

import os
from pathlib import Path
from typing import Any, Literal
from urllib.parse import urlsplit

from pydantic import Field, ValidationError, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from crewline_infra.errors import Invalid

_DATABASE_SCHEMES = ("postgresql", "postgres")


class Settings(BaseSettings):
    """Everything that an installation writes lies under `home`."""

    model_config = SettingsConfigDict(env_prefix="CREWLINE_", env_ignore_empty=True, extra="ignore")

    home: Path = Path(".crewline")
    database_url: str | None = None
    """An administrator's address of a PostgreSQL 15–18 server; empty means the embedded one."""
    host: str = "127.0.0.1"
    port: int = Field(default=8420, ge=1, le=65535)
    web_workers: int = Field(default=1, ge=1, le=64)
    log_level: Literal["debug", "info", "warning", "error", "critical"] = "info"
    log_format: Literal["json", "text"] = "json"
    public_url: str | None = None
    """The address that people type, when a proxy stands in front; https makes cookies Secure."""
    operator_name: str = Field(default="Crewline", min_length=1, max_length=120)
    """How the operator signs statements and invoices."""
    demo: bool = False
    real_data: Path | None = None
    """A folder with published call-history files for the demo installation."""
    allow_loopback_webhooks: bool = False
    simulation_speed: float = Field(default=1.0, gt=0, le=1000)

    @field_validator("home", mode="after")
    @classmethod
    def _absolute(cls, value: Path) -> Path:
        return value.expanduser().absolute()

    @field_validator("log_level", "log_format", mode="before")
    @classmethod
    def _lower(cls, value: Any) -> Any:
        return value.lower() if isinstance(value, str) else value

    @field_validator("database_url", mode="after")
    @classmethod
    def _database(cls, value: str | None) -> str | None:
        if value is None:
            return None
        try:
            parts = urlsplit(value)
            host = parts.hostname or "host=" in parts.query  # a folder with a socket is named there
            complete = bool(parts.scheme in _DATABASE_SCHEMES and host and parts.path.strip("/"))
            complete = complete and (parts.port is None or parts.port > 0)
        except ValueError:
            complete = False
        if not complete:
            raise ValueError("write it as postgresql://NAME:PASSWORD@HOST:PORT/DATABASE")
        return value

    @field_validator("public_url", mode="after")
    @classmethod
    def _public(cls, value: str | None) -> str | None:
        parts = urlsplit(value or "")
        if value is not None and not (parts.scheme in ("http", "https") and parts.hostname):
            raise ValueError("write it as https://HOST")
        return value

    @property
    def secrets_folder(self) -> Path:
        return self.home / "secrets"

    @property
    def base_url(self) -> str:
        return (self.public_url or f"http://{self.host}:{self.port}").rstrip("/")

    @property
    def https(self) -> bool:
        return self.base_url.startswith("https://")


def load_settings() -> Settings:
    """Raises `Invalid` naming the variable that cannot be used."""
    home = Path(os.environ.get("CREWLINE_HOME", ".crewline"))
    try:
        return Settings(_env_file=home / ".env")  # type: ignore[call-arg]  # a pydantic-settings keyword
    except ValidationError as problem:
        first = problem.errors()[0]
        name = "CREWLINE_" + "_".join(str(part) for part in first["loc"]).upper()
        reason = first["msg"].removeprefix("Value error, ")
        raise Invalid(f"{name} cannot be used: {reason[:1].lower()}{reason[1:]}.") from problem
