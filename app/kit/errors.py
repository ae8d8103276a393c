"""What can go wrong, said without HTTP: every room's errors are one of these kinds."""

from typing import ClassVar


class Failure(Exception):
    """The service met an error that it did not expect. Its log tells where, under the reference in `instance`."""

    slug: ClassVar[str] = "internal-error"
    title: ClassVar[str] = "Something went wrong inside the service"
    # Whether the audit trail tells who was answered so.
    is_refusal: ClassVar[bool] = False

    def __init__(self, detail: str | None = None) -> None:
        super().__init__(detail or self.help())

    @property
    def detail(self) -> str:
        return str(self.args[0])

    @classmethod
    def help(cls) -> str:
        """The docstring as one paragraph of plain text."""
        return " ".join((cls.__doc__ or cls.title).split())


class Invalid(Failure):
    """What was sent does not have the form that the contract asks for."""


class Denied(Failure):
    """The caller is known but may not do this."""


class Missing(Failure):
    """There is no such thing, or not for this caller."""


class Conflict(Failure):
    """The state of things does not allow it."""


class Gone(Failure):
    """It existed, and does not any more."""


class Exceeded(Failure):
    """Too much was asked for in too short a time."""

    def __init__(self, detail: str | None = None, retry_after: int = 1, limit: str = "") -> None:
        """`retry_after`: seconds until there is room again. `limit`: which one it is, in words of ours."""
        super().__init__(detail)
        self.retry_after, self.limit = retry_after, limit


class Unavailable(Failure):
    """Something this service depends on does not answer; trying again later may help."""


class NotFound(Missing):
    """There is nothing at this address that this caller may see. Check the path, the id (a UUID) and
    the data center; what belongs to another data center looks the same as what does not exist."""

    slug = "not-found"
    title = "Not found"
    is_refusal = True


class IssuerAway(Unavailable):
    """The identity provider did not tell its public keys, so its tokens cannot be checked yet. Try again after some
    seconds, or use a key."""

    slug = "identity-provider-unavailable"
    title = "The identity provider does not answer"


class Misconfigured(Exception):
    """The service cannot start like this; the sentence names what is wrong and how to mend it."""


def known_problems() -> dict[str, type[Failure]]:
    """Every problem that has a slug of its own, by slug."""
    found: dict[str, type[Failure]] = {Failure.slug: Failure}
    kinds = [Failure]
    while kinds:
        for kind in kinds.pop().__subclasses__():
            kinds.append(kind)
            if "slug" in vars(kind):
                found[kind.slug] = kind
    return dict(sorted(found.items()))
