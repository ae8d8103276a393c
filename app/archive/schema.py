"""The published forms of personal-data.json and META/manifest.json; docs/*.schema.json are made of these models."""

from typing import Annotated, Any, Literal

from pydantic import Discriminator, Field, TypeAdapter
from pydantic.json_schema import GenerateJsonSchema, JsonSchemaValue
from pydantic_core import core_schema

from app.archive.schema_1_0 import (
    Count,
    Export,
    Included10,
    LeftOut10,
    Manifest10,
    Member10,
    Name,
    Notice,
    Omitted,
    PersonalData10,
    Run10,
    SectionFacts,
    Strict,
    Text,
    Totals10,
)
from app.kit.language import Language

Version = Literal["1.1"]
SCHEMA_VERSION: Version = "1.1"
MemberName = Literal["README.txt", "personal-data.json", "report.html", "viewer.html"]


class NotIncluded(Strict):
    """A section that is not among the document's."""

    section: Name = Field(description="Its name.")
    title: Text = Field(description="Its name for people.")
    status: Literal["absent", "withheld"] = Field(description="absent: no such table there; withheld: kept back.")
    reason: Text = Field(description="Why it is not there.")


class PersonalData(Strict):
    """personal-data.json: every row of every section of one visitor on one device and browser."""

    schema_version: Version = Field(description="The version of this form.")
    export: Export
    notice: Notice
    not_included: list[NotIncluded] = Field(description="Sections that are not here, and why.")
    sections: dict[Name, list[dict[str, Any]]] = Field(
        description="The rows by section, in the mapping's order; a row has the columns that its section reads.",
        json_schema_extra={"additionalProperties": False},
    )


class Run(Run10):
    """The export, when its archive was written, and until when its link works."""

    language: Language = Field(description="Of README, report and viewer, and of titles, purposes and reasons here.")
    time_zone: str | None = Field(description="In which the report writes times; null: UTC.")


class Labelled(SectionFacts):
    """What people are shown instead of the columns' names."""

    time: Text | None = Field(description="The column that dates a row; null where none does.")
    labels: dict[str, Text] = Field(description="Columns' names for people, where the mapping gives them.")
    withheld_rows: Count = Field(description="Rows that are not there, because they are somebody else's too.")
    withheld_because: Text | None = Field(description="Why they are not there; null where none are.")


class Included(Included10, Labelled):
    """A section that personal-data.json holds; bytes and hash are of its array there, from `[` to `]`."""


class LeftOut(LeftOut10, Labelled):
    """A section that stands in the manifest only."""


class Member(Member10):
    """A file in the ZIP."""

    name: MemberName = Field(description="Its name.")  # type: ignore[assignment]  # one more than there were


class Totals(Totals10):
    """How much an unpacker will write."""

    members: Literal[6] = Field(  # type: ignore[assignment]  # two more than there were
        description="How many files the ZIP holds, the manifest and its signature counted."
    )


class Manifest(Strict):
    """META/manifest.json: what the archive holds, counted and hashed, and what it does not hold, and why."""

    schema_version: Version = Field(description="The version of this form.")
    export: Run
    sections: list[Annotated[Included | LeftOut, Discriminator("status")]] = Field(
        description="Every section of the mapping, in its order."
    )
    omitted: list[Omitted] = Field(description="Tables that the mapping knows and leaves out.")
    other_combinations: Count = Field(description="How many other devices and browsers the visitor has there.")
    members: list[Member] = Field(description="Every file before this one, in order.", min_length=4, max_length=4)
    totals: Totals


AnyPersonalData = TypeAdapter[PersonalData | PersonalData10](
    Annotated[PersonalData | PersonalData10, Discriminator("schema_version")]
)
AnyManifest = TypeAdapter[Manifest | Manifest10](Annotated[Manifest | Manifest10, Discriminator("schema_version")])


class _Plain(GenerateJsonSchema):
    """Keeps to what the form says: without the models' own defaults and titles."""

    def default_schema(self, schema: core_schema.WithDefaultSchema) -> JsonSchemaValue:
        return self.generate_inner(schema["schema"])

    def field_title_should_be_set(self, schema: object) -> bool:  # noqa: ARG002  pydantic asks for each
        return False


def published() -> dict[str, dict[str, Any]]:
    """The JSON Schemas (2020-12) by file name; each takes every version that there was."""
    forms: dict[str, TypeAdapter[Any]] = {"personal-data": AnyPersonalData, "manifest": AnyManifest}
    return {
        f"{name}.schema.json": {"$schema": _Plain.schema_dialect} | form.json_schema(schema_generator=_Plain)
        for name, form in forms.items()
    }
