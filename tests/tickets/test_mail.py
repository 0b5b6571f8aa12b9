"""What is mailed, how it gets there, and what a mail server's answers mean."""

from __future__ import annotations

import traceback
from collections.abc import Callable, Iterator
from dataclasses import replace

import pytest

from authzviz.net import AddressPolicy
from authzviz.net.secret import Secret
from authzviz.tickets.errors import (
    OutcomeUnknown,
    TicketRejected,
    TrackerError,
    TrackerUnavailable,
)
from authzviz.tickets.mail import KIND
from authzviz.tickets.port import Draft, Port
from authzviz.tickets.setup import Setup
from tests.lab.pki import Authority
from tests.replay import TOKEN
from tests.tickets.mailserver import END, HANG, USER, MailServer, mail_server
from tests.tickets.shelf import MemoryShelf
from tests.tickets.stage import LOOPBACK
from tests.tickets.test_contract import DRAFT, LATER, MARKER, NOTE, new

FIRST = "00000000-0000-4000-8000-0000000000aa"
SENDER, DESK = "authzviz@example.org", "desk@example.org"


@pytest.fixture
def server() -> Iterator[MailServer]:
    with mail_server() as running:
        yield running


def setup(server: MailServer, *, seconds: float = 20.0, **values: str) -> Setup:
    told = {
        "host": "127.0.0.1",
        "port": str(server.port),
        "security": "starttls",
        "user": USER,
        "from": f"Cluster desk <{SENDER}>",
        "to": DESK,
        "ca": server.ca,
        **values,
    }
    secrets = {"password": Secret(told.pop("password", TOKEN))}
    return Setup(told, secrets, LOOPBACK, MemoryShelf(), seconds)


def port(server: MailServer, *, seconds: float = 20.0, **values: str) -> Port:
    return KIND.connect(setup(server, seconds=seconds, **values))


def assert_no_secret(error: TrackerError) -> None:
    assert TOKEN not in "".join(traceback.format_exception(error)) + repr(vars(error))


def test_a_ticket_is_a_mail_that_reads_well(server: MailServer) -> None:
    made = port(server).create(DRAFT, FIRST)

    (message,) = server.messages()
    assert message["From"] == f"Cluster desk <{SENDER}>"
    assert message["To"] == DESK
    assert message["Subject"] == DRAFT.title
    assert message["Message-ID"] == f"<{FIRST}@example.org>"
    assert message["Auto-Submitted"] == "auto-generated"
    assert message["In-Reply-To"] is None
    assert message.get_content_type() == "text/plain"
    text = message.get_content()
    assert "edge-1 relies on system:node." in text
    assert "- 3 nodes" in text
    assert MARKER in text
    assert f"Page: {DRAFT.page}" in text
    assert "Due: 2031-04-01" in text
    assert (made.state, made.title, made.is_open) == ("sent", DRAFT.title, True)
    assert server.was_encrypted == [True]


REPLIES: dict[str, tuple[Callable[[Port, str, str], object], str]] = {
    "updated": (
        lambda port, id_, delivery: port.update(id_, title="t2", body="b", delivery=delivery),
        "t2",
    ),
    "commented": (lambda port, id_, delivery: port.comment(id_, NOTE, delivery), "2 of 3"),
    "a comment edited": (
        lambda port, id_, delivery: port.edit_comment(id_, "c", LATER, delivery),
        "3 of 3",
    ),
    "closed": (lambda port, id_, delivery: port.close(id_, delivery), "is closed"),
    "reopened": (lambda port, id_, delivery: port.reopen(id_, delivery), "open again"),
}


@pytest.mark.parametrize(("act", "words"), REPLIES.values(), ids=REPLIES)
def test_what_follows_is_in_the_same_thread(
    server: MailServer, act: Callable[[Port, str, str], object], words: str
) -> None:
    made = port(server).create(DRAFT, FIRST)
    delivery = new()

    act(port(server), made.id, delivery)

    message = server.messages()[1]
    assert message["Subject"] == f"Re: {DRAFT.title}"
    assert message["In-Reply-To"] == message["References"] == f"<{FIRST}@example.org>"
    assert message["Message-ID"] == f"<{delivery}@example.org>"
    assert words in message.get_content()


def test_an_id_fits_its_column_and_nothing_is_read_back(server: MailServer) -> None:
    made = port(server).create(replace(DRAFT, title="t" * 500), FIRST)

    assert len(made.id) <= 200
    assert (port(server).find(MARKER), port(server).read([made.id])) == ((), {})
    assert port(server).find_comment(made.id, MARKER) is None


