"""What is not in an archive, why, and how to get it: the same sentences for README and report."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from app.archive.frame import Frame
from app.archive.schema import NotIncluded
from app.archive.translator import Translator
from app.sources.port import Section


@dataclass(frozen=True, slots=True)
class Absent:
    """One thing that is not here; `how` is empty where nothing can be done."""

    what: str
    why: str
    how: str = ""


def what_is_absent(frame: Frame, sections: Sequence[Section], translator: Translator) -> Iterator[Absent]:
    for status in ("withheld", "absent"):
        # One sentence for all that are missing for the same reason.
        titles = [one.title for one in sections if one.status == status]
        if titles:
            why = next(reason(one, translator) for one in sections if one.status == status)
            yield Absent("; ".join(titles), why, translator.say(f"how_{status}"))
    for section in sections:
        if section.withheld_rows:
            yield Absent(section.title, some_withheld(section, translator), translator.say("how_withheld"))
    for table, why in frame.omitted:
        yield Absent(translator.say("omitted", table=table), why, translator.say("how_omitted"))
    if frame.other_combinations:
        others = translator.counted("others", frame.other_combinations)
        yield Absent(translator.say("elsewhere"), others, translator.say("how_others"))
    place = {"center": frame.data_center.title, "source": frame.data_source.title}
    yield Absent(
        translator.say("other_sources"), translator.say("this_source", **place), translator.say("how_sources", **place)
    )


def not_included(sections: Sequence[Section], translator: Translator) -> list[NotIncluded]:
    """The sections among it, as the document names them."""
    told = [(one, one.status, reason(one, translator)) for one in sections if one.status != "included"]
    told += [(one, "withheld", some_withheld(one, translator)) for one in sections if one.withheld_rows]
    return [
        NotIncluded.model_validate({"section": one.name, "title": one.title, "status": status, "reason": why})
        for one, status, why in told
    ]


def some_withheld(section: Section, translator: Translator) -> str:
    """Of a section that is there, how many rows are not, and why."""
    entries = translator.counted("entries", section.withheld_rows)
    return translator.say("some_withheld", entries=entries, because=section.withheld_because)


def reason(section: Section, translator: Translator) -> str:
    """Why a section is not here, in the archive's words."""
    return translator.say(section.reason or "lacking")
