"""Secrets from the environment: what a variable holds, or the file that one of its name and _FILE names."""

from collections.abc import Mapping
from pathlib import Path

from app.kit.errors import Misconfigured

_FILE = "_FILE"


def file_of(name: str) -> str:
    return name + _FILE


def secret_of(environ: Mapping[str, str], name: str) -> str:
    """Without the line break at a file's end; empty where neither is set. Raises Misconfigured, which says nothing of
    what they hold."""
    held, path = environ.get(name, ""), environ.get(file_of(name), "")
    if not path:
        return held
    if held:
        raise Misconfigured(f"{name} and {file_of(name)} are both set; leave one of them out.")
    try:
        held = Path(path).read_text("utf-8").rstrip("\r\n")
    except OSError as error:
        raise Misconfigured(f"{file_of(name)}: {path} cannot be read: {error.strerror}.") from error
    except UnicodeDecodeError:
        raise Misconfigured(f"{file_of(name)}: {path} holds no text.") from None
    if not held:
        raise Misconfigured(f"{file_of(name)}: {path} is empty.")
    return held
