"""The published forms of personal-data.json and META/manifest.json; docs/*.schema.json are made of these models."""

from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Discriminator, Field
from pydantic.json_schema import GenerateJsonSchema, JsonSchemaValue
from pydantic_core import core_schema


def _moment(value: str) -> str:
    datetime.fromisoformat(value)
    return value


_MOMENT = r"^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(\.\d{6})?Z$"
Moment = Annotated[str, Field(pattern=_MOMENT, json_schema_extra={"format": "date-time"}), AfterValidator(_moment)]
Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
Name = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$")]
Text = Annotated[str, Field(min_length=1)]
Count = Annotated[int, Field(ge=0)]
Version = Literal["1.0"]
MemberName = Literal["README.txt", "personal-data.json", "report.html"]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class Titled(_Strict):
    """A data center or a data source."""

    id: Text = Field(description="Its short name, the same in every archive.")
    title: Text = Field(description="Its name for people.")


class Export(_Strict):
    """Whose data this is: one device and browser of one visitor, read from one data source at one moment."""

    id: Text = Field(description="The export's id, under which the history remembers it.")
    data_center: Titled = Field(description="Who holds the data.")
    data_source: Titled = Field(description="Where it was read.")
    device: str | None = Field(description="The chosen device as the data source has it; null where it has none.")
    browser: str | None = Field(description="The chosen browser as the data source has it; null where it has none.")
    as_of: Moment = Field(description="The moment of the snapshot that every row was read from, in UTC.")


class Notice(_Strict):
    """What the data center says beside the data (GDPR, Art. 15(1) and (2)); what it does not say is not there."""

    controller: Text = Field(description="Who is responsible for the data.")
    contact: Text = Field(description="How to reach them.")
    rights: Text = Field(description="What the person may ask for.")
    authority: Text = Field(description="Where to complain.")
    dpo: Text = Field(default="", description="The data protection officer.")
    purposes: Text = Field(default="", description="What the data is used for.")
    recipients: Text | list[Text] = Field(default="", description="Who else receives it.")
    retention: Text = Field(default="", description="How long it is kept.")
    transfers: Text = Field(default="", description="Whether it leaves the country, and how it is guarded then.")
    automated_decisions: Text = Field(default="", description="Whether a machine decides about the person, and how.")


class PersonalData(_Strict):
    """personal-data.json: every row of every section of one visitor on one device and browser."""

    schema_version: Version = Field(description="The version of this form.")
    export: Export
    notice: Notice
    sections: dict[Name, list[dict[str, Any]]] = Field(
        description="The rows by section, in the mapping's order; a row has the columns that its section reads.",
        json_schema_extra={"additionalProperties": False},
    )


class Run(Export):
    """The export, when its archive was written, and until when its link works."""

    compiled_at: Moment = Field(description="When the manifest was written, in UTC.")
    expires_at: Moment = Field(description="When the link ends: compiled_at and 14 times 24 hours.")
    mapping_sha256: Sha256 = Field(description="SHA-256 of the mapping file that says what is read, and how.")
    row_security: bool = Field(
        default=False, description="Whether a policy of the database chose rows, as the mapping says that it should."
    )


class _Section(_Strict):
    name: Name = Field(description="Its name, the key in personal-data.json.")
    title: Text = Field(description="Its name for people.")
    category: Literal["demographic", "behavioural", "interaction", "derived"] = Field(description="What it tells of.")
    origin: Literal["given", "observed", "inferred"] = Field(description="How the data came about.")
    purpose: Text = Field(description="What the data is used for.")
    retention: Text = Field(description="How long it is kept.")
    recipients: Text | tuple[Text, ...] | None = Field(description="Who else receives it; null where it is not said.")
    scope: Literal["combination", "visitor"] = Field(description="Bound to device and browser, or to the visitor.")
    because: Text | None = Field(description="Why it is not bound to device and browser; null where it is.")


class Included(_Section):
    """A section that personal-data.json holds; bytes and hash are of its array there, from `[` to `]`."""

    status: Literal["included"] = Field(description="It is in personal-data.json.")
    reason: None = Field(description="Nothing needs a reason.")
    rows: Count = Field(description="How many rows it has.")
    bytes: int = Field(description="The size of its array.", ge=2)
    sha256: Sha256 = Field(description="SHA-256 of its array.")
    first_at: Moment | None = Field(description="Its earliest dated row; null where none is dated.")
    last_at: Moment | None = Field(description="Its latest dated row; null where none is dated.")


class LeftOut(_Section):
    """A section that stands in the manifest only."""

    status: Literal["absent", "withheld"] = Field(description="absent: no such table there; withheld: kept back.")
    reason: Text = Field(description="Why it is not there.")
    rows: None = Field(description="Not counted.")
    bytes: None = Field(description="Not counted.")
    sha256: None = Field(description="Not hashed.")
    first_at: None = Field(description="Not read.")
    last_at: None = Field(description="Not read.")


class Omitted(_Strict):
    """A table that holds visitor keys and is knowingly left out."""

    table: Text = Field(description="Its name in the database.")
    reason: Text = Field(description="Why it is left out.")


class Member(_Strict):
    """A file in the ZIP."""

    name: MemberName = Field(description="Its name.")
    size: Count = Field(description="Its size in bytes, unpacked.")
    sha256: Sha256 = Field(description="SHA-256 of its bytes, unpacked.")


class Totals(_Strict):
    """How much an unpacker will write."""

    members: Literal[4] = Field(description="How many files the ZIP holds, the manifest counted.")
    bytes: Count = Field(description="The unpacked size of all of them but the manifest.")


class Manifest(_Strict):
    """META/manifest.json: what the archive holds, counted and hashed, and what it does not hold, and why."""

    schema_version: Version = Field(description="The version of this form.")
    export: Run
    sections: list[Annotated[Included | LeftOut, Discriminator("status")]] = Field(
        description="Every section of the mapping, in its order."
    )
    omitted: list[Omitted] = Field(description="Tables that the mapping knows and leaves out.")
    other_combinations: Count = Field(description="How many other devices and browsers the visitor has there.")
    members: list[Member] = Field(description="Every file before this one, in order.", min_length=3, max_length=3)
    totals: Totals


class _Plain(GenerateJsonSchema):
    """Keeps to what the form says: without the models' own defaults and titles."""

    def default_schema(self, schema: core_schema.WithDefaultSchema) -> JsonSchemaValue:
        return self.generate_inner(schema["schema"])

    def field_title_should_be_set(self, schema: object) -> bool:  # noqa: ARG002  pydantic asks for each
        return False


def published() -> dict[str, dict[str, Any]]:
    """The JSON Schemas (2020-12) by file name."""
    forms: dict[str, type[BaseModel]] = {"personal-data": PersonalData, "manifest": Manifest}
    return {
        f"{name}.schema.json": {"$schema": _Plain.schema_dialect} | form.model_json_schema(schema_generator=_Plain)
        for name, form in forms.items()
    }