def test_several_recipients_get_one_mail(server: MailServer) -> None:
    port(server, to=f"{DESK}, Night shift <night@example.org>").create(DRAFT, FIRST)

    ((sender, recipients, _),) = server.taken
    assert (sender.split(" ")[0].strip("<>"), recipients) == (SENDER, (DESK, "night@example.org"))


HOSTILE = {
    "a header in the title": replace(DRAFT, title="t\r\nBcc: evil@example.org"),
    "a header in the title, otherwise": replace(DRAFT, title="t\u2028Bcc: evil@example.org\x85"),
    "the end of the mail in the body": replace(DRAFT, body="a\r\n.\r\nMAIL FROM:<evil@x>\r\n.\n"),
    "lines with dots": replace(DRAFT, body="```\n.\n..\n.hidden\n```"),
    "a header in the assignee": replace(DRAFT, assignee="a\r\nBcc: evil@example.org"),
    "letters of the world": replace(
        DRAFT, title="\u202e\u0435\u0434\u0436 \U0001f512", body="größer \ud800"
    ),
}


@pytest.mark.parametrize("draft", HOSTILE.values(), ids=HOSTILE)
def test_b44_nothing_in_a_ticket_is_a_header_or_a_command(server: MailServer, draft: Draft) -> None:
    port(server).create(draft, FIRST)

    (message,) = server.messages()
    assert message["Bcc"] is None
    assert message.keys() == [
        *("From", "To", "Subject", "Date", "Message-ID", "Auto-Submitted"),
        *("Content-Type", "Content-Transfer-Encoding", "MIME-Version"),
    ]
    assert sum(line.startswith("MAIL FROM") for line in server.said) == 1
    if "hidden" in draft.body:
        assert ".hidden" in message.get_content()


REFUSED: dict[str, tuple[dict[str, str], type[TrackerError], bool]] = {
    "the recipient": ({"RCPT": "550 nobody here"}, TicketRejected, True),
    "the recipient for now": ({"RCPT": "450 greylisted"}, TrackerUnavailable, False),
    "the sender": ({"MAIL": "553 not yours"}, TicketRejected, True),
    "the mail": ({".": "554 looks like spam"}, TicketRejected, False),
    "the mail for now": ({".": "451 later"}, TrackerUnavailable, False),
    "too many connections": ({"": "421 too many"}, TrackerUnavailable, False),
    "no service": ({"": "554 no service"}, TicketRejected, True),
    "the login for now": ({"AUTH": "454 later"}, TrackerUnavailable, False),
    "the login, with our password": ({"AUTH": f"535 not {TOKEN}"}, TicketRejected, True),
    "DATA": ({"DATA": "452 disk full"}, TrackerUnavailable, False),
    "STARTTLS": ({"STARTTLS": "454 no"}, TrackerUnavailable, False),
    "lost at the recipient": ({"RCPT": END}, TrackerUnavailable, False),
    "lost at DATA": ({"DATA": END}, TrackerUnavailable, False),
    "no SMTP": ({"": "HTTP/1.1 200 OK"}, TrackerUnavailable, False),
    "a line without end": ({"": "220 " + "x" * 20_000}, TrackerUnavailable, False),
    "an answer without end": ({"EHLO": "250-x\r\n" * 60_000}, TrackerUnavailable, False),
}


@pytest.mark.parametrize(("replies", "error", "is_of_tracker"), REFUSED.values(), ids=REFUSED)
def test_what_a_refusal_means(
    server: MailServer, replies: dict[str, str], error: type[TrackerError], is_of_tracker: bool
) -> None:
    server.replies = replies

    with pytest.raises(error) as caught:
        port(server).create(DRAFT, FIRST)

    assert getattr(caught.value, "is_of_tracker", False) is is_of_tracker
    assert server.taken == []
    assert_no_secret(caught.value)


def test_one_refused_recipient_of_two_means_no_mail_for_anybody(server: MailServer) -> None:
    server.replies = {"RCPT TO:<night": "550 nobody here"}

    with pytest.raises(TicketRejected, match=r"night@example\.org"):
        port(server, to=f"{DESK}, night@example.org").create(DRAFT, FIRST)

    assert server.taken == []


@pytest.mark.parametrize("fault", [END, HANG])
def test_without_an_answer_to_its_end_a_mail_may_have_been_taken(
    server: MailServer, fault: str
) -> None:
    server.replies = {".": fault}

    with pytest.raises(OutcomeUnknown) as caught:
        port(server, seconds=2.0).create(DRAFT, FIRST)

    assert_no_secret(caught.value)
    server.replies = {}
    port(server).create(DRAFT, FIRST)
    first, second = server.messages()
    assert first["Message-ID"] == second["Message-ID"]


