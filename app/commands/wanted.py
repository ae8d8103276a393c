"""What a new data source shall be: by options, by what its database turns out to hold, and by questions."""

import argparse
import shlex
import sys
from collections.abc import ItemsView, Mapping, Sequence
from dataclasses import dataclass

from app.adapters import build_engine
from app.kit.environment import secret_of
from app.kit.errors import Misconfigured
from app.sources.connection import holder
from app.sources.port import NotConnected, SourceMisconfigured, SourceUnavailable
from app.sources.preset import preset_names, preset_variables
from app.sources.recognise import Product, recognise

_ASKED = {
    "data_center": "Id of the data center", "source": "Id of the data source", "title": "Its title, as people read it",
}  # fmt: skip
_DSN = "Name of the variable that holds the database's URL"


@dataclass(frozen=True, slots=True)
class Wanted:
    preset: str
    data_center: str
    source: str
    title: str
    dsn: str
    variables: Mapping[str, str]


def add_wanted(parser: argparse.ArgumentParser) -> None:
    names = ", ".join(preset_names())
    parser.add_argument("--preset", metavar="P", help=f"{names}; by default what the database turns out to hold")
    parser.add_argument("--data-center", metavar="D")
    parser.add_argument("--source", metavar="S")
    parser.add_argument("--title", metavar="T")
    parser.add_argument("--dsn", metavar="VARIABLE", help="the environment variable that holds the database's URL")
    parser.add_argument("--set", action="append", default=[], type=_pair, metavar="NAME=VALUE", help="of the preset's")


async def wanted(arguments: argparse.Namespace, environ: Mapping[str, str]) -> Wanted:
    """The options win; what they do not say is asked for on a terminal, with what was recognised as the suggestion, and
    is taken from that elsewhere. Raises Misconfigured where nobody can be asked."""
    dsn = arguments.dsn or _ask("dsn", _DSN)
    found = await _recognised(dsn, environ)
    preset = arguments.preset or _preset(dsn, found)
    if preset not in preset_names():
        raise Misconfigured(f"--preset: there are {', '.join(preset_names())}.")
    variables = _variables(dsn, preset, dict(arguments.set), found)
    others = {name: getattr(arguments, name) or _ask(name, question) for name, question in _ASKED.items()}
    return Wanted(preset=preset, dsn=dsn, variables=variables, **others)


async def _recognised(dsn: str, environ: Mapping[str, str]) -> list[Product]:
    url = secret_of(environ, dsn)
    if not url:
        raise Misconfigured(f"--dsn: the environment variable {dsn} is not set; set it to the database's URL.")
    try:
        name, engine = build_engine(url)
    except ValueError as error:
        raise Misconfigured(f"--dsn: {dsn}: {error}.") from None
    try:
        found = await recognise(engine, name)
    except (SourceUnavailable, SourceMisconfigured) as error:
        said = error.told(holder(dsn)) if isinstance(error, NotConnected) else error.detail or error.title
        print(f"{dsn}: the database cannot be looked into: {said}")
        return []
    finally:
        await engine.close()
    for one in found:
        print(f"{dsn}: {_described(one)}")
    return found


def _preset(dsn: str, found: Sequence[Product]) -> str:
    if sys.stdin.isatty():
        return _ask("preset", f"Which preset ({', '.join(preset_names())})", found[0].preset if found else "")
    if len({one.preset for one in found}) == 1:
        return found[0].preset
    names = " and ".join(dict.fromkeys(one.name for one in found))
    seen = f"holds {names}" if found else "shows none of the products that are known"
    raise Misconfigured(f"--preset is missing, and {dsn} {seen}; there are {', '.join(preset_names())}.")


def _variables(dsn: str, preset: str, given: Mapping[str, str], found: Sequence[Product]) -> dict[str, str]:
    fitting = [one.variables for one in found if one.preset == preset and one.variables.items() >= _shared(one, given)]
    if len(fitting) > 1 and not sys.stdin.isatty():
        several = " and ".join(_set(variables) for variables in fitting)
        raise Misconfigured(f"{dsn} holds it more than once; choose by {several}.")
    suggested = {**(fitting[0] if fitting else {}), **given}
    if sys.stdin.isatty():
        asked = (name for name in preset_variables(preset) if name not in given)
        suggested |= {name: _ask(name, name, suggested.get(name, ""), empty=True) for name in asked}
    return suggested


def _shared(product: Product, given: Mapping[str, str]) -> ItemsView[str, str]:
    """What was given of that which the tables' names show."""
    return {name: value for name, value in given.items() if name in product.variables}.items()


def _described(product: Product) -> str:
    variables = ", ".join(f"{name} = {value!r}" for name, value in product.variables.items())
    return f"{product}, with {variables}. Its preset is {product.preset!r}."


def _set(variables: Mapping[str, str]) -> str:
    return " ".join(f"--set {name}={shlex.quote(value)}" for name, value in variables.items())


def _ask(name: str, question: str, suggestion: str = "", *, empty: bool = False) -> str:
    if not sys.stdin.isatty():
        raise Misconfigured(f"--{name.replace('_', '-')} is missing; without a terminal nobody can be asked for it.")
    hint = f" [{suggestion}]" if suggestion else " (may be empty)" if empty else ""
    answer = input(f"{question}{hint}: ").strip() or suggestion
    return answer if answer or empty else _ask(name, question)


def _pair(text: str) -> tuple[str, str]:
    name, mark, value = text.partition("=")
    if not mark:
        raise argparse.ArgumentTypeError(f"{text!r} is not NAME=VALUE")
    return name, value
