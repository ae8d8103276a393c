"""The tree of data centers and data sources, as everybody asks for them."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from app.kit.errors import NotFound
from app.kit.language import Language, Speech
from app.sources.mapping import CenterMapping, Notice
from app.sources.port import DataSource
from app.sources.receiver import Receiver
from app.sources.texts import Names


@dataclass(frozen=True, slots=True)
class DataCenter:
    """One customer's separate body of visitor data; title and notice in its language, or in another (`spoken`)."""

    id: str
    title: str
    language: Language
    notice: Mapping[str, Names]
    about: CenterMapping
    sources: Mapping[str, DataSource]
    receivers: Sequence[Receiver] = ()

    @classmethod
    def of(
        cls, id: str, about: CenterMapping, sources: Mapping[str, DataSource], receivers: Sequence[Receiver]  # noqa: A002
    ) -> "DataCenter":  # fmt: skip
        title, notice = _said(about, Speech(about.language, about.language))
        return cls(id, title, about.language, notice, about, sources, receivers)

    def spoken(self, language: Language) -> "DataCenter":
        title, notice = _said(self.about, Speech(language, self.about.language))
        return replace(self, language=language, title=title, notice=notice)


class Registry:
    """All data centers by id."""

    def __init__(self, centers: Mapping[str, DataCenter]) -> None:
        self.centers = centers

    def sources(self, data_center: str) -> Mapping[str, DataSource]:
        return self.centers[data_center].sources

    def find(self, data_center: str, source: str) -> tuple[DataCenter, DataSource]:
        """Raises NotFound if the mapping is not there any more."""
        center = self.centers.get(data_center)
        if center is None or source not in center.sources:
            raise NotFound
        return center, center.sources[source]

    def every_source(self) -> Iterator[tuple[DataCenter, DataSource]]:
        for center in self.centers.values():
            for source in center.sources.values():
                yield center, source

    @property
    def receivers(self) -> list[Receiver]:
        return [one for center in self.centers.values() for one in center.receivers]

    async def close(self) -> None:
        for _, source in self.every_source():
            await source.close()


def _said(about: CenterMapping, speech: Speech) -> tuple[str, dict[str, Names]]:
    """Title and notice; what the notice does not say is not there."""
    texts = ((name, getattr(about.notice, name)) for name in Notice.model_fields)
    return speech.say(about.title), {name: speech.say(text) for name, text in texts if text is not None}
