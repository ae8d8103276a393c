"""The audit event that tells of a history entry."""

from app.audit.event import Action, AuditEvent, By, Details, Outcome
from app.history.entry import Entry


def event_of(
    entry: Entry, action: Action, by: By, outcome: Outcome = "done", details: Details | None = None
) -> AuditEvent:
    return AuditEvent(action, by, entry.data_center, outcome, entry.source_id, entry.id, details or {})
