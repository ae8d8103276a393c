"""The forms of personal-data.json and META/manifest.json as they were published first, and what later ones share."""

from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Discriminator, Field


def _moment(value: str) -> str:
    datetime.fromisoformat(value)
    return value


_MOMENT = r"^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(\.\d{6})?Z$"
Moment = Annotated[str, Field(pattern=_MOMENT, json_schema_extra={"format": "date-time"}), AfterValidator(_moment)]
Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
Name = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$")]
Text = Annotated[str, Field(min_length=1)]
Count = Annotated[int, Field(ge=0)]
Version10 = Literal["1.0"]
MemberName10 = Literal["README.txt", "personal-data.json", "report.html"]


class Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class Titled(Strict):
    """A data center or a data source."""

    id: Text = Field(description="Its short name, the same in every archive.")
    title: Text = Field(description="Its name for people.")


class Export(Strict):
    """Whose data this is: one device and browser of one visitor, read from one data source at one moment."""

    id: Text = Field(description="The export's id, under which the history remembers it.")
    data_center: Titled = Field(description="Who holds the data.")
    data_source: Titled = Field(description="Where it was read.")
    device: str | None = Field(description="The chosen device as the data source has it; null where it has none.")
    browser: str | None = Field(description="The chosen browser as the data source has it; null where it has none.")
    as_of: Moment = Field(description="The moment of the snapshot that every row was read from, in UTC.")


class Notice(Strict):
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


class PersonalData10(Strict):
    """personal-data.json: every row of every section of one visitor on one device and browser."""

    schema_version: Version10 = Field(description="The version of this form.")
    export: Export
    notice: Notice
    sections: dict[Name, list[dict[str, Any]]] = Field(
        description="The rows by section, in the mapping's order; a row has the columns that its section reads.",
        json_schema_extra={"additionalProperties": False},
    )


class Run10(Export):
    """The export, when its archive was written, and until when its link works."""

    compiled_at: Moment = Field(description="When the manifest was written, in UTC.")
    expires_at: Moment = Field(description="When the link ends: compiled_at and 14 times 24 hours.")
    mapping_sha256: Sha256 = Field(description="SHA-256 of the mapping file that says what is read, and how.")
    row_security: bool = Field(
        default=False, description="Whether a policy of the database chose rows, as the mapping says that it should."
    )


class SectionFacts(Strict):
    name: Name = Field(description="Its name, the key in personal-data.json.")
    title: Text = Field(description="Its name for people.")
    category: Literal["demographic", "behavioural", "interaction", "derived"] = Field(description="What it tells of.")
    origin: Literal["given", "observed", "inferred"] = Field(description="How the data came about.")
    purpose: Text = Field(description="What the data is used for.")
    retention: Text = Field(description="How long it is kept.")
    recipients: Text | tuple[Text, ...] | None = Field(description="Who else receives it; null where it is not said.")
    scope: Literal["combination", "visitor"] = Field(description="Bound to device and browser, or to the visitor.")
    because: Text | None = Field(description="Why it is not bound to device and browser; null where it is.")


class Included10(SectionFacts):
    """A section that personal-data.json holds; bytes and hash are of its array there, from `[` to `]`."""

    status: Literal["included"] = Field(description="It is in personal-data.json.")
    reason: None = Field(description="Nothing needs a reason.")
    rows: Count = Field(description="How many rows it has.")
    bytes: int = Field(description="The size of its array.", ge=2)
    sha256: Sha256 = Field(description="SHA-256 of its array.")
    first_at: Moment | None = Field(description="Its earliest dated row; null where none is dated.")
    last_at: Moment | None = Field(description="Its latest dated row; null where none is dated.")


class LeftOut10(SectionFacts):
    """A section that stands in the manifest only."""

    status: Literal["absent", "withheld"] = Field(description="absent: no such table there; withheld: kept back.")
    reason: Text = Field(description="Why it is not there.")
    rows: None = Field(description="Not counted.")
    bytes: None = Field(description="Not counted.")
    sha256: None = Field(description="Not hashed.")
    first_at: None = Field(description="Not read.")
    last_at: None = Field(description="Not read.")


class Omitted(Strict):
    """A table that holds visitor keys and is knowingly left out."""

    table: Text = Field(description="Its name in the database.")
    reason: Text = Field(description="Why it is left out.")


class Member10(Strict):
    """A file in the ZIP."""

    name: MemberName10 = Field(description="Its name.")
    size: Count = Field(description="Its size in bytes, unpacked.")
    sha256: Sha256 = Field(description="SHA-256 of its bytes, unpacked.")


class Totals10(Strict):
    """How much an unpacker will write."""

    members: Literal[4] = Field(description="How many files the ZIP holds, the manifest counted.")
    bytes: Count = Field(description="The unpacked size of all of them but the manifest.")


class Manifest10(Strict):
    """META/manifest.json: what the archive holds, counted and hashed, and what it does not hold, and why."""

    schema_version: Version10 = Field(description="The version of this form.")
    export: Run10
    sections: list[Annotated[Included10 | LeftOut10, Discriminator("status")]] = Field(
        description="Every section of the mapping, in its order."
    )
    omitted: list[Omitted] = Field(description="Tables that the mapping knows and leaves out.")
    other_combinations: Count = Field(description="How many other devices and browsers the visitor has there.")
    members: list[Member10] = Field(description="Every file before this one, in order.", min_length=3, max_length=3)
    totals: Totals10
