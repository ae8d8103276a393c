"""viewer.html: its page, style, two bundles of modules and all languages' words, joined into one file."""

import json
import re
import tomllib
import zlib
from base64 import b64encode
from collections.abc import Iterator
from hashlib import sha256
from importlib.resources import files

_HERE = files("app.archive")
_LANGUAGES = ("en", "de", "fr", "es", "it")
_IMPORT = re.compile(r'^import \{[^{}]*\} from "\./([a-z0-9-]+\.js)";\n', re.MULTILINE)
_COMMENT = re.compile(r"^ *(?://.*|/\*\*(?:[^*]|\*(?!/))*\*/)\n", re.MULTILINE)
_EXPORT = re.compile(r"^export ", re.MULTILINE)
_INDENT = re.compile(r"\n\s+")
_TOP = re.compile(r"^(?:async )?(?:function\*?|class|const|let) (.+)", re.MULTILINE)
_BRACKETS = re.compile(r"\([^()]*\)|\[[^\[\]]*]|\{[^{}]*}")
_NAMES = re.compile(r"(?:^|, )(\w+)")
# What must stay as it is: texts, templates, and regular expressions, which follow a bracket or an operator.
_LITERAL = re.compile(
    r'("(?:[^"\\\n]|\\.)*"|`(?:[^`\\\n]|\\.)*`|(?<=[(,=:!&|?;] )/[^/*](?:[^/\\\[\n]|\\.|\[(?:[^]\\\n]|\\.)*])*/'
    r"|(?<=[(!])/[^/*](?:[^/\\\[\n]|\\.|\[(?:[^]\\\n]|\\.)*])*/)"
)
# Not plus and minus: a space tells `a + +b` from `a++b`.
_AROUND = re.compile(r" ?([=<>!&|?:;,(){}\[\]*%]) ?")
_PLACE = re.compile(r"\{(policy|style|old|packed|script)\}")


def viewer() -> bytes:
    """The same bytes every time."""
    style, script = _style(), bundle("main.js")
    places = {
        "style": style, "script": script, "packed": _packed(), "old": _too_old(),
        "policy": f"default-src 'none'; script-src {_hashed(script)}; style-src {_hashed(style)}; worker-src blob:; "
        "connect-src 'none'; img-src data:; base-uri 'none'; form-action 'none'",
    }  # fmt: skip
    page = _INDENT.sub("\n", _read("page.html"))
    return _PLACE.sub(lambda place: places[place[1]], page).encode()


def bundle(entry: str) -> str:
    """A module and all that it imports, each once, dependencies first. ValueError where two declare the same name."""
    done: dict[str, str] = {}
    _follow(entry, done)
    declared = [name for module in done.values() for name in _declared(module)]
    if twice := {name for name in declared if declared.count(name) > 1}:
        raise ValueError(f"declared twice below {entry}: {', '.join(sorted(twice))}")
    return "".join(map(_squeezed, done.values()))


def words(language: str) -> dict[str, str]:
    """What the page says in one language."""
    text = (_HERE / "words" / f"{language}.toml").read_text("utf-8")
    said: dict[str, str] = tomllib.loads(text)["viewer"]
    return said


def _follow(name: str, done: dict[str, str], above: tuple[str, ...] = ()) -> None:
    if name in above:
        raise ValueError(f"a circle of imports: {' → '.join((*above, name))}")
    if name in done:
        return
    text = _read(name)
    for other in _IMPORT.findall(text):
        _follow(other, done, (*above, name))
    done[name] = _EXPORT.sub("", _COMMENT.sub("", _IMPORT.sub("", text)))
    if re.search(r"^(?:import|export)\b", done[name], re.MULTILINE):
        raise ValueError(f"{name}: one import a line, and an export before what it exports")


def _declared(module: str) -> Iterator[str]:
    """The names at a module's top, of lines such as `const ONE = 1, TWO = [1, 2];`."""
    for line in _TOP.findall(module):
        yield from _NAMES.findall(_BRACKETS.sub("", line))


def _squeezed(module: str) -> str:
    """Without the space between a sign and a word; line ends stay, because they may end a statement."""
    pieces = _LITERAL.split(_INDENT.sub("\n", module).lstrip())
    return "".join(piece if at % 2 else _AROUND.sub(r"\1", piece) for at, piece in enumerate(pieces))


def _style() -> str:
    text = re.sub(r"/\*.*?\*/|\n", " ", _read("style.css"), flags=re.DOTALL)
    return re.sub(r" *([{};,>]) *", r"\1", re.sub(r"\s+", " ", text)).replace(";}", "}").strip()


def _packed() -> str:
    """The engine and all sentences (keys once, then each language's in their order), deflated: plain, they would be
    half of the page."""
    keys = list(words("en"))
    table = {"keys": keys} | {one: [words(one)[key] for key in keys] for one in _LANGUAGES}
    packing = zlib.compressobj(9, wbits=-15)
    packed = packing.compress(_compact({"engine": bundle("engine.js"), "words": table})) + packing.flush()
    return b64encode(packed).decode()


def _too_old() -> str:
    """What browsers say that cannot inflate the rest."""
    return _compact({one: words(one)["too-old-browser"] for one in _LANGUAGES}).decode().replace("<", "\\u003c")


def _compact(value: object) -> bytes:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()


def _hashed(block: str) -> str:
    return f"'sha256-{b64encode(sha256(block.encode()).digest()).decode()}'"


def _read(name: str) -> str:
    return (_HERE / "viewer" / name).read_text("utf-8")
