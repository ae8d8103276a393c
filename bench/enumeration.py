"""Whether time tells a foreign id from one that is not there: `python -m bench.enumeration [ROUNDS]`, 2,000 unless told.

For each pair the two addresses are asked in turn, by one key over one connection. `told apart` is how often a script
would be right that guesses the slower of two answers to be the foreign one: 50 % is blind chance.
"""

import random
import sys
import tempfile
import time
from bisect import bisect_left, bisect_right
from collections.abc import Mapping
from pathlib import Path
from statistics import median
from uuid import uuid4

import httpx

from tests.builders import BASE, EMAIL
from tests.site import site

ROUNDS = 2_000
GLOBEX = "/v1/data-centers/globex"


def main() -> int:
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else ROUNDS
    with tempfile.TemporaryDirectory(prefix="dossier-bench-") as name:
        place = site(Path(name))
        with place.serving():
            with place.client(place.key("boss", "globex")) as other:
                foreign = requested(other)
            with place.client(place.key("maria", "acme")) as client:
                for what, pair in pairs(foreign).items():
                    print(told(what, measured(client, pair, rounds)))
    return 0


def pairs(foreign: str) -> dict[str, tuple[str, str | None]]:
    """The foreign address, and one of nothing; None is another one each time."""
    return {
        "an export": (f"{BASE}/exports/{foreign}", None),
        "its archive": (f"{BASE}/exports/{foreign}/archive", None),
        "a data center": (f"{GLOBEX}/history", "/v1/data-centers/nowhere/history"),
    }


def measured(client: httpx.Client, pair: tuple[str, str | None], rounds: int) -> Mapping[str, list[float]]:
    took: dict[str, list[float]] = {"foreign": [], "missing": []}
    foreign, missing = pair
    for _ in range(rounds):
        other = missing or foreign.replace(foreign.split("/")[5], str(uuid4()))
        asked = [("foreign", foreign), ("missing", other)]
        random.shuffle(asked)
        for name, path in asked:
            begun = time.perf_counter()
            assert client.get(path).status_code == httpx.codes.NOT_FOUND
            took[name].append((time.perf_counter() - begun) * 1e6)
    return took


def told(what: str, took: Mapping[str, list[float]]) -> str:
    foreign, missing = took["foreign"], sorted(took["missing"])
    right = sum(bisect_left(missing, one) + bisect_right(missing, one) for one in foreign) / 2
    share = right / (len(foreign) * len(missing))
    return f"{what:14}foreign {median(foreign):6.0f} µs, missing {median(missing):6.0f} µs, told apart {share:.1%}"


def requested(client: httpx.Client) -> str:
    found = client.post(f"{GLOBEX}/visitors/search", json={"identifier": EMAIL}).json()
    token = found["data_sources"][0]["visitors"][0]["combinations"][0]["candidate"]
    return str(client.post(f"{GLOBEX}/exports", json={"candidate": token}).json()["id"])


if __name__ == "__main__":
    sys.exit(main())
