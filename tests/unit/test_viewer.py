"""viewer.html as archives carry it: small, made of its sources, and nothing in it that could load or end a block."""

import base64
import hashlib
import json
import re
import shlex
import subprocess
import sys
import zlib
from html.parser import HTMLParser
from pathlib import Path

import pytest

from app.archive import bundle
from app.archive.assets import Assets
from app.archive.bundle import viewer, words
from app.archive.schema import Included, LeftOut, Run
from app.kit.language import LANGUAGES, Language
from tests.sample import ROOT

MODULES = Path(bundle.__file__).parent / "viewer"
MOST = 60_000


class Blocks(HTMLParser):
    """The scripts and styles of a page, and every attribute in it."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.text: dict[str, str] = {}
        self.attributes: list[tuple[str, str]] = []
        self.comments: list[str] = []
        self._inside = ""
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        said = {name: value or "" for name, value in attrs}
        self.attributes.extend(said.items())
        self._inside = (said.get("id") or said.get("type") or tag) if tag in ("script", "style") else ""

    def handle_endtag(self, tag: str) -> None:  # noqa: ARG002  the parser names it
        self._inside = ""

    def handle_comment(self, data: str) -> None:
        self.comments.append(data)

    def handle_data(self, data: str) -> None:
        if self._inside:
            self.text[self._inside] = self.text.get(self._inside, "") + data


@pytest.fixture(scope="module")
def page() -> str:
    return Assets().viewer.decode()


def test_it_is_what_its_sources_give(page: str) -> None:
    """Unpacked, because builds of zlib pack the same into other bytes."""
    made = viewer().decode()
    assert _unpacked(Blocks(page)) == _unpacked(Blocks(made)), "run `make viewer` and commit"
    assert _unfilled(page) == _unfilled(made), "run `make viewer` and commit"


def test_it_is_small_and_its_sum_is_published(page: str) -> None:
    assert len(page.encode()) <= MOST
    digest = hashlib.sha256(page.encode()).hexdigest()
    assert f"its SHA-256 is\n  `{digest}`" in (ROOT / "CHANGELOG.md").read_text(), digest


def test_it_says_how_what_is_packed_in_it_is_read(page: str, tmp_path: Path) -> None:
    (said,) = Blocks(page).comments
    assert "\n" not in said
    (tmp_path / "viewer.html").write_bytes(page.encode())
    command = [sys.executable, *shlex.split(said.partition("To read it: ")[2])[1:]]
    done = subprocess.run(
        command, cwd=tmp_path, capture_output=True, encoding="utf-8", check=True, env={"PYTHONUTF8": "1"}
    )
    assert {one["id"]: one["text"] for one in json.loads(done.stdout)} == _unpacked(Blocks(page))


def test_the_command_writes_it() -> None:
    done = subprocess.run([sys.executable, "-m", "app", "viewer"], cwd=ROOT, capture_output=True, check=True)
    assert done.stdout == viewer()


def test_the_policy_names_the_hashes_of_what_runs_and_nothing_else(page: str) -> None:
    blocks = Blocks(page)
    inside = _unpacked(blocks)
    policy = next(value for name, value in blocks.attributes if name == "content" and "default-src" in value)
    said = dict(part.strip().split(" ", 1) for part in policy.split(";"))
    assert said == {
        "default-src": "'none'", "style-src": _hash(inside["style"]),
        "script-src": f"{_hash(blocks.text['script'])} {_hash(inside['page'])}",
        "worker-src": "blob:", "connect-src": "'none'", "img-src": "data:", "base-uri": "'none'",
        "form-action": "'none'",
    }  # fmt: skip


def test_it_loads_nothing(page: str) -> None:
    blocks = Blocks(page)
    assert "http" not in page.replace("http-equiv", "")
    assert {value for name, value in blocks.attributes if name in ("src", "href")} == {"data:,"}
    assert not [name for name, _ in blocks.attributes if name.startswith("on") or name == "style"]
    for text in (*blocks.text.values(), *_unpacked(blocks).values()):
        assert not re.search(r"</script|<!--|https?:", text)


def test_it_carries_the_engine_and_all_words(page: str) -> None:
    inside = _unpacked(Blocks(page))
    assert inside["engine"] == bundle.bundle("engine.js")
    said = json.loads(inside["words"])
    for language in LANGUAGES:
        assert dict(zip(said["keys"], said[language], strict=True)) == words(language)


def test_it_knows_every_key_of_the_manifest() -> None:
    """Another key than the published form has is told to the person as a sign of a changed archive."""
    text = (MODULES / "form.js").read_text()
    for pattern, models in ((r'TOLD = "([^"]+)"', (Included, LeftOut)), (r'\bexport: "([^"]+)"', (Run,))):
        found = re.search(pattern, text)
        assert found
        known = {key.removesuffix("?") for key in found[1].split()}
        assert known == {key for model in models for key in model.model_fields}


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_language_says_the_same(language: Language) -> None:
    english, other = words("en"), words(language)
    assert list(other) == list(english)
    for key, sentence in english.items():
        assert _places(other[key]) == _places(sentence), key
        assert 1 <= len(other[key].split("|")) <= 2


def test_every_word_is_used_and_every_used_word_is_there() -> None:
    text = "\n".join(path.read_text() for path in (*MODULES.glob("*.js"), Path(bundle.__file__)))
    known = set(words("en"))
    assert set(re.findall(r'\bsay\("([^"]+)"', text)) <= known
    assert {key for key in known if f'"{key.removeprefix("wrong-")}"' not in text} == set()
    assert {f"wrong-{key}" for key in re.findall(r'note\(\{ key: "([a-z-]+)"', text)} - known == {"wrong-zip"}


def test_what_two_modules_both_declare_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    one = 'import { two } from "./b.js";\n\nexport const one = 1, other = [two];\n'
    modules = {"a.js": one, "b.js": "// Why.\nexport function two() {\n  return 2;\n}\n"}
    monkeypatch.setattr(bundle, "_read", modules.__getitem__)
    assert bundle.bundle("a.js").startswith("function two() {\nreturn 2;\n}\n")
    modules["b.js"] += "const other = 3;\n"
    with pytest.raises(ValueError, match=r"declared twice below a\.js: other"):
        bundle.bundle("a.js")


def test_an_import_that_would_stay_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bundle, "_read", {"a.js": 'import * as b from "./b.js";\n'}.__getitem__)
    with pytest.raises(ValueError, match=r"a\.js: one import a line"):
        bundle.bundle("a.js")


def _hash(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


def _unpacked(blocks: Blocks) -> dict[str, str]:
    made = json.loads(zlib.decompress(base64.b64decode(blocks.text["packed"]), -15))
    return {one["id"]: one["text"] for one in made}


def _unfilled(page: str) -> str:
    return page.replace(Blocks(page).text["packed"], "")


def _places(sentence: str) -> set[str]:
    return set(re.findall(r"\{(\w+)\}", sentence))
