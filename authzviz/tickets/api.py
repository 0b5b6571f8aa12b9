"""A tracker's JSON over HTTP: what was asked for, in our shape, or the error that fits."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Protocol, TypeVar

from authzviz.tickets.errors import OutcomeUnknown, TrackerError, TrackerUnavailable
from authzviz.tickets.http import Answer, Refusal, TrackerHttp, usual_error

T = TypeVar("T")
Query = Mapping[str, str | list[str]]
# ArithmeticError: what is no number, or too large for one.
_ODD = (LookupError, TypeError, ValueError, AttributeError, RecursionError, ArithmeticError)
_LONGEST_MESSAGE = 1_000


class Meaning(Protocol):
    """What a refusal means; `usual_error` is one."""

    def __call__(
        self, refusal: Refusal, host: str, *, is_change: bool, is_of_ticket: bool = False
    ) -> TrackerError:
        """The error to raise."""
        ...


class JsonApi:
    """Reads and changes. `shape` makes what is wanted out of the JSON, None where there is no body;
    where it raises KeyError, TypeError or ValueError, the answer is none that can be used.
    """

    def __init__(self, http: TrackerHttp, meaning: Meaning = usual_error) -> None:
        self._http = http
        self._meaning = meaning

    @property
    def host(self) -> str:
        """The server's host."""
        return self._http.host

    def read(
        self,
        path: str,
        shape: Callable[[Any], T],
        *,
        query: Query | None = None,
        is_of_ticket: bool = False,
    ) -> T:
        """What is there. Raises TrackerError, TicketGone among them where `is_of_ticket`."""
        return self.read_page(path, shape, query=query, is_of_ticket=is_of_ticket)[0]

    def read_page(
        self,
        path: str,
        shape: Callable[[Any], T],
        *,
        query: Query | None = None,
        is_of_ticket: bool = False,
    ) -> tuple[T, Mapping[str, str]]:
        """What is there, and the headers, which tell of further pages."""
        answer = self._http.ask("GET", path, query=query)
        if isinstance(answer, Refusal):
            raise self._refused(answer, is_change=False, is_of_ticket=is_of_ticket)
        try:
            return shape(_json(answer)), answer.headers
        except _ODD:
            raise TrackerUnavailable(self._odd()) from None

    def change(
        self,
        method: str,
        path: str,
        shape: Callable[[Any], T],
        body: object = None,
        *,
        query: Query | None = None,
        is_of_ticket: bool = False,
    ) -> T:
        """What is there now. Raises TrackerError, OutcomeUnknown among them."""
        answer = self._http.ask(method, path, query=query, body=body)
        if isinstance(answer, Refusal):
            raise self._refused(answer, is_change=True, is_of_ticket=is_of_ticket)
        try:
            return shape(_json(answer))
        except TrackerUnavailable as error:  # what had to be asked beside it
            raise OutcomeUnknown(error.message) from None
        except _ODD:
            raise OutcomeUnknown(self._odd()) from None

    @contextmanager
    def sense(self) -> Iterator[None]:
        """Within it answers are used that were read before. Raises TrackerUnavailable where they
        are none that can be used.
        """
        try:
            yield
        except _ODD:
            raise TrackerUnavailable(self._odd()) from None

    def _refused(self, answer: Refusal, *, is_change: bool, is_of_ticket: bool) -> TrackerError:
        """What the refusal means; what its JSON spells in escapes may be a secret, too."""
        error = self._meaning(answer, self.host, is_change=is_change, is_of_ticket=is_of_ticket)
        error.message = self._http.clean(error.message, most=_LONGEST_MESSAGE)
        error.args = (error.message,)
        return error

    def _odd(self) -> str:
        return f"{self.host} answered with something else than was asked for"


def _json(answer: Answer) -> Any:
    return answer.json() if answer.body.strip() else None
