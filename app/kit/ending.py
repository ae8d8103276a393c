"""SQLite's connection, whose transaction ends with it."""

import sqlite3
from contextlib import suppress


class EndingConnection(sqlite3.Connection):
    """One that is closed in the middle of a statement lives on in SQLite until the statement's cursor is gone, and so
    would its transaction and the lock that it holds (sqlite3_close_v2). A cancelled request leaves such a cursor behind
    until the next look for garbage."""

    def close(self) -> None:
        # Closed already, it cannot say.
        with suppress(sqlite3.ProgrammingError):
            if self.in_transaction:
                self.rollback()
        super().close()
