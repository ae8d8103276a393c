"""Lets a terminal without Unicode show the nearest that it has, instead of ending the command."""

import codecs
import sys
from io import TextIOWrapper

_PLAIN = {"•": "*", "·": "-", "–": "-", "…": "...", "“": '"', "”": '"', "─": "-", "━": "-"}


def speak_plainly() -> None:
    codecs.register_error("plain", _plain)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="plain")


def _plain(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeEncodeError):
        raise error
    return "".join(_PLAIN.get(one, "?") for one in error.object[error.start : error.end]), error.end
