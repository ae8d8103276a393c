"""How Dossier talks to MariaDB and MySQL: its settings, statements that the server prepares.

The driver writes values into the statement's text. Here they go beside it, as the protocol's own prepared statements
have them: no value can be read as SQL, a FLOAT comes with all its bits, and a statement tells its columns without being
run. So some of the driver's private parts are used, and its minor versions are pinned.
"""

import re
import ssl
import struct
from collections.abc import Iterator, Sequence
from typing import Any

import pymysql
from pymysql import err
from pymysql.constants import COMMAND
from pymysql.protocol import FieldDescriptorPacket, MysqlPacket, OKPacketWrapper
from sqlalchemy import URL
from sqlalchemy.dialects.mysql.pymysql import MySQLDialect_pymysql

from app.sources.engine import Isolation, Values
from app.sources.engines.mariadb_values import Column, Prepared, RowReader, sent
from app.sources.port import SourceMisconfigured
from app.sources.sql import Statement

CONNECT_SECONDS = 5
# The server ends a statement by itself; only one that says nothing for so much longer is given up from here.
_SILENT_SECONDS = 5
# So long the server waits for a reader that waits for the store itself, in the midst of rows and between statements.
_PATIENCE_SECONDS = 300
_PREPARE, _EXECUTE, _CLOSE = COMMAND.COM_STMT_PREPARE, COMMAND.COM_STMT_EXECUTE, COMMAND.COM_STMT_CLOSE
_ROWS_AT_ONCE = 200
# Who erases waits for others' locks, and does not make everybody wait behind it for long.
_LOCK_SECONDS = 10
_LEVEL = "SET SESSION TRANSACTION ISOLATION LEVEL"
_SNAPSHOT = "START TRANSACTION WITH CONSISTENT SNAPSHOT"
_BEGIN: dict[Isolation, Sequence[str]] = {
    "reading": [f"{_LEVEL} REPEATABLE READ", f"{_SNAPSHOT}, READ ONLY"],
    "repeatable": [f"{_LEVEL} REPEATABLE READ", _SNAPSHOT],
    "committed": [f"{_LEVEL} READ COMMITTED", "START TRANSACTION"],
}
# The warning "Truncated incorrect DOUBLE value: 'abc'", which quotes so much at least.
_TRUNCATED, _QUOTED = 1292, 60


class Connection(pymysql.Connection):  # type: ignore[misc]  # has no types
    """The driver's connection, read-only, in UTC, at repeatable read, every statement ended after so many seconds."""

    unread, warned = False, False

    @property
    def is_mariadb(self) -> bool:
        return "mariadb" in str(self.get_server_info()).lower()

    @property
    def exact(self) -> str:
        """The collation under which only the same characters are equal, trailing spaces included."""
        return "utf8mb4_nopad_bin" if self.is_mariadb else "utf8mb4_0900_bin"

    def settle(self, seconds: float, *, writes: bool) -> None:
        """Sets what holds for the session."""
        limit = f"max_statement_time={seconds}" if self.is_mariadb else f"max_execution_time={int(seconds * 1000)}"
        # In other modes strings and comments end elsewhere than `app.sources.sql` sees them end.
        settings = f"sql_mode='STRICT_TRANS_TABLES', time_zone='+00:00', {limit}"
        waits = f"net_write_timeout={_PATIENCE_SECONDS}, wait_timeout={_PATIENCE_SECONDS}"
        for text in (
            f"SET NAMES utf8mb4 COLLATE {self.exact}",
            f"SET SESSION {settings}, {waits}",
            f"SET SESSION innodb_lock_wait_timeout={_LOCK_SECONDS}"
            if writes
            else "SET SESSION TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY",
        ):
            self.query(text)
        # Until here the server's greeting was waited for; from here on a statement may take its time.
        self._read_timeout = seconds + _SILENT_SECONDS

    def begin(self, isolation: Isolation) -> None:
        for text in _BEGIN[isolation]:
            self.query(text)

    def changed(self, text: str, values: Sequence[object]) -> int:
        """How many rows a statement touched that returns none."""
        prepared = self.prepared(text)
        if prepared.columns:
            raise SourceMisconfigured("a step of an erasure returns rows; write a DELETE or an UPDATE")
        self._execute_command(_EXECUTE, _execution(prepared.number, values))
        done = OKPacketWrapper(self._read_packet())
        self.warned, touched = bool(done.warning_count), int(done.affected_rows)
        self.forget(prepared)
        return touched

    def prepared(self, text: str) -> Prepared:
        self.drain()
        self._execute_command(_PREPARE, text)
        number, columns, parameters = struct.unpack_from("<IHH", self._read_packet().get_all_data(), 1)
        self._descriptions(parameters)
        return Prepared(number, self._descriptions(columns))

    def forget(self, prepared: Prepared) -> None:
        """The server answers nothing."""
        self.drain()
        self._execute_command(_CLOSE, struct.pack("<I", prepared.number))

    def executed(self, prepared: Prepared, values: Sequence[object]) -> Iterator[list[tuple[Any, ...]]]:
        """Rows, some at a time, as the server sends them: what is not asked for waits on its side."""
        self._execute_command(_EXECUTE, _execution(prepared.number, values))
        self._read_packet()
        # The columns are told once more, and may be of other types than before the values were known.
        read_row = RowReader(self._descriptions(len(prepared.columns))).read
        self.unread = True
        rows = list[tuple[Any, ...]]()
        while (packet := self._packet()) is not None:
            rows.append(read_row(packet))
            if len(rows) == _ROWS_AT_ONCE:
                yield rows
                rows = []
        if rows:
            yield rows

    def said(self, text: str) -> list[tuple[Any, ...]]:
        """What a plain statement returns."""
        self.drain()
        with self.cursor() as cursor:
            cursor.execute(text)
            return list(cursor.fetchall())

    def read_as_number(self, values: Sequence[object]) -> bool:
        """Whether the server warns that it took one of these texts, which is no number, for one."""
        if not self.warned:
            return False
        warnings = [str(message) for _, code, message in self.said("SHOW WARNINGS") if code == _TRUNCATED]
        begun = [f": '{one[:_QUOTED]}" for one in values if isinstance(one, str)]
        return any(one in message for one in begun for message in warnings)

    @property
    def handle(self) -> int:
        """The number of its socket."""
        number: int = self._sock.fileno()
        return number

    def leave(self) -> None:
        """With a farewell, which the server answers nothing to; without one it would log an aborted connection."""
        if self.open:
            self.close()

    def _create_ssl_ctx(self, given: dict[str, Any]) -> ssl.SSLContext:
        """Where the URL names no CA, TLS is taken if it is offered, and nobody's certificate is verified. The driver
        would load the system's CAs all the same, which takes 20 ms of each search."""
        if given:
            made: ssl.SSLContext = super()._create_ssl_ctx(given)
            return made
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        return context

    def drain(self) -> None:
        """Takes what a reader that stopped early has left."""
        while self.unread:
            self._packet()

    def _packet(self) -> bytes | None:
        """The next row, or None after the last."""
        try:
            packet: MysqlPacket = self._read_packet()
        except err.Error:
            self.unread = False
            raise
        data: bytes = packet.get_all_data()
        if packet.is_eof_packet():
            self.unread, self.warned = False, data[1:3] != b"\0\0"
            return None
        return data

    def _descriptions(self, many: int) -> list[Column]:
        found = [self._read_packet(FieldDescriptorPacket) for _ in range(many)]
        if many:
            self._read_packet()
        return [Column(one.name, one.type_code, one.charsetnr, one.length, one.flags) for one in found]


