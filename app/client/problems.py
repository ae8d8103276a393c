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
    "export-expired": "Request the export again.",
    "export-revoked": "Request the export again, if it is to be had after all.",
    "quota-exceeded": "Try again later.",
    "internal-error": "Tell whoever runs the service the reference.",
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
