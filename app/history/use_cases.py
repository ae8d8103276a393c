"""What can be done with the history: everything that its addresses offer."""

from dataclasses import dataclass

from app.audit.browse import BrowseAudit
from app.audit.seals import Heads
from app.history.browse import Browse
from app.sources.handles import GetHandles


@dataclass(frozen=True, slots=True)
class History:
    browse: Browse
    audit: BrowseAudit
    heads: Heads
    handles: GetHandles
