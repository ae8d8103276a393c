"""Whose data an archive holds: the facts that README, document, report and manifest all state."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from app.archive.schema_1_0 import Export, Titled
from app.kit.clock import rfc3339
from app.kit.language import Language


@dataclass(frozen=True, slots=True)
class Frame:
    """One export as the archive names it; `label` is the visitor's, masked, `notice` is the data center's, key by key
    (GDPR Art. 15(1), (2)), `lifetime` how long the archive may be had after it was compiled."""

    id: str
    data_center: Titled
    data_source: Titled
    label: str
    device: str | None
    browser: str | None
    as_of: datetime
    lifetime: timedelta
    language: Language
    time_zone: str | None
    notice: Mapping[str, str | tuple[str, ...]]
    mapping_sha256: str
    row_security: bool
    omitted: tuple[tuple[str, str], ...]
    other_combinations: int

    @property
    def kept_until(self) -> datetime:
        """Until when it can be downloaded at the least; the exact moment is known when the last member is written."""
        return self.as_of + self.lifetime

    def export(self) -> Export:
        """As document and manifest begin it."""
        return Export(
            id=self.id,
            data_center=self.data_center,
            data_source=self.data_source,
            device=self.device,
            browser=self.browser,
            as_of=rfc3339(self.as_of),
        )
