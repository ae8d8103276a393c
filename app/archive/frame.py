"""Whose data an archive holds: the facts that README, document, report and manifest all state."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from app.archive.schema import Export, Titled, Version
from app.kit.clock import rfc3339

SCHEMA_VERSION: Version = "1.0"


@dataclass(frozen=True, slots=True)
class Frame:
    """One export as the archive names it; `notice` is the data center's, key by key (GDPR Art. 15(1), (2))."""

    id: str
    data_center: Titled
    data_source: Titled
    device: str | None
    browser: str | None
    as_of: datetime
    language: str
    notice: Mapping[str, Any]
    mapping_sha256: str
    row_security: bool
    omitted: tuple[tuple[str, str], ...]
    other_combinations: int

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
