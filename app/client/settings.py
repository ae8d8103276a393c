"""Where the service is and who asks: from the command line, else from the environment."""

import argparse
import os
import stat
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from shlex import quote

from app.client.ended import Code, Ended

URL, DATA_CENTER, KEY, KEY_FILE = "DOSSIER_URL", "DOSSIER_DATA_CENTER", "DOSSIER_KEY", "DOSSIER_KEY_FILE"
_HERE = "http://127.0.0.1:8000"


@dataclass(frozen=True, slots=True)
class Wanted:
    url: str
    data_center: str | None
    key: str


def add_connection(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group(
        "the service", f"The key stands in {KEY}, or in a file; never on the command line."
    )
    group.add_argument("--url", metavar="URL", help=f"where it is (default: {URL}, else {_HERE})")
    group.add_argument(
        "--data-center", metavar="ID", help=f"default: {DATA_CENTER}, else the only one that the key sees"
    )
    group.add_argument("--key-file", type=Path, metavar="PATH", help=f"holds the key (default: {KEY_FILE})")
    group.add_argument("--json", action="store_true", help="print what the API answers, and nothing else")


def wanted(arguments: argparse.Namespace, environ: Mapping[str, str], warn: Callable[[str], None]) -> Wanted:
    """Raises Ended, with a sentence that never holds the key."""
    url = (arguments.url or environ.get(URL) or _HERE).rstrip("/")
    if not url.startswith(("http://", "https://")):
        raise Ended(Code.MISUSED, f"{url} is no address of the service; it begins with http:// or https://.")
    return Wanted(
        url, arguments.data_center or environ.get(DATA_CENTER) or None, _key(arguments.key_file, environ, warn)
    )


def flags_of(arguments: argparse.Namespace) -> str:
    """What the command line said of the service, to be said again."""
    given = {"url": arguments.url, "data-center": arguments.data_center, "key-file": arguments.key_file}
    return "".join(f" --{name} {quote(str(value))}" for name, value in given.items() if value)


def _key(given: Path | None, environ: Mapping[str, str], warn: Callable[[str], None]) -> str:
    """The file of the command line goes before the environment."""
    if given is None and environ.get(KEY):
        return _checked(environ[KEY], KEY)
    path = given or (Path(environ[KEY_FILE]) if environ.get(KEY_FILE) else None)
    if path is None:
        raise Ended(Code.MISUSED, f"There is no key: set {KEY}, or name a file that holds it with --key-file.")
    return _checked(_read(path, warn), str(path))


def _read(path: Path, warn: Callable[[str], None]) -> str:
    try:
        with path.open(encoding="utf-8") as file:
            mode = os.fstat(file.fileno()).st_mode
            text = file.read(4096)
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is no text"
        raise Ended(Code.MISUSED, f"The key file {path} cannot be read: {reason}.") from error
    if stat.S_ISREG(mode) and mode & (stat.S_IRWXG | stat.S_IRWXO):
        warn(f"The key file {path} is open to others than its owner; mend that with: chmod 600 {path}")
    return text


def _checked(text: str, where: str) -> str:
    key = text.strip()
    if not key or not key.isascii() or not key.isprintable() or " " in key:
        raise Ended(Code.MISUSED, f"What {where} holds is no key; `python -m app keys create` makes one.")
    return key
