"""python -m app.client: the same as the command `dossier`."""

import os
import sys
from importlib import import_module

from app.kit.plain import speak_plainly


def main() -> int:
    """What it needs is loaded here, where Ctrl-C is an end without a traceback already."""
    speak_plainly()
    try:
        return int(import_module("app.client.command").run(sys.argv[1:]))
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:
        # Whoever read has gone, and Python would complain of it once more while it ends.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1


if __name__ == "__main__":
    sys.exit(main())
