"""Every setting of the service, with its unit, its default and what it does; read once, in `__main__`.

One file serves all processes: `kinestream.toml` in the working folder, or `--config`. An environment variable overrides
it, with `__` between the levels: `KINESTREAM_API__PORT=8500`. A key that is not known is refused by name, because a
setting that silently does nothing is the worst kind of typo.
"""

import difflib
import os
import tomllib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, Self

import platformdirs
from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError, field_validator, model_validator
from pydantic_settings import BaseSettings, InitSettingsSource, PydanticBaseSettingsSource, SettingsConfigDict

from fusion.emg.zones import HOLD_S, LONGEST_HOLD_S, LOW, MAX_ZONES, SHORTEST_HOLD_S, Zone
from fusion.settings import PipelineSettings

FILE_NAME = "kinestream.toml"
PREFIX = "KINESTREAM_"
OTHER_VARIABLES = ("KINESTREAM_HOME", "KINESTREAM_REQUIRE", "KINESTREAM_TEST_")
"""Beginnings of variables that are not settings: the data folder, and what the tests read."""


SECRETS = ("token", "password")
"""Keys whose values are never shown."""


class SettingsProblem(ValueError):
    """The settings cannot be used; the message names the file, the key and the remedy."""


class Section(BaseModel):
    """What all sections share: unknown keys are refused, values never change."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class GatewaySettings(Section):
    """The process that owns the radio."""

    id: str = Field("local", pattern=r"^[A-Za-z0-9_-]{1,40}$")
    """Name of this gateway on the bus and in the database: one per room or athlete."""
    record: bool = False
    """Begin to record at start, without being asked."""
    title: str = ""
    """Title of a session that `record` begins."""
    batch_s: float = Field(0.02, gt=0.001, le=1.0)
    """Estimates of this long go out in one message [s]: longer costs latency, shorter costs processor time."""
    stale_s: float = Field(1.0, gt=0)
    """A sensor that streams is shown as stale after this silence [s]."""


class RadioSettings(Section):
    """How to reach the sensors."""

    backend: Literal["platform", "virtual"] = "platform"
    """`platform`: the computer's own Bluetooth, through bleak. `virtual`: a Bluetooth controller by HCI (bumble)."""
    transport: str = "tcp-client:127.0.0.1:9123"
    """Where that controller is, as bumble spells it: the virtual air of `python -m simulators`, or `usb:0`."""
    scan_s: float = Field(4.0, gt=0)
    """How long one look around lasts while sensors are missing [s]."""
    connect_timeout_s: float = Field(10.0, gt=0)
    """Give up a connection attempt after [s]."""
    retry_max_s: float = Field(15.0, gt=0)
    """The wait between attempts doubles up to this [s], with jitter."""
    silence_s: float = Field(10.0, gt=0)
    """A connected sensor that has sent nothing for so long [s] is disconnected and started anew."""


class BusSettings(Section):
    """The MQTT broker between gateway and api."""

    host: str = "127.0.0.1"
    """Where the broker is."""
    port: int = Field(1883, ge=1, le=65535)
    """Its port, also of the embedded one."""
    embedded: bool = True
    """Run a broker inside the gateway, on loopback only. Turn it off to use Mosquitto or another one."""
    username: str | None = None
    """For an external broker that asks for one."""
    password: str | None = None
    """Belongs to `username`; better given as KINESTREAM_BUS__PASSWORD than in a file."""
    tls: bool = False
    """Speak TLS to an external broker, checked against the system's certificates."""


class StoreSettings(Section):
    """Where derived series go. Raw packets and the catalogue are always kept in the data folder."""

    kind: Literal["sqlite", "influxdb"] = "sqlite"
    """`sqlite`: beside the recording, no server needed. `influxdb`: also to an InfluxDB server."""
    url: str = "http://127.0.0.1:8086"
    """InfluxDB's address."""
    token: str = ""
    """InfluxDB's access token; better given as KINESTREAM_STORE__TOKEN than in a file."""
    org: str = "kinestream"
    """InfluxDB's organisation."""
    bucket: str = "kinestream"
    """InfluxDB's bucket, or database."""
    flush_s: float = Field(0.5, gt=0, le=1.0)
    """Recorded packets reach the disk after at most this long [s]: what a power cut can cost."""


