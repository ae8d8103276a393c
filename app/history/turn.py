"""Whose turn it is among the jobs, as far as the history knows it."""

from sqlalchemy import func, select

from app.history.tables import HISTORY_ENTRIES
from app.jobs.job import Order
from app.jobs.tables import JOBS

ORDER = Order(
    last_begun=select(func.max(HISTORY_ENTRIES.c.started_at))
    .where(HISTORY_ENTRIES.c.data_center == JOBS.c.data_center)
    .scalar_subquery(),
    source_id=select(HISTORY_ENTRIES.c.source_id).where(HISTORY_ENTRIES.c.id == JOBS.c.entry_id).scalar_subquery(),
)
