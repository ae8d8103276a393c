"""As much of curl as our pages use, for a machine that has none: Debian without more is one."""

import re
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx

ALONE = {"-L", "-OJ", "-sS", "--fail-with-body"}


def options(words: list[str]) -> Iterator[tuple[str, str]]:
    left = iter(words)
    for word in left:
        yield (word, "") if word in ALONE or not word.startswith("-") else (word, next(left))


def headers(given: list[tuple[str, str]]) -> Iterator[tuple[str, str]]:
    for name, value in given:
        if name in ("-H", "-K"):
            line = re.findall(r'header = "(.*)"', Path(value).read_text())[0] if name == "-K" else value
            header, _, told = line.partition(": ")
            yield header, told
        if name == "--etag-compare" and Path(value).exists():
            yield "If-None-Match", Path(value).read_text().strip()


def deliver(answer: httpx.Response, named: dict[str, str]) -> None:
    if "--etag-save" in named and "etag" in answer.headers:
        Path(named["--etag-save"]).write_text(answer.headers["etag"])
    offered = re.search(r'filename="([^"]+)"', answer.headers.get("content-disposition", ""))
    file = offered[1] if offered and "-OJ" in named else named.get("-o")
    if file:
        Path(file).write_bytes(answer.content)
    else:
        sys.stdout.write(answer.text)


def main(words: list[str]) -> int:
    given = list(options(words))
    named, address = dict(given), given[-1][0]
    sent = sys.stdin.read() if named.get("-d") == "@-" else named.get("-d")
    answer = httpx.request(
        "GET" if sent is None else "POST", address, headers=dict(headers(given)), content=sent,
        follow_redirects="-L" in named, timeout=60,
    )  # fmt: skip
    deliver(answer, named)
    return 22 if answer.is_error and "--fail-with-body" in named else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