class ApiSettings(Section):
    """HTTP, WebSocket and the dashboard."""

    host: str = "127.0.0.1"
    """Address to listen on. Anything beyond loopback needs `token`."""
    port: int = Field(8480, ge=1, le=65535)
    """Port of the dashboard and the API."""
    token: str | None = Field(None, min_length=16)
    """Secret that every request must carry (`Authorization: Bearer ...`), at least 16 characters."""


class PostureSettings(Section):
    """What the wearer feels when the posture detector speaks. Its angles and delays are in [pipeline]."""

    buzz: bool = True
    """Let wearables with a motor vibrate on a slouch."""
    duration_s: float = Field(0.5, gt=0, le=5.0)
    """How long a buzz is felt [s]; wearables with fixed patterns take the nearest."""
    strength: float = Field(0.7, gt=0, le=1.0)
    """How strong, from 0 to 1 of what the motor can do."""
    rest_s: float = Field(30.0, ge=0)
    """No second buzz within this time [s]."""


Channel = Annotated[int, Field(ge=0, le=63)]
Muscle = Annotated[str, Field(pattern=r"^[a-z0-9_]{1,64}$")]


class SensorSettings(Section):
    """One sensor that the user names. Without any entry, every recognised device is connected."""

    name: str = Field(pattern=r"^[a-z0-9_-]{1,40}$")
    """Name in the dashboard, on the bus and in recordings."""
    address: str | None = None
    """Bluetooth address (on macOS the identifier that `kinestream scan` prints); None: the first of `model`."""
    model: str | None = None
    """Model, where it cannot be recognised or no address is given: see `kinestream scan --models`."""
    segment: str | None = None
    """Body segment it is worn on."""
    channels: dict[Channel, Muscle] = Field(default_factory=dict)
    """EMG channel (from 0) to muscle and side, such as `{ 0 = "vastus_lateralis_left" }`."""
    truth: bool = False
    """A reference, such as an electrogoniometer: kept as truth_<channel name>, never used by the pipeline."""
    rate_hz: float | None = Field(None, gt=0)
    """Sampling rate of its inertial stream [Hz]; None: the device's usual."""
    mode: str | None = None
    """Payload mode, by the driver's name for it."""
    calibration: str | None = None
    """File with its calibration, as `kinestream calibrate` writes it; relative to the file that names it."""


class ZoneSettings(Section):
    """A target for one muscle: its activation is to be between two limits for a while."""

    muscle: Muscle
    """Muscle and side, as a sensor's `channels` name it."""
    low: float = Field(LOW, gt=0)
    """Lower limit as a fraction of the MVC, or of what stands in for it. [V]"""
    high: float | None = Field(None, gt=0)
    """Upper limit; None: there is none."""
    hold_s: float = Field(HOLD_S, ge=SHORTEST_HOLD_S, le=LONGEST_HOLD_S)
    """The target is reached after so long within [s]. [P]"""
    buzz: bool = False
    """Let the posture wearable vibrate when it is reached; not oftener than posture.rest_s allows."""

    @model_validator(mode="after")
    def _is_zone(self) -> Self:
        Zone.from_json(self.model_dump())
        return self


class Settings(BaseSettings):
    """All settings, whole and frozen."""

    model_config = SettingsConfigDict(
        extra="forbid", frozen=True, env_prefix=PREFIX, env_nested_delimiter="__", case_sensitive=False
    )

    data_dir: Path = Field(default_factory=lambda: default_data_dir())
    """Sessions and catalogue; default: KINESTREAM_HOME, else the platform's folder for user data."""
    gateway: GatewaySettings = GatewaySettings()
    radio: RadioSettings = RadioSettings()
    bus: BusSettings = BusSettings()
    store: StoreSettings = StoreSettings()
    api: ApiSettings = ApiSettings()
    pipeline: PipelineSettings = PipelineSettings()
    posture: PostureSettings = PostureSettings()
    sensor: tuple[SensorSettings, ...] = ()
    zone: tuple[ZoneSettings, ...] = Field((), max_length=MAX_ZONES)

    @field_validator("sensor")
    @classmethod
    def _no_two_alike(cls, sensors: tuple[SensorSettings, ...]) -> tuple[SensorSettings, ...]:
        for key in ("name", "address", "segment"):
            given = [value for sensor in sensors if (value := getattr(sensor, key)) is not None]
            twice = next((value for value in given if given.count(value) > 1), None)
            if twice:
                raise ValueError(f"two sensors have the {key} {twice}: give each its own")
        return sensors

    @field_validator("zone")
    @classmethod
    def _one_per_muscle(cls, zones: tuple[ZoneSettings, ...]) -> tuple[ZoneSettings, ...]:
        muscles = [zone.muscle for zone in zones]
        twice = next((muscle for muscle in muscles if muscles.count(muscle) > 1), None)
        if twice:
            raise ValueError(f"two zones are for {twice}: leave one out")
        return zones