def connect(url: URL, **given: Any) -> Connection:  # noqa: ANN401  what the driver takes
    """By a URL as SQLAlchemy's dialect reads it: `?ssl_ca=` and the like. Raises the driver's errors."""
    said = MySQLDialect_pymysql().create_connect_args(url)[1]
    ours = {"charset": "utf8mb4", "use_unicode": True, "autocommit": None, "local_infile": False, "client_flag": 0}
    waits = dict.fromkeys(("connect_timeout", "read_timeout", "write_timeout"), CONNECT_SECONDS)
    return Connection(**{**said, **waits, **ours, **given})


def bound(statement: Statement, values: Values, exact: str) -> tuple[str, list[object]]:
    """The statement with marks, and what stands for them.

    The database compares loosely: by a collation that takes `JANE` for `jané ` and, with a number on the other side, by
    the number that a text begins with, so that `id = 'abc'` finds 0. So a text is given an exact collation, which the
    other side must then follow. That alone would pass over every index; where a plain column stands on the other
    side, the loose comparison, which may use its index, stands before an exact one of the column's own text. Where the
    mapping itself names a collation, that one holds. What is still read as a number, beside other than a plain column,
    the server warns of (`read_as_number`).
    """
    text, found = statement.pieces[0], list[object]()
    for name, after in zip(statement.names, statement.pieces[1:], strict=True):
        value = values[name]
        several = value if isinstance(value, tuple) else (value,)
        exactly, column = f"(CONVERT(? USING utf8mb4) COLLATE {exact})", _COLUMN.search(text)
        if _COLLATED.search(text) or not all(isinstance(one, str | None) for one in several):
            text += ", ".join("?" * len(several)) + after
        elif column and not isinstance(value, tuple) and _ENDS.match(after) and "between" not in text.lower():
            one, sign = column["column"], column["operator"]
            same = f"({one} {sign} ? AND CONVERT({one} USING utf8mb4) {sign} {exactly})"
            text, several = text[: column.start("column")] + same + after, (*several, *several)
        else:
            text += ", ".join([exactly] * len(several)) + after
        found.extend(several)
    return text, found


_NAME = r"(?:`(?:[^`]|``)+`|[A-Za-z_]\w*)"
_COLUMN = re.compile(
    rf"(?:\b(?:WHERE|AND|OR|ON|HAVING|WHEN)\s+|\(\s*)(?P<column>{_NAME}(?:\.{_NAME}){{0,2}})\s*(?P<operator>=|<=>)\s*\Z",
    re.IGNORECASE,
)
_COLLATED = re.compile(r"\bCOLLATE\s+\w+\s*(?:<?=>?|<>|!=|LIKE|IN\s*\()\s*\Z", re.IGNORECASE)
_ENDS = re.compile(r"\s*(?:\Z|\)|(?:AND|OR|ORDER|GROUP|HAVING|LIMIT|UNION|THEN)\b)", re.IGNORECASE)


def _execution(number: int, values: Sequence[object]) -> bytes:
    """The order to run a prepared statement once, without a cursor on the server's side."""
    head = struct.pack("<IBI", number, 0, 1)
    if not values:
        return head
    kinds, parts = zip(*map(sent, values), strict=True)
    nulls = sum(1 << place for place, value in enumerate(values) if value is None)
    types = struct.pack(f"<{len(kinds)}H", *kinds)
    return head + nulls.to_bytes((len(values) + 7) // 8, "little") + b"\1" + types + b"".join(parts)
