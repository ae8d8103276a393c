"""viewer.html: its page, style, two bundles of modules and all languages' words, packed into one file."""

import json
import re
import zlib
from base64 import b64encode
from collections.abc import Iterator
from hashlib import sha256
from importlib.resources import files

from app.archive.translator import read_words
from app.kit.language import LANGUAGES, Language

_HERE = files("app.archive")
_IMPORT = re.compile(r'^import \{[^{}]*\} from "\./([a-z0-9-]+\.js)";\n', re.MULTILINE)
_COMMENT = re.compile(r"^ *(?://.*|/\*\*(?:[^*]|\*(?!/))*\*/)\n", re.MULTILINE)
_EXPORT = re.compile(r"^export ", re.MULTILINE)
_INDENT = re.compile(r"\n\s+")
_TOP = re.compile(r"^(?:async )?(?:function\*?|class|const|let) (.+)", re.MULTILINE)
_BRACKETS = re.compile(r"\([^()]*\)|\[[^\[\]]*]|\{[^{}]*}")
_NAMES = re.compile(r"(?:^|, )(\w+)")
# What report.html says as well, it says in the same words.
_SHARED = (
    "unknown empty yes no company from_where as_of export contents absent_title timeline notice controller contact "
    "rights authority dpo purposes recipients retention transfers automated_decisions purpose recipients_here see "
    "nobody_named kept origin given observed inferred whole_account omitted"
)
_PLACE = re.compile(r"\{(policy|old|packed|unpack)\}")


def viewer() -> bytes:
    """The same bytes from every run of one Python; builds of zlib differ, so what archives carry is committed."""
    unpack, style, page = bundle("unpack.js"), _style(), bundle("main.js")
    blocks = [
        {"tag": "style", "id": "style", "text": style},
        {"tag": "script", "type": "text/plain", "id": "engine", "text": bundle("engine.js")},
        {"tag": "script", "type": "application/json", "id": "words", "text": _compact(_words()).decode()},
        {"tag": "script", "type": "module", "id": "page", "text": page},
    ]
    places = {"unpack": unpack, "packed": _packed(blocks), "old": _too_old(), "policy": _policy(style, unpack, page)}
    return _PLACE.sub(lambda place: places[place[1]], _INDENT.sub("\n", _read("page.html"))).encode()


def bundle(entry: str) -> str:
    """A module and all that it imports, each once, dependencies first. ValueError where two declare the same name."""
    done: dict[str, str] = {}
    _follow(entry, done)
    declared = [name for module in done.values() for name in _declared(module)]
    if twice := {name for name in declared if declared.count(name) > 1}:
        raise ValueError(f"declared twice below {entry}: {', '.join(sorted(twice))}")
    return "".join(_INDENT.sub("\n", module).lstrip() for module in done.values())


def words(language: Language) -> dict[str, str]:
    """What the page says in one language."""
    said = read_words(language)
    own: dict[str, str] = said["viewer"]
    return {key: str(said[key]) for key in _SHARED.split()} | own


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


def _style() -> str:
    text = re.sub(r"/\*.*?\*/|\n", " ", _read("style.css"), flags=re.DOTALL)
    return re.sub(r" *([{};,>]) *", r"\1", re.sub(r"\s+", " ", text)).replace(";}", "}").strip()


def _words() -> dict[str, list[str]]:
    """Keys once, then each language's sentences in their order."""
    said = {one: words(one) for one in LANGUAGES}
    keys = list(said["en"])
    return {"keys": keys} | {one: [sentences[key] for key in keys] for one, sentences in said.items()}


def _packed(blocks: list[dict[str, str]]) -> str:
    """Deflated, because five languages and the engine would else be most of the page."""
    packing = zlib.compressobj(9, wbits=-15)
    return b64encode(packing.compress(_compact(blocks)) + packing.flush()).decode()


def _too_old() -> str:
    """What browsers say that cannot inflate the rest."""
    return _compact({one: words(one)["too-old-browser"] for one in LANGUAGES}).decode().replace("<", "\\u003c")


def _compact(value: object) -> bytes:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()


def _policy(style: str, *scripts: str) -> str:
    return (
        f"default-src 'none'; script-src {' '.join(map(_hashed, scripts))}; style-src {_hashed(style)}; "
        "worker-src blob:; connect-src 'none'; img-src data:; base-uri 'none'; form-action 'none'"
    )


def _hashed(block: str) -> str:
    return f"'sha256-{b64encode(sha256(block.encode()).digest()).decode()}'"


def _read(name: str) -> str:
    return (_HERE / "viewer" / name).read_text("utf-8")
