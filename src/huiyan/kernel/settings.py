"""Every setting of an installation, read once.

Owns: names, defaults and bounds of settings, and where they are read from. Has no opinion on: who
uses them; the composition root hands each part the few values that it needs.
"""

from __future__ import annotations

import os
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

import platformdirs
from pydantic import Field, SecretStr, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict
from pydantic_settings import SettingsError as UnreadableValueError

from huiyan.kernel.errors import SettingsError

ENV_PREFIX = "HUIYAN_"
CONFIG_FILE_VARIABLE = "HUIYAN_CONFIG"
TEST_PREFIX = "HUIYAN_TEST_"


def _default_data_dir() -> Path:
    return Path(platformdirs.user_data_dir("huiyan"))


class Settings(BaseSettings):
    """The settings, frozen.

    Read from the environment (``HUIYAN_<NAME>``), then the TOML file, then the defaults below.
    ``docs/settings.md`` explains each; a test keeps the two in step.
    """

    model_config = SettingsConfigDict(env_prefix=ENV_PREFIX, extra="forbid", frozen=True)

    data_dir: Path = Field(default_factory=_default_data_dir)
    models_dir: Path | None = None
    database_url: SecretStr | None = None
    instance_key: SecretStr | None = None

    host: str = "127.0.0.1"
    port: Annotated[int, Field(ge=0, le=65535)] = 8686
    tls_cert: Path | None = None
    tls_key: Path | None = None
    insecure_http: bool = False
    trusted_proxies: tuple[str, ...] = ()
    processes: Annotated[int, Field(ge=1, le=256)] = 1
    compute_threads: Annotated[int, Field(ge=0, le=1024)] = 0
    fetch_threads: Annotated[int, Field(ge=0, le=1024)] = 0
    queue_limit: Annotated[int, Field(ge=1, le=65536)] = 64
    queue_mib: Annotated[int, Field(ge=16, le=65536)] = 256
    throttle_user_per_minute: Annotated[int, Field(ge=0, le=100_000_000)] = 60_000
    throttle_user_concurrent: Annotated[int, Field(ge=0, le=1_000_000)] = 0
    throttle_project_per_minute: Annotated[int, Field(ge=0, le=100_000_000)] = 120_000
    throttle_project_concurrent: Annotated[int, Field(ge=0, le=1_000_000)] = 0
    throttle_iam_per_minute: Annotated[int, Field(ge=0, le=1_000_000)] = 6000
    header_timeout_s: Annotated[float, Field(gt=0, le=600)] = 10.0
    body_timeout_s: Annotated[float, Field(gt=0, le=600)] = 60.0
    keep_alive_s: Annotated[int, Field(ge=1, le=3600)] = 75
    shutdown_s: Annotated[int, Field(ge=1, le=600)] = 30

    regions: tuple[str, ...] = ("cn-north-4", "cn-east-3")
    default_region: str = "cn-north-4"
    vendor_regions: bool = False

    device: Literal["cpu", "cuda"] = "cpu"
    allowed_licences: tuple[str, ...] | None = None
    detector_slicing: Literal["off", "standard", "fine"] = "standard"

    starter_gallery: bool = True
    starter_gallery_without: tuple[str, ...] = ()
    encrypt_galleries: bool = True
    gallery_memory_mib: Annotated[int, Field(ge=16, le=1_048_576)] = 2048
    gallery_photo_limit: Annotated[int, Field(ge=1, le=100_000_000)] = 2_000_000

    decode_budget_mib: Annotated[int, Field(ge=64, le=65536)] = 400
    fetch_ports: tuple[int, ...] = (80, 443)
    fetch_allowed_networks: tuple[str, ...] = ()
    fetch_timeout_s: Annotated[float, Field(gt=0, le=120)] = 20.0

    log_format: Literal["console", "json"] = "console"
    log_level: Literal["debug", "info", "warning", "error"] = "info"

    def resolved_models_dir(self) -> Path:
        """Tell where models are kept.

        Returns
        -------
        Path
            ``models_dir``, else ``<data_dir>/models``.
        """
        return self.models_dir or self.data_dir / "models"

    def resolved_database_url(self) -> str:
        """Tell which database holds the state.

        Returns
        -------
        str
            ``database_url``, else SQLite at ``<data_dir>/huiyan.db``.
        """
        if self.database_url is not None:
            return self.database_url.get_secret_value()
        return f"sqlite:///{self.data_dir / 'huiyan.db'}"

    def resolved_compute_threads(self) -> int:
        """Tell how many pictures are worked on at once.

        Returns
        -------
        int
            ``compute_threads``, else twice the cores this process may use, shared among processes;
            at least 1.

        Notes
        -----
        While one picture waits for Python's lock another can use its core; measured in
        ``docs/decisions/0002-request-path.md``.
        """
        if self.compute_threads:
            return self.compute_threads
        return max(1, 2 * len(os.sched_getaffinity(0)) // self.processes)

    def resolved_fetch_threads(self) -> int:
        """Tell how many pictures are waited for at once.

        Returns
        -------
        int
            ``fetch_threads``, else half of ``queue_limit``, so that slow URLs never fill the queue;
            at least 1.
        """
        return self.fetch_threads or max(1, self.queue_limit // 2)


def load_settings(config_path: Path | None = None, data_dir: Path | None = None) -> Settings:
    """Read the settings.

    Parameters
    ----------
    config_path : Path, optional
        A TOML file; else the one named by ``HUIYAN_CONFIG``; else none.
    data_dir : Path, optional
        Takes the place of the setting of that name.

    Returns
    -------
    Settings
        The frozen settings.

    Raises
    ------
    SettingsError
        A key is unknown, a value impossible, or the file unreadable.
    """
    named = os.environ.get(CONFIG_FILE_VARIABLE)
    path = config_path or (Path(named) if named else None)
    _refuse_unknown_variables()
    values = _read_file(path) if path is not None else {}
    from_environment = {
        name for name in Settings.model_fields if f"{ENV_PREFIX}{name.upper()}" in os.environ
    }
    values = {name: value for name, value in values.items() if name not in from_environment}
    if data_dir is not None:
        values["data_dir"] = data_dir
    return _check(values)


def override_settings(settings: Settings, overrides: Mapping[str, object]) -> Settings:
    """Replace settings by what the command line gave.

    Parameters
    ----------
    settings : Settings
        As read.
    overrides : mapping of str to object
        Values by name; ``None`` means not given.

    Returns
    -------
    Settings
        The frozen settings.

    Raises
    ------
    SettingsError
        A value is impossible.
    """
    values: dict[str, Any] = {name: getattr(settings, name) for name in Settings.model_fields}
    values.update({name: value for name, value in overrides.items() if value is not None})
    return _check(values)


def _check(values: dict[str, Any]) -> Settings:
    try:
        settings = Settings(**values)
    except ValidationError as error:
        first = error.errors()[0]
        name = ".".join(str(part) for part in first["loc"])
        raise SettingsError(f"setting {name}: {first['msg']}") from error
    except UnreadableValueError as error:
        raise SettingsError(f"{error}; lists are written as JSON") from error
    if settings.default_region not in settings.regions:
        raise SettingsError("setting default_region: must be one of the regions")
    if settings.fetch_threads >= max(2, settings.queue_limit):
        raise SettingsError("setting fetch_threads: must be less than queue_limit")
    if (settings.tls_cert is None) != (settings.tls_key is None):
        raise SettingsError("settings tls_cert and tls_key: give both or neither")
    return settings


def _refuse_unknown_variables() -> None:
    known = {f"{ENV_PREFIX}{name.upper()}" for name in Settings.model_fields}
    known.add(CONFIG_FILE_VARIABLE)
    for variable in os.environ:
        if variable.startswith(TEST_PREFIX) or not variable.startswith(ENV_PREFIX):
            continue
        if variable not in known:
            raise SettingsError(f"environment variable {variable}: no such setting")


def _read_file(path: Path) -> dict[str, Any]:
    try:
        with path.open("rb") as file:
            values = tomllib.load(file)
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise SettingsError(f"settings file {path}: {error}") from error
    unknown = sorted(set(values) - set(Settings.model_fields))
    if unknown:
        raise SettingsError(f"settings file {path}: no such setting: {', '.join(unknown)}")
    return values