def default_data_dir() -> Path:
    """Return where sessions live unless the user says otherwise."""
    home = os.environ.get("KINESTREAM_HOME")
    return Path(home) if home else Path(platformdirs.user_data_dir("kinestream", appauthor=False))


def load(config: Path | None = None, overrides: Mapping[str, Any] | None = None) -> Settings:
    """Read the settings: what the command line says wins over the environment, that over the file.

    Args:
        config: The file; None: `kinestream.toml` in the working folder if there is one.
        overrides: Sections (or `data_dir`) that the command line set.

    Raises:
        SettingsProblem: The file is missing or not TOML, or a key or value cannot be used.
    """
    path = config if config is not None else Path(FILE_NAME)
    given = _anchored(_read(path), path.parent) if config is not None or path.is_file() else {}
    said = dict(overrides or {})
    _check_environment(os.environ)

    class Layered(Settings):
        @classmethod
        def settings_customise_sources(
            cls,
            settings_cls: type[BaseSettings],
            init_settings: PydanticBaseSettingsSource,
            env_settings: PydanticBaseSettingsSource,
            dotenv_settings: PydanticBaseSettingsSource,
            file_secret_settings: PydanticBaseSettingsSource,
        ) -> tuple[PydanticBaseSettingsSource, ...]:
            return InitSettingsSource(settings_cls, said), env_settings, InitSettingsSource(settings_cls, given)

    try:
        return Layered()
    except ValidationError as error:
        where = str(path) if given else "the settings"
        raise SettingsProblem(_sentence(error, where)) from None


def _read(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise SettingsProblem(f"There is no settings file {path}: check the name given with --config.") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise SettingsProblem(f"{path} is not a TOML file: {error}.") from None


def _anchored(given: dict[str, Any], folder: Path) -> dict[str, Any]:
    """Return what a file gives with its paths made relative to the working folder instead of the file's own."""
    sensors = given.get("sensor")
    for sensor in sensors if isinstance(sensors, list) else []:
        if isinstance(sensor, dict) and isinstance(sensor.get("calibration"), str):
            sensor["calibration"] = str(folder / sensor["calibration"])
    return given


def _check_environment(environment: Mapping[str, str]) -> None:
    sections = set(Settings.model_fields)
    for name in environment:
        if name.startswith(PREFIX) and not name.startswith(OTHER_VARIABLES):
            section = name.removeprefix(PREFIX).split("__")[0].lower()
            if section not in sections:
                raise SettingsProblem(f"The environment variable {name} is no setting.{_guess(section, sections)}")


def _sentence(error: ValidationError, where: str) -> str:
    """Put the first complaint into one sentence that names the key and the remedy."""
    first = error.errors(include_url=False)[0]
    location = ".".join(str(part) for part in first["loc"])
    if first["type"] in ("extra_forbidden", "unexpected_keyword_argument"):
        return f"{where}: there is no setting {location}.{_guess(str(first['loc'][-1]), _keys(first['loc'][:-1]))}"
    secret = location.rsplit(".", 1)[-1] in SECRETS
    plain = isinstance(first["input"], str | int | float | bool)
    value = f" (it is {first['input']!r})" if plain and not secret else ""
    return f"{where}: {location}{value}: {first['msg'][0].lower()}{first['msg'][1:]}."


def _keys(section: tuple[int | str, ...]) -> Iterable[str]:
    """Return the known keys of a section, by the schema that pydantic makes of the settings."""
    schema = TypeAdapter(Settings).json_schema()
    if not section:
        return set(schema["properties"])
    model = f"{str(section[0]).capitalize()}Settings"
    return set(schema["$defs"].get(model, {}).get("properties", {}))


def _guess(name: str, known: Iterable[str]) -> str:
    close = difflib.get_close_matches(name, list(known), 1, 0.6)
    return f" Did you mean {close[0]}?" if close else ""
