"""What a process does before its work: log, keep others out, and see to schema, store and secret."""

import fcntl
import os
import secrets
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

from app.access.index_key import IndexKey, IndexKeyLost
from app.kit.db import Database
from app.kit.errors import Misconfigured
from app.kit.logs import configure, log, whereabouts
from app.settings import Settings, unknown_settings
from app.storage.port import ArchiveStore, StoreUnavailable, prepare_soon


def start_logging(settings: Settings, environ: Mapping[str, str]) -> None:
    configure(settings.log_format or ("text" if settings.embedded else "json"))
    for name in unknown_settings(environ):
        log.warning("%s is no setting of this version and does nothing; see README.", name)


async def prepare_schema(settings: Settings, database: Database, needs: str | None = None) -> None:
    """Brings the schema up, or stops with one sentence where that is somebody else's task. `needs` names what does not
    work on the schema of an earlier version. Raises Misconfigured."""
    state = await database.state()
    if state == "ok":
        return
    if state == "unwritable":
        raise Misconfigured(f"{database.folder} takes nothing any more; see whether it is full, gone or read-only.")
    if settings.migrates_itself:
        await database.migrate()
    elif state == "behind" and needs:
        raise Misconfigured(f"The schema is of an earlier version, and {needs}; run `python -m app migrate` first.")
    elif state == "behind":
        log.warning("the schema is of an earlier version; once all processes run this one: `python -m app migrate`.")
    elif state == "unreachable":
        raise Misconfigured("Dossier's own database does not answer; check DOSSIER_DATABASE_URL.")
    else:
        raise Misconfigured("The database's schema is not this version's; run `python -m app migrate` first.")


async def prepare_index(key: IndexKey) -> None:
    """Raises Misconfigured where nobody could be found again."""
    try:
        await key.hashes()
    except IndexKeyLost as error:
        raise Misconfigured(error.detail) from error


async def prepare_store(store: ArchiveStore) -> None:
    """The bucket is made where there is none. A store that is away now may come back, so the process starts; the tick
    tries again."""
    try:
        await prepare_soon(store)
    except StoreUnavailable as error:
        log.warning("the archive store cannot be used yet: %s (%s)", error.detail, whereabouts(error))


def hold_lock(settings: Settings, stack: ExitStack) -> None:
    """Keeps a second embedded process out: it would take the first one's jobs for abandoned."""
    file = stack.enter_context(make_file(make_folder(settings.var_dir) / "lock").open("w"))
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        raise Misconfigured(
            f"Another process already serves {settings.var_dir}; stop it, or set DOSSIER_VAR_DIR to another directory."
        ) from error


def read_or_make_secret(settings: Settings) -> str:
    """The one that is set; else the one in `var_dir`, which is made where there is none. Raises Misconfigured."""
    if settings.secret_key:
        return settings.secret_key
    file = make_folder(settings.var_dir) / "secret-key"
    if not file.exists():
        with _named_errors(file):
            _make_secret(file)
    if not (secret := file.read_text()):
        raise Misconfigured(f"{file} is empty; restore it from a backup, or delete it to have a new key made.")
    return secret


def _make_secret(file: Path) -> None:
    draft = make_file(file.with_name(f".secret-key-{os.getpid()}"))
    try:
        draft.write_text(secrets.token_hex(32))
        # The first process to link its draft wins, and nobody ever reads half a key.
        with suppress(FileExistsError):
            file.hardlink_to(draft)
    finally:
        draft.unlink()


def make_folder(path: Path) -> Path:
    """A directory of the service's own, for its owner alone. Raises Misconfigured."""
    with _named_errors(path):
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
    return path


def make_file(path: Path) -> Path:
    """A file for its owner alone, also one that an earlier version made for others to read. Raises Misconfigured."""
    with _named_errors(path):
        path.touch(mode=0o600)
        # Somebody else's stays as they want it.
        with suppress(PermissionError):
            path.chmod(0o600)
    return path


@contextmanager
def _named_errors(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise Misconfigured(f"DOSSIER_VAR_DIR: {path} cannot be made or written: {error.strerror}.") from error
