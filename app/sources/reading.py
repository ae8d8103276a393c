"""One visitor's sections, read from one snapshot: what is included, what is absent or withheld, and the rows."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import datetime
from zoneinfo import ZoneInfo

from app.kit.language import Speech
from app.sources.combinations import counted
from app.sources.engine import Encoding, LiveSession, Query, Row, Session, Values, first_usable
from app.sources.mapping import SectionMapping
from app.sources.plan import Plan, described
from app.sources.port import Batch, Combination, SchemaLacks, Section, SourceMisconfigured, Value
from app.sources.repeated import repeated
from app.sources.sql import Statement


class MappedReading:
    """Implements Reading. `prepare` must have run, in the session's thread, before `sections` and `rows` are used."""

    def __init__(
        self, live: LiveSession, plan: Plan, speech: Speech, visitor: Value, chosen: Combination,
        as_of: datetime, zone: ZoneInfo | None,
    ) -> None:  # fmt: skip
        self.source, self.as_of, self.combination = plan.facts(speech), as_of, chosen
        self.other_combinations = 0
        self.sections: tuple[Section, ...] = ()
        self.rows_estimated: int | None = None
        self._live, self._speech, self._zone = live, speech, zone
        self._engine_name = plan.engine_name
        self._mapped: Sequence[SectionMapping] = plan.mapping.section
        self._chosen = dict[str, Query]()
        self._values: Values = {"visitor": visitor, **bound(chosen)}

    def prepare(self, session: Session) -> None:
        """Decides which sections are in, and asks the estimates. Raises SourceMisconfigured."""
        self._mapped = repeated(session, self._mapped, self._engine_name)
        self.sections = tuple(self._decided(session, one) for one in self._mapped)
        for section, mapped in zip(self.sections, self._mapped, strict=True):
            if mapped.estimate and section.status == "included":
                estimated = self._counted(session, f"section {section.name!r}, estimate", mapped.estimate)
                self.rows_estimated = (self.rows_estimated or 0) + estimated

    def rows(self, name: str) -> Iterator[Batch]:
        section = next(one for one in self._mapped if one.name == name)
        query = self._chosen[name]
        encoding = Encoding(section.time, section.json_columns, self._zone)
        return self._live.read_ahead(
            lambda session: session.encoded(query, self._values, encoding), lambda batch: batch.size
        )

    def stop(self) -> None:
        self._live.stop()

    def _decided(self, session: Session, section: SectionMapping) -> Section:
        if section.scope == "visitor" and self.combination.shared:
            return described(section, self._speech, "withheld", "shared")
        if section.each:
            return described(section, self._speech, "absent", "lacking")
        queries = section_queries(section, self._engine_name)
        for query in queries:
            self._check_parameters(query)
        try:
            self._chosen[section.name], columns = first_usable(session, queries, self._values)
        except SchemaLacks:
            if not section.optional:
                raise
            return described(section, self._speech, "absent", "lacking")
        check_columns(section, columns)
        return self._with_withheld(session, section)

    def _with_withheld(self, session: Session, section: SectionMapping) -> Section:
        """With the number of rows that its sql leaves out, because they are somebody else's too."""
        told = described(section, self._speech)
        if section.withheld is None:
            return told
        count = self._counted(session, f"section {section.name!r}, withheld", section.withheld)
        return replace(told, withheld_rows=count, withheld_because=self._speech.say(section.withheld_because))

    def _check_parameters(self, query: Query) -> None:
        for name in sorted(set(query.statement.names) - set(self._values)):
            wanted = "`user_agent`" if name == "user_agents" else "`device` and `browser`"
            raise SourceMisconfigured(f"{query.name} uses :{name}, but find.combinations does not return {wanted}.")

    def _counted(self, session: Session, name: str, text: str) -> int:
        """The first value of the first row. All rows are read: the session has other queries to come."""
        query = Query(name, Statement.parse(text, self._engine_name))
        first: Row | None = None
        for rows in session.select(query, self._values):
            first = first or rows[0]
        return counted(next(iter(first.values()), None)) or 0 if first else 0


def bound(chosen: Combination) -> Values:
    """By the user agents that make it up, where it is known by them."""
    if chosen.user_agents:
        return {"user_agents": chosen.user_agents}
    return {"device": chosen.device, "browser": chosen.browser}


def section_queries(section: SectionMapping, engine_name: str) -> list[Query]:
    return [Query(f"section {section.name!r}", Statement.parse(text, engine_name)) for text in section.sql]


def check_columns(section: SectionMapping, columns: list[str]) -> None:
    where = f"section {section.name!r}"
    twice = sorted({name for name in columns if columns.count(name) > 1})
    if twice:
        raise SourceMisconfigured(f"{where} returns the column {twice[0]!r} twice; give one of them another name.")
    for name in [*section.json_columns, *([section.time] if section.time else [])]:
        if name not in columns:
            raise SourceMisconfigured(f"{where} names the column {name!r}, which its sql does not return.")
