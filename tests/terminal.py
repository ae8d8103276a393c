"""A terminal of some width around a command: what it shows there, and what a key pressed in it does."""

import os
import pty
import select
import subprocess
import sys
import termios
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[1]
CTRL_C = b"\x03"
# The terminal sends its signals to the group of processes that it controls, as to make and what make started.
_TAKES_THE_TERMINAL = (
    "import fcntl, os, sys, termios; fcntl.ioctl(0, termios.TIOCSCTTY, 0); os.execvp(sys.argv[1], sys.argv[1:])"
)


@dataclass(slots=True)
class Terminal:
    process: subprocess.Popen[bytes]
    keyboard: int
    shown: bytes = b""

    @property
    def text(self) -> str:
        return self.shown.decode().replace("\r\n", "\n")

    def until(self, text: str, seconds: float = 60) -> None:
        begun = time.monotonic()
        while text not in self.text:
            assert self._read(), self.text
            assert time.monotonic() - begun < seconds, self.text

    def press(self, key: bytes) -> None:
        os.write(self.keyboard, key)

    def end(self) -> int:
        """The exit code, once everything has been shown; -2 is the end by SIGINT."""
        begun = time.monotonic()
        while self._read():
            assert time.monotonic() - begun < 60, self.text
        return self.process.wait(60)

    def _read(self) -> bool:
        """Whether there may be more; Linux says EIO once nobody holds the terminal any more."""
        if not select.select([self.keyboard], [], [], 0.2)[0]:
            return True
        try:
            self.shown += os.read(self.keyboard, 1 << 16)
        except OSError:
            return False
        return True


@contextmanager
def terminal(command: Sequence[str], environ: Mapping[str, str], columns: int = 80) -> Iterator[Terminal]:
    keyboard, screen = pty.openpty()
    termios.tcsetwinsize(screen, (40, columns))
    process = subprocess.Popen(
        [sys.executable, "-c", _TAKES_THE_TERMINAL, *command], cwd=ROOT, env=environ,
        stdin=screen, stdout=screen, stderr=screen, start_new_session=True,
    )  # fmt: skip
    os.close(screen)
    try:
        yield Terminal(process, keyboard)
    finally:
        process.kill()
        process.wait()
        os.close(keyboard)
