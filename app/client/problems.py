"""One sentence for whatever went wrong: a problem document of the service, a foreign answer, or none at all."""

from http import HTTPStatus

import httpx

from app.client.ended import Code, Ended, Json
from app.kit.text import visible

_CODES = {
    HTTPStatus.UNAUTHORIZED: Code.REFUSED,
    HTTPStatus.FORBIDDEN: Code.REFUSED,
    HTTPStatus.BAD_REQUEST: Code.MISUSED,
    HTTPStatus.UNPROCESSABLE_ENTITY: Code.MISUSED,
    HTTPStatus.TOO_MANY_REQUESTS: Code.AWAY,
}
# What a person at a terminal can do about it, where the service's words are for programs.
_ADVICE = {
    "unauthenticated": "Set DOSSIER_KEY, or name a file with --key-file, to a key that is valid.",
    "forbidden": "Ask whoever makes the keys for one that may do this.",
    "not-found": "`dossier history` lists what there is; --data-center names where.",
    "candidate-token-invalid": "Search again.",
    "export-unfinished": "Try again once it has ended.",
    "erasure-unfinished": "`dossier history --kind erasure` lists it; `dossier revoke ID` cancels it before it begins.",
    "erasure-off": "Whoever runs the service decides about that.",
    "not-erasable": "Tell whoever writes the mapping.",
    "plan-invalid": "Begin again with `dossier erase`.",
    "plan-outdated": "Begin again with `dossier erase`, whose --preview shows what there is now.",
    "confirm-mismatch": "It stands behind the visitor's label, in the search and in the preview.",
    "erasure-final": "`dossier history --kind erasure` lists its status.",
    "erasure-not-done": "`dossier history --kind erasure` lists its status.",
    "rows-remain": "Tell whoever writes the mapping.",
    "rows-mismatch": "Tell whoever writes the mapping.",
    "rows-referred": "Tell whoever writes the mapping.",
    "rows-locked": "Try again later.",
    "export-expired": "Request the export again.",
    "export-revoked": "Request the export again, if it is to be had after all.",
    "quota-exceeded": "Try again later.",
    "internal-error": "Tell whoever runs the service the reference.",
}
# Why an erasure failed, of which the history keeps the slug alone.
_FAILED = {
    "plan-outdated": "there is more to erase than the plan says.",
    "rows-remain": "counted once more, rows are there still, or rows that were to be kept are gone.",
    "rows-mismatch": "a step would touch other rows than it counts, and was taken back.",
    "rows-referred": "the database refuses, because other rows refer to those, or by a rule of its own.",
    "rows-locked": "somebody else holds the rows locked.",
    "source-unavailable": "the data source does not answer. Try again later.",
    "source-misconfigured": "the mapping does not fit the data source. Tell whoever runs the service.",
    "permission-lost": "the key that asked for it may not erase any more.",
}
_OWN_WORDS = {"unauthenticated"}


def ended(answer: httpx.Response) -> Ended:
    problem = _problem_of(answer)
    if problem is None:
        where = f"{answer.request.url.scheme}://{answer.request.url.netloc.decode()}"
        return Ended(
            Code.AWAY, f"{where} answered with status {answer.status_code}, and not as Dossier does. Check --url."
        )
    return Ended(code_of(answer.status_code), sentence_of(problem), problem)


def foreign(url: object) -> Ended:
    return Ended(Code.AWAY, f"What answers at {url} does not speak as Dossier does. Check --url.")


def away(url: object, error: Exception) -> Ended:
    where = str(url).rstrip("/")
    reason = visible(str(error)) or type(error).__name__
    return Ended(Code.AWAY, f"{where} does not answer ({reason}). Check --url, and whether the service runs.")


def code_of(status: int) -> Code:
    """What a status of the service means for whoever runs the command."""
    known = _CODES.get(HTTPStatus(status)) if status in set(HTTPStatus) else None
    if known is not None:
        return known
    return Code.AWAY if status >= HTTPStatus.INTERNAL_SERVER_ERROR else Code.DOES_NOT_HOLD


def sentence_of(problem: Json) -> str:
    """Title, detail, what to do, and the reference by which the service's log knows it."""
    slug = str(problem.get("type", "")).rpartition("/")[2]
    told = f"{problem.get('title')}."
    if slug not in _OWN_WORDS and problem.get("detail"):
        told += f" {problem['detail']}"
    for one in problem.get("errors") or ():
        told += f" {one.get('pointer') or 'The request'}: {str(one.get('detail')).rstrip('.')}."
    told += f" {_ADVICE[slug]}" if slug in _ADVICE else ""
    reference = str(problem.get("instance") or "").removeprefix("urn:uuid:")
    return visible(told + (f" (Reference {reference}.)" if reference else ""))


def failed(slug: str) -> str:
    """Why, with what to do about it."""
    if slug not in _FAILED:
        return f"{visible(slug)}. Tell whoever runs the service."
    return f"{_FAILED[slug]} {_ADVICE.get(slug, '')}".rstrip() + f" ({slug})"


def _problem_of(answer: httpx.Response) -> Json | None:
    """The document, if that is what was answered."""
    if not answer.headers.get("content-type", "").startswith("application/problem+json"):
        return None
    try:
        answer.read()
        found = answer.json()
    except (ValueError, httpx.HTTPError):
        return None
    return found if isinstance(found, dict) and found.get("title") else None
