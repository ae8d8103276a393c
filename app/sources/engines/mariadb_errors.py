"""What MariaDB's and MySQL's errors mean, in our words."""

from collections.abc import Iterator
from contextlib import contextmanager

from pymysql import err
from pymysql.constants import CR, ER

from app.sources.engine import NoSuchValue
from app.sources.erasing import RowsLocked, RowsReferred
from app.sources.port import SchemaLacks, SourceMisconfigured, SourceUnavailable, ValueNotEncodable


@contextmanager
def named_errors(query_name: str, *, encoding: bool = False) -> Iterator[None]:
    """Turns the driver's errors into ours. Only messages about the schema are repeated: others quote values."""
    try:
        yield
    except err.MySQLError as error:
        code = int(error.args[0]) if error.args else 0
        if code in (ER.LOCK_WAIT_TIMEOUT, _NO_WAIT):
            raise RowsLocked(f"{query_name}: error {code}") from error
        if isinstance(error, err.IntegrityError):
            said = str(error.args[-1]) if code in _ABOUT_RULES else f"error {code}"
            raise RowsReferred(f"{query_name}: {said}") from error
        if isinstance(error, err.InterfaceError) or code in _AWAY:
            raise SourceUnavailable(f"{query_name}: error {code}") from error
        if encoding and code in _TOO_LARGE:
            raise ValueNotEncodable(query_name, "unknown") from error
        if code in _UNREADABLE and not encoding:
            raise NoSuchValue from error
        kind = SchemaLacks if code in _LACKING else SourceMisconfigured
        said = str(error.args[-1]) if code in _LACKING | _ABOUT_SQL else f"error {code}"
        raise kind(f"{query_name}: {said}") from error


# Not all of them have a name in the driver: 1290 and 3032 shut down, 1317 and 1927 killed, 1969 and 3024 out of time.
_AWAY = {
    CR.CR_SERVER_GONE_ERROR, CR.CR_SERVER_LOST, CR.CR_CONN_HOST_ERROR, ER.CON_COUNT_ERROR, ER.SERVER_SHUTDOWN,
    ER.LOCK_DEADLOCK, ER.OUT_OF_RESOURCES, ER.OUTOFMEMORY, ER.DISK_FULL, ER.QUERY_INTERRUPTED,
    ER.NORMAL_SHUTDOWN, ER.TABLE_DEF_CHANGED, 1927, 1969, 3024, 3032, 4031,
}  # fmt: skip
_NO_WAIT = 3572
# What names tables and columns, and quotes no value.
_ABOUT_RULES = {ER.ROW_IS_REFERENCED_2, ER.NO_REFERENCED_ROW_2, ER.BAD_NULL_ERROR, ER.CONSTRAINT_FAILED}
_TOO_LARGE = {ER.NET_PACKET_TOO_LARGE, ER.TOO_LONG_STRING, ER.TOO_BIG_ROWSIZE}
# MySQL says so of a text beside a column of times, and only warns beside others.
_UNREADABLE = {1525}
_LACKING = {ER.NO_SUCH_TABLE, ER.BAD_FIELD_ERROR, ER.BAD_DB_ERROR}
_ABOUT_SQL = {
    ER.PARSE_ERROR, ER.TABLEACCESS_DENIED_ERROR, ER.COLUMNACCESS_DENIED_ERROR, ER.DBACCESS_DENIED_ERROR,
    ER.UNKNOWN_COLLATION, ER.UNKNOWN_SYSTEM_VARIABLE,
    ER.NON_UNIQ_ERROR, ER.DUP_FIELDNAME, ER.SP_DOES_NOT_EXIST, ER.CANT_AGGREGATE_2COLLATIONS,
    ER.CANT_AGGREGATE_NCOLLATIONS, ER.COLLATION_CHARSET_MISMATCH, ER.WRONG_NUMBER_OF_COLUMNS_IN_SELECT,
    ER.MIX_OF_GROUP_FUNC_AND_FIELDS, ER.WRONG_FIELD_WITH_GROUP, ER.VIEW_INVALID, ER.UNSUPPORTED_PS, 1792,
}  # fmt: skip
