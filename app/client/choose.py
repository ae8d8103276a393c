"""Exactly one combination: by its number, by its device and browser, or asked for; never guessed."""

import argparse
from collections.abc import Sequence

from app.client.ended import Code, Ended
from app.client.screen import Screen, interrupted, number_of, said
from app.client.search import Candidate, candidates, nobody, shown
from app.client.service import Service

_NOTHING = "Nothing was requested."


def add_arguments(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("the combination", "What is not named is asked for, at a terminal.")
    group.add_argument("--source", metavar="ID", help="look in this data source alone")
    group.add_argument("--device", metavar="D", help="as the search shows it, together with --browser")
    group.add_argument("--browser", metavar="B", help="as the search shows it, together with --device")
    group.add_argument("--choose", type=int, metavar="NUMBER", help="the number that the search shows")


def is_named(arguments: argparse.Namespace) -> bool:
    return arguments.choose is not None or arguments.device is not None


def check(arguments: argparse.Namespace) -> None:
    """Raises Ended for a choice that is half of one, or two."""
    pair = (arguments.device is not None, arguments.browser is not None)
    if pair[0] != pair[1]:
        raise Ended(Code.MISUSED, "--device and --browser belong together; give both.")
    if all(pair) and arguments.choose is not None:
        raise Ended(Code.MISUSED, "Choose by --device and --browser or by --choose, and not by both.")


def chosen(arguments: argparse.Namespace, service: Service, screen: Screen) -> Candidate:
    """Raises Ended."""
    every = _offered(arguments, service, screen)
    if arguments.choose is not None:
        one = _numbered(every, arguments.choose)
    elif arguments.device is not None:
        one = _matching(every, arguments.device, arguments.browser)
    else:
        one = _asked(every, screen)
    if one.found["candidate"] is None:
        raise Ended(Code.DOES_NOT_HOLD, f"{one.described} cannot be passed on; tell whoever runs the service.")
    return one


def _offered(arguments: argparse.Namespace, service: Service, screen: Screen) -> list[Candidate]:
    """Searches, and shows what is to be chosen from: of one data source, if that is named; the numbers are those of
    all. Raises Ended."""
    found = service.search(arguments.identifier, arguments.kind)
    if not screen.as_json or (screen.can_ask and not is_named(arguments)):
        screen.say(*shown(found, arguments.source))
    sources = [str(one["id"]) for one in found["data_sources"]]
    if arguments.source not in (None, *sources):
        raise Ended(Code.MISUSED, f"There is no data source {arguments.source}; there are: {', '.join(sources)}.")
    every = [one for one in candidates(found) if arguments.source in (None, one.source["id"])]
    if not every:
        asked = [one for one in found["data_sources"] if arguments.source in (None, one["id"])]
        raise nobody(found | {"data_sources": asked})
    return every


def _numbered(offered: Sequence[Candidate], number: int) -> Candidate:
    for one in offered:
        if one.number == number:
            return one
    raise Ended(Code.MISUSED, f"No combination has the number {number}; there are: {_numbers(offered)}. {_NOTHING}")


def _matching(offered: Sequence[Candidate], device: str, browser: str) -> Candidate:
    wanted = (device.casefold(), browser.casefold())
    found = [
        one
        for one in offered
        if (said(one.found["device"]).casefold(), said(one.found["browser"]).casefold()) == wanted
    ]
    if len(found) == 1:
        return found[0]
    if not found:
        names = "; ".join(f"{one.number} is {one.name}" for one in offered)
        raise Ended(Code.MISUSED, f"No combination is {device} · {browser}; {names}. {_NOTHING}")
    names = "; ".join(f"{one.number} is {one.described}" for one in found)
    raise Ended(Code.MISUSED, f"{len(found)} combinations match: {names}. Choose by --source or --choose. {_NOTHING}")


def _asked(offered: Sequence[Candidate], screen: Screen) -> Candidate:
    if not screen.can_ask:
        raise Ended(
            Code.MISUSED, f"Which combination? Choose by --device and --browser, or by --choose NUMBER. {_NOTHING}"
        )
    known = {one.number: one for one in offered}
    try:
        while typed := screen.ask("\nWhich one is it? Its number, or nothing to leave:"):
            if one := known.get(number_of(typed) or 0):
                return one
            screen.say(f"There is no such number; there are: {_numbers(offered)}.")
    except KeyboardInterrupt:
        raise interrupted(_NOTHING) from None
    raise Ended(Code.DOES_NOT_HOLD, f"Nothing was chosen. {_NOTHING}")


def _numbers(offered: Sequence[Candidate]) -> str:
    numbers = [one.number for one in offered]
    whole = numbers == list(range(numbers[0], numbers[-1] + 1)) and len(numbers) > 1
    return f"{numbers[0]} to {numbers[-1]}" if whole else ", ".join(map(str, numbers))
