"""What a data source is made of, and what may be said of it and its sections, in the language that is asked for."""

from dataclasses import dataclass
from datetime import timedelta

from app.kit.language import Language, Speech
from app.sources.engine import long_places
from app.sources.erasing import Step
from app.sources.mapping import SectionMapping, SourceMapping
from app.sources.port import Section, SectionReason, SectionStatus, SourceFacts
from app.sources.steps import MappedStep


@dataclass(frozen=True, slots=True)
class Plan:
    """A mapping, and what its file and its data center add; `language` is the data center's."""

    id: str
    mapping: SourceMapping
    mapping_sha256: str
    engine_name: str
    language: Language = "en"

    def speech(self, language: Language | None = None) -> Speech:
        return Speech(language or self.language, self.language)

    def facts(self, speech: Speech) -> SourceFacts:
        mapping = self.mapping
        return SourceFacts(
            self.id, speech.say(mapping.title), self.engine_name, speech.say(mapping.tracking_id_hint),
            self.mapping_sha256, mapping.rotating_id,
            tuple(described(one, speech) for one in mapping.section if one.scope == "visitor"),
            tuple((table, speech.say(reason)) for table, reason in mapping.omitted.items()),
            long_places(mapping.connections), mapping.row_security, mapping.time_zone,
            bool(mapping.erase), timedelta(seconds=mapping.backups_until) if mapping.backups_until else None,
        )  # fmt: skip

    def steps(self, speech: Speech) -> list[MappedStep]:
        """Of an erasure."""
        said = speech.say
        return [
            MappedStep.of(one, Step(one.table, said(one.title), one.action, said(one.because)), self.engine_name)
            for one in self.mapping.erase
        ]


def described(
    section: SectionMapping, speech: Speech, status: SectionStatus = "included", reason: SectionReason | None = None
) -> Section:
    said = speech.say
    return Section(
        section.name, said(section.title), section.category, section.origin, said(section.purpose),
        said(section.retention), said(section.recipients), section.scope, said(section.because), section.time,
        {column: said(label) for column, label in section.labels.items()}, status, reason,
    )  # fmt: skip
