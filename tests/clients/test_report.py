"""Ten questions that a person asks of report.html, which has to answer each in a sentence of its own."""

import asyncio
import re
import zipfile
from html import unescape

import pytest

from app.commands.demo import sample_databases
from app.commands.sample.generate import write_sample
from tests.builders import BASE, archive, candidates, running

MARIA, FAMILY, COOKIE = "maria.keller@example.com", "family@example.com", "0f4a7c52-8d7e-4b0a-9c1e-2f6b7a3d9e10"
VISITORS = {"the heavy visitor": (MARIA, "iPhone"), "a shared iPad": (FAMILY, "iPad"), "no device": (COOKIE, None)}
SHARED = "several people used this device and browser, and these data do not say which of them they belong to"


@pytest.fixture(scope="module")
def archives(tmp_path_factory: pytest.TempPathFactory) -> dict[str, zipfile.ZipFile]:
    folder = tmp_path_factory.mktemp("sample")
    write_sample(folder, 2000)
    environ = sample_databases(folder)

    async def export() -> dict[str, zipfile.ZipFile]:
        mappings = folder / "data-centers"
        async with running(folder, mappings=mappings, environ=environ) as service, await service.client() as client:
            made = {}
            for name, (identifier, device) in VISITORS.items():
                offered = await candidates(client, identifier, "website")
                token = next(one["candidate"] for one in offered if one["device"] == device)
                answer = await client.post(f"{BASE}/exports", json={"candidate": token})
                made[name] = await archive(client, str(answer.headers["location"]))
            return made

    return asyncio.run(export())


def lines(page: str) -> str:
    """What a person reads: the text of each paragraph, cell or entry of a list as a line."""
    body = page.partition("<body>")[2]
    broken = re.sub(r"</?(?:p|dt|dd|h[1-6]|li|th|td|div|section|article|tr)\b[^>]*>", "\n", body)
    return unescape(re.sub(r"[ \t]+", " ", re.sub(r"<[^>]*>", "", broken)))


DAY = r"\d{1,2} (?:January|February|March|April|May|June|July|August|September|October|November|December) \d{4}"
WHERE = {
    "the heavy visitor": r"What it is\n+City\n+What you told us\n+Berlin\n",
    "a shared iPad": rf"What you told us about yourself, now and before\n+Not in this archive: {SHARED}\.",
    "no device": r"What you told us about yourself, now and before\nno entries\n",
}
DEVICE = {
    "the heavy visitor": r"Device and browser\n+iPhone · Safari\n",
    "a shared iPad": r"Device and browser\n+iPad · Safari\n",
    "no device": r"Device and browser\n+Unknown · Firefox\. Where it says Unknown, Acme Outdoor noted no device",
}
MISSING = {
    "the heavy visitor": r"Other devices and browsers\n+The same visitor also used one other combination .* Ask again",
    "a shared iPad": rf"Which kind of visitor we take you for; .*\n+{SHARED.capitalize()}\. Ask the contact",
    "no device": r"The same visitor also used 2 other combinations of device and browser\.",
}
SCORES = r"Kind of visitor\n.+\nPoints\n[\d.]+\nPoints from which we say so\n[\d.]+\n"
PERSONA = {
    "the heavy visitor": SCORES,
    "a shared iPad": rf"Which kind of visitor we take you for\n+Not in this archive: {SHARED}",
    "no device": SCORES,
}
QUESTIONS: dict[str, str | dict[str, str]] = {
    "where do I live?": WHERE,
    "when did you first see me?": rf"The earliest entry is of {DAY}, the latest of {DAY}\.",
    "which company?": r"^\s*Your personal data at Acme Outdoor\n(.*\n)*?Company\n+Acme Outdoor\n(.*\n)*?Responsible\n+Acme Outdoor GmbH",
    "shared with whom?": r"Who else receives it\n+Our hosting company\n(.*\n)*?Who receives it\n+Parcel services get your name",
    "how do I get it erased?": r"Contact\n+Write to privacy@acme\.example(.*\n)*?Your rights, erasure too\n+You may have .* erased",
    "which device was this?": DEVICE,
    "what is missing, and why?": MISSING,
    "why this persona?": PERSONA,
    "until when can I download it?": rf"Can be downloaded\n+until {DAY}, \d\d:\d\d \(Europe/Berlin\) at least\. After that Acme Outdoor deletes",
    "can I open it on my phone?": r"report\.html\n+Opens in any browser, on a phone too.*\n+viewer\.html\n+Shows every entry\. .* on a phone it needs",
}


@pytest.mark.parametrize("visitor", VISITORS)
@pytest.mark.parametrize("question", QUESTIONS)
def test_the_report_answers(question: str, visitor: str, archives: dict[str, zipfile.ZipFile]) -> None:
    answer = QUESTIONS[question]
    text = lines(archives[visitor].read("report.html").decode())
    text = re.sub(r"\s*\n\s*", "\n", text)
    assert re.search(answer if isinstance(answer, str) else answer[visitor], text), text


def test_why_a_persona_is_told_where_decisions_of_machines_are(archives: dict[str, zipfile.ZipFile]) -> None:
    for opened in archives.values():
        said = lines(opened.read("report.html").decode())
        assert re.search(r"Automated decisions\n+A program works out from your visits which kind of customer", said)


@pytest.mark.parametrize("visitor", VISITORS)
def test_what_is_not_there_is_told_in_the_same_words_everywhere(
    visitor: str, archives: dict[str, zipfile.ZipFile]
) -> None:
    opened = archives[visitor]
    readme = opened.read("README.txt").decode()
    page = lines(opened.read("report.html").decode())
    missing = re.findall(r"^- (.*?): (.*)$", readme.partition("Not in here:\n")[2].partition("\n\n")[0], re.MULTILINE)
    assert len(missing) >= 3
    for what, why in missing:
        assert re.search(rf"{re.escape(what)}\s+{re.escape(why[0].upper() + why[1:])}", page)
    assert "everything" not in readme


def test_only_what_the_person_did_is_activity(archives: dict[str, zipfile.ZipFile]) -> None:
    page = archives["the heavy visitor"].read("report.html").decode()
    timeline = page.partition('<section id="timeline">')[2].partition("</section>")[0]
    counts = [int(one.replace(",", "")) for one in re.findall(r"<title>\w+ \d{4}: ([\d,]+)</title>", timeline)]
    # The sections of the category interaction hold 2,000 entries and one form; a profile and scores have dates too.
    assert sum(counts) == 2001
    # A bar for every month from the first entry to the last, whether there was anything or not.
    first, last = (re.findall(r"<span>(\w+) (\d{4})</span>", timeline)[place] for place in (0, -1))
    years = int(last[1]) - int(first[1])
    assert abs(len(counts) - 12 * years) < 12


def test_nothing_in_the_report_leads_out_but_contact_and_authority(archives: dict[str, zipfile.ZipFile]) -> None:
    page = archives["the heavy visitor"].read("report.html").decode()
    out = {one for one in re.findall(r'href="([^"]*)"', page) if not one.startswith("#")}
    assert out == {"mailto:privacy@acme.example", "https://www.datenschutz-berlin.de"}
    inside = set(re.findall(r'href="#([^"]*)"', page))
    assert inside <= set(re.findall(r' id="([^"]*)"', page))
    assert inside >= {"glance", "absent", "timeline", "section-interactions", "notice", "files"}
