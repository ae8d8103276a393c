"""The mapping file: what a TOML file of a data source and of a data center may say, checked before use."""

import re
from datetime import timedelta
from typing import Annotated, Literal
from zoneinfo import ZoneInfo

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
)

from app.kit.language import Language
from app.sources.erasing import Scope, StepAction
from app.sources.receiver import ReceiverMapping
from app.sources.texts import Labels, Recipients, Said, by_key

_UNITS = {"s": 1.0, "min": 60.0, "h": 3600.0, "d": 86400.0}


def _seconds(value: object) -> object:
    """`5`, `"5 s"`, `"10 min"`, `"1 h"` or `"35 d"`, in seconds."""
    spelled = re.fullmatch(r"(\d+(?:\.\d+)?) ?(s|min|h|d)", value) if isinstance(value, str) else None
    return float(spelled[1]) * _UNITS[spelled[2]] if spelled else value


def _zone(value: str) -> str:
    try:
        ZoneInfo(value)
    except (OSError, ValueError, KeyError) as error:
        raise ValueError("is no time zone; write one such as Europe/Berlin") from error
    return value


def _one_group(value: str) -> str:
    try:
        groups = re.compile(value).groups
    except re.error as error:
        raise ValueError("is no regular expression") from error
    if groups != 1:
        raise ValueError("must have exactly one group, the id itself")
    return value


def _listed(value: object) -> object:
    return tuple(value) if isinstance(value, list) else (value,)


Text = Annotated[str, Field(min_length=1)]
# Of several, the first counts whose tables and columns exist: databases of one product differ from version to version.
Queries = Annotated[tuple[Text, ...], BeforeValidator(_listed), Field(min_length=1)]
Variable = Annotated[str, Field(pattern=r"^[A-Za-z_][A-Za-z0-9_]*$")]
Seconds = Annotated[float, BeforeValidator(_seconds), Field(gt=0)]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, populate_by_name=False)


class Find(_Strict):
    tracking_id: Queries = ()
    email: Queries = ()
    combinations: Queries


class SectionMapping(_Strict):
    name: Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$")]
    title: Said
    category: Literal["demographic", "behavioural", "interaction", "derived"]
    origin: Literal["given", "observed", "inferred"]
    purpose: Said
    retention: Said
    sql: Queries
    time: Text | None = None
    estimate: Text | None = None
    each: Text | None = None
    withheld: Text | None = None
    withheld_because: Said | None = None
    json_columns: list[str] = Field(default=[], alias="json")
    recipients: Recipients | None = None
    labels: Labels = {}
    scope: Literal["combination", "visitor"] = "combination"
    because: Said | None = None
    optional: bool = False


class EraseMapping(_Strict):
    """One step of an erasure. With `batch`, its sql has `:batch` and is repeated until it touches no row."""

    table: Text
    title: Said
    action: StepAction
    count: Text
    sql: Text | None = None
    because: Said | None = None
    batch: Annotated[int, Field(ge=1, le=1_000_000)] | None = None


class SourceMapping(_Strict):
    """One data source: one TOML file onto one database."""

    title: Said
    dsn: Variable
    find: Find
    section: Annotated[list[SectionMapping], Field(min_length=1)]
    omitted: dict[str, Said] = {}
    tracking_id_hint: Said | None = None
    tracking_id_pattern: Annotated[str, AfterValidator(_one_group)] | None = None
    rotating_id: bool = False
    time_zone: Annotated[str, AfterValidator(_zone)] | None = None
    search_timeout: Seconds = 5.0
    export_timeout: Seconds = timedelta(hours=1).total_seconds()
    connections: Annotated[int, Field(ge=1, le=100)] = 2
    visitor_columns: list[Text] = []
    row_security: bool = False
    erase_dsn: Variable | None = None
    erase: list[EraseMapping] = []
    # Backups are gone so long after an erasure.
    backups_until: Seconds | None = None


class Notice(_Strict):
    """What GDPR Art. 15(1) and (2) ask to be said beside the data; stands in every archive."""

    controller: Said
    contact: Said
    rights: Said
    authority: Said
    dpo: Said | None = None
    purposes: Said | None = None
    recipients: Recipients | None = None
    retention: Said | None = None
    transfers: Said | None = None
    automated_decisions: Said | None = None


class CenterMapping(_Strict):
    title: Said
    language: Language = "en"
    notice: Annotated[Notice, BeforeValidator(by_key)]
    webhooks: list[ReceiverMapping] = []
    # Whether visitors may be erased, and whether a second administrator must approve it; how much goes.
    erasure: Literal["off", "one", "two"] = "off"
    erasure_scope: Scope = "visitor"
