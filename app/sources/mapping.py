"""The mapping file: what a TOML file of a data source and of a data center may say, checked before use."""

import re
from collections.abc import Iterator
from datetime import timedelta
from typing import Annotated, Any, Literal, Self
from zoneinfo import ZoneInfo

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationError,
    ValidationInfo,
    model_validator,
)

from app.kit.language import Language
from app.sources.receiver import ReceiverMapping
from app.sources.sql import Statement
from app.sources.texts import Labels, Recipients, Said, by_key

PARAMETERS = ("visitor", "device", "browser", "user_agents", "tracking_id", "email")
_UNITS = {"s": 1.0, "min": 60.0, "h": 3600.0}


def _seconds(value: object) -> object:
    """`5`, `"5 s"`, `"10 min"` or `"1 h"`, in seconds."""
    spelled = re.fullmatch(r"(\d+(?:\.\d+)?) ?(s|min|h)", value) if isinstance(value, str) else None
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
Seconds = Annotated[float, BeforeValidator(_seconds), Field(gt=0)]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, populate_by_name=False)


class Find(_Strict):
    tracking_id: Queries = ()
    email: Queries = ()
    combinations: Queries

    @model_validator(mode="after")
    def _complete(self, info: ValidationInfo) -> Self:
        if not (self.tracking_id or self.email):
            raise ValueError("needs at least one of tracking_id and email")
        for name in ("tracking_id", "email"):
            for text in getattr(self, name):
                _require(info, name, text, {name}, {name})
        for text in self.combinations:
            _require(info, "combinations", text, {"visitor"}, {"visitor"})
        return self


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

    @model_validator(mode="after")
    def _bound(self, info: ValidationInfo) -> Self:
        if (self.scope == "visitor") != (self.because is not None):
            raise ValueError('`scope = "visitor"` and `because` belong together: give both, or neither')
        for key in ("estimate", "withheld"):
            if counting := getattr(self, key):
                _require(info, key, counting, {"visitor"}, set(PARAMETERS[:4]))
        if (self.withheld is None) != (self.withheld_because is None):
            raise ValueError("`withheld` and `withheld_because` belong together: give both, or neither")
        if self.each:
            _require(info, "each", self.each, set(), set())
        if bool(self.each) != all("{each}" in text for text in self.sql):
            raise ValueError("`each` and `{each}` in its sql belong together: give both, or neither")
        for text in self.sql:
            named = _require(info, "sql", text, {"visitor"}, set(PARAMETERS[:4]))
            if self.scope == "combination" and not ({"device", "browser"} <= named or "user_agents" in named):
                raise ValueError(
                    "its sql must use :device and :browser (or :user_agents), so that only the chosen combination "
                    'leaves; use them, or say `scope = "visitor"` and `because`'
                )
        return self


class SourceMapping(_Strict):
    """One data source: one TOML file onto one database."""

    title: Said
    dsn: Annotated[str, Field(pattern=r"^[A-Za-z_][A-Za-z0-9_]*$")]
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

    @model_validator(mode="after")
    def _distinct(self) -> Self:
        if twice := _twice([section.name for section in self.section]):
            raise ValueError(f"section {twice!r} stands there twice; each needs a name of its own")
        return self


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

    @model_validator(mode="after")
    def _distinct(self) -> Self:
        if twice := _twice([one.name for one in self.webhooks]):
            raise ValueError(f"webhooks: {twice!r} stands there twice; each needs a name of its own")
        return self


def mistakes(error: ValidationError, data: dict[str, Any]) -> Iterator[str]:
    """A pydantic ValidationError of a file as sentences: which section and key, what is wrong."""
    for one in error.errors(include_url=False):
        where = list(one["loc"])
        prefix = ""
        if len(where) >= 2 and where[0] == "section" and isinstance(where[1], int):  # noqa: PLR2004
            name = data["section"][where[1]].get("name", f"number {where[1] + 1}")
            prefix, where = f"section {name!r}: ", where[2:]
        key = ".".join(str(part) for part in where)
        prefix += f"{key}: " if key else ""
        yield prefix + _MESSAGES.get(one["type"], one["msg"].removeprefix("Value error, "))


_MESSAGES = {
    "extra_forbidden": "unknown key; remove it, or correct its spelling",
    "missing": "is required and missing; add it",
}


def _twice(names: list[str]) -> str | None:
    return next((name for name in sorted(names) if names.count(name) > 1), None)


def _require(info: ValidationInfo, key: str, text: str, needed: set[str], allowed: set[str]) -> set[str]:
    """The names that the text uses. The validation's context is the engine whose SQL it is."""
    named = set(Statement.parse(text, str(info.context)).names)
    for name in sorted(named - allowed):
        known = ", ".join(f":{one}" for one in sorted(allowed))
        raise ValueError(f"{key} uses the parameter :{name}, which has no value here; known are {known}")
    for name in sorted(needed - named):
        raise ValueError(f"{key} must use the parameter :{name}, outside quotes and comments")
    return named