def test_what_was_taken_stays_taken_whatever_the_farewell(server: MailServer) -> None:
    server.replies = {"QUIT": END}

    assert port(server).create(DRAFT, FIRST).state == "sent"


@pytest.mark.parametrize("hanging_at", ["", "EHLO", "RCPT"])
def test_a_server_that_stays_silent_is_left(server: MailServer, hanging_at: str) -> None:
    server.replies = {hanging_at: HANG}

    with pytest.raises(TrackerUnavailable):
        port(server, seconds=1.0).create(DRAFT, FIRST)


def test_a_check_signs_in_and_sends_nothing(server: MailServer) -> None:
    said = port(server).check()

    assert SENDER in said
    assert DESK in said
    assert "STARTTLS" in said
    assert TOKEN not in said
    assert server.taken == []
    assert server.said[-1] == "NOOP"


def test_nothing_goes_on_where_starttls_is_missing(server: MailServer) -> None:
    server.features = ("AUTH PLAIN",)

    with pytest.raises(TicketRejected, match="no STARTTLS") as caught:
        port(server).create(DRAFT, FIRST)

    assert caught.value.is_of_tracker
    assert not any(line.startswith(("AUTH", "MAIL")) for line in server.said)


def test_a_certificate_of_others_is_not_trusted(server: MailServer) -> None:
    with pytest.raises(TrackerUnavailable, match="not trusted"):
        port(server, ca=Authority("other-ca").certificate).create(DRAFT, FIRST)

    assert not any(line.startswith(("AUTH", "MAIL")) for line in server.said)


def test_tls_from_the_start() -> None:
    with mail_server(is_tls=True) as server:
        server.features = ("AUTH PLAIN",)
        port(server, security="tls").create(DRAFT, FIRST)

        assert server.was_encrypted == [True]


def test_plain_goes_without_a_login_and_says_so(server: MailServer) -> None:
    plain = port(server, security="none", user="", password="")

    plain.create(DRAFT, FIRST)

    assert server.was_encrypted == [False]
    assert "not encrypted" in plain.check()


def test_wrong_credentials_are_the_trackers_matter(server: MailServer) -> None:
    with pytest.raises(TicketRejected) as caught:
        port(server, password=f"wrong-{TOKEN}").check()

    assert caught.value.is_of_tracker
    assert_no_secret(caught.value)


def test_an_address_that_is_not_allowed_is_not_connected_to(server: MailServer) -> None:
    kept = replace(setup(server), policy=AddressPolicy())

    with pytest.raises(TicketRejected, match="loopback"):
        KIND.connect(kept).check()

    assert server.said == []


UNUSABLE = {
    "no host": {"host": ""},
    "a host with a path": {"host": "h/x"},
    "a host with a command": {"host": "h\r\nMAIL"},
    "a port that is none": {"port": "70000"},
    "no sender": {"from": ""},
    "two senders": {"from": f"{SENDER}, {DESK}"},
    "no recipient": {"to": ""},
    "a header among the recipients": {"to": f"{DESK}\r\nBcc: x@example.org"},
    "a command among the recipients": {"to": '"x>\\r\\nDATA"@example.org'},
    "a recipient without a domain": {"to": "desk"},
    "a recipient beyond ASCII": {"to": "größe@example.org"},
    "too many recipients": {"to": ", ".join(f"a{number}@example.org" for number in range(51))},
    "a password without a user": {"user": ""},
    "a user without a password": {"password": ""},
    "credentials without encryption": {"security": "none"},
    "another encryption": {"security": "rot13"},
    "no CA": {"ca": "-----BEGIN CERTIFICATE-----"},
}


@pytest.mark.parametrize("told", UNUSABLE.values(), ids=UNUSABLE)
def test_what_can_not_be_used_is_told_before_anything_is_sent(
    server: MailServer, told: dict[str, str]
) -> None:
    made = setup(server)
    secrets = {"password": Secret(told.get("password", TOKEN))}
    made = replace(made, values={**made.values, **told}, secrets=secrets)

    with pytest.raises(TicketRejected) as caught:
        KIND.connect(made)

    assert caught.value.is_of_tracker
    assert server.said == []


def test_a_password_that_smtp_can_not_carry_is_told(server: MailServer) -> None:
    with pytest.raises(TicketRejected, match="ASCII"):
        port(server, password="größe").check()
