"""A kube-apiserver's authorization flags, out of a container's command or out of /flagz.

Values are kept as given: what they mean, and whether an apiserver would start with them, is the
engine's business.
"""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Iterable, Sequence

from authzviz.engine.model import Flag

# No other flag is ever kept: a command line holds addresses, file names and at times secrets.
KEPT = frozenset(
    {
        "authorization-mode",
        "authorization-config",
        "authorization-policy-file",
        "authorization-webhook-config-file",
        "admission-control",
        "enable-admission-plugins",
        "disable-admission-plugins",
        "admission-control-config-file",
        "anonymous-auth",
        "feature-gates",
        "openshift-config",
    }
)
ANNOTATIONS = frozenset({"k3s.io/node-args", "rke2.io/node-args"})
"""Those of a Node that hold the arguments of its k3s or RKE2."""
NO_APISERVER = "--disable-apiserver"
_BOOLEAN = frozenset({"anonymous-auth"})
_PROGRAMS = frozenset({"kube-apiserver", "apiserver"})
_SHELLS = frozenset({"sh", "bash", "ash", "dash"})
_FLAGZ_LINE = re.compile(r"([a-z][a-z0-9_-]*)(?::[ \t]?|=|[ \t])(.*)")


class FlagsUnreadable(ValueError):
    """The flags can't be told; the text says why."""


def of_container(command: Sequence[str], args: Sequence[str]) -> tuple[Flag, ...]:
    """The kept flags of a container that runs kube-apiserver, in the order given.

    Understands the program named anywhere (also behind go-runner or hyperkube) and one shell
    string. Raises FlagsUnreadable where a wrapper or a variable hides them.
    """
    argv = [*command, *args]
    words = _script_words(argv)
    if words is None:
        words = _after_program(argv)
        if words is None:
            if argv and not argv[0].startswith("-"):
                raise FlagsUnreadable(f"started by {_base(argv[0])}, which hides the flags")
            words = argv
    if not any(word.startswith("--") for word in words):
        # An apiserver can't run without any: they are in the image, or somewhere else.
        raise FlagsUnreadable("its command shows no flags")
    flags = tuple(_kept(words))
    for flag in flags:
        if re.search(r"\$[({A-Za-z_]|`", flag.value):
            raise FlagsUnreadable(f"--{flag.name} is set from a variable")
    return flags


def secure_port(command: Sequence[str], args: Sequence[str]) -> int | None:
    """The port of --secure-port, None where the command shows none."""
    ports = [value for name, value in pairs([*command, *args]) if name == "secure-port"]
    return int(ports[-1]) if ports and re.fullmatch("[0-9]{1,5}", ports[-1]) else None


def of_flagz_json(flags: dict[str, str]) -> tuple[Flag, ...]:
    """The kept flags of a JSON /flagz; there every flag stands, so an empty one is an unset one.

    Raises FlagsUnreadable where it shows no authorization mode at all.
    """
    named = ((name.replace("_", "-"), _unbracketed(value)) for name, value in flags.items())
    return _of_flagz(Flag(name, value) for name, value in named if name in KEPT and value)


def of_flagz_text(text: str) -> tuple[Flag, ...]:
    """The same of a text /flagz, whose separator is random by design. Raises FlagsUnreadable."""
    matches = (_FLAGZ_LINE.fullmatch(line.strip()) for line in text.splitlines())
    return of_flagz_json({match[1]: match[2].strip() for match in matches if match})


def of_node_args(text: str) -> str:
    """The annotation k3s.io/node-args with nothing but apiserver flags in it, as JSON; "" for none.

    It also holds arguments of the kubelet and others, by the same names: those are left out, but
    for the one that says that this server runs no apiserver.
    """
    try:
        words = json.loads(text)
    except (ValueError, RecursionError):
        return ""
    if not isinstance(words, list) or not all(isinstance(word, str) for word in words):
        return ""
    kept = [word for word in words[:1] if word in {"server", "agent"}]
    for name, value in zip(words, [*words[1:], ""], strict=True):
        if name == "--kube-apiserver-arg" and _is_kept(value):
            kept += [name, value.removeprefix("--")]
        elif name == NO_APISERVER and value != "false":
            kept.append(name)
    return json.dumps(kept) if kept else ""


def _is_kept(arg: str) -> bool:
    name = arg.removeprefix("--").partition("=")[0]
    return name.rstrip("+-").replace("_", "-") in KEPT


def _of_flagz(flags: Iterable[Flag]) -> tuple[Flag, ...]:
    found = tuple(flags)
    # An apiserver without a mode runs AlwaysAllow and shows that; nothing at all means a form of
    # /flagz that we don't know, and must not be taken for the default.
    if not {flag.name for flag in found} & {"authorization-mode", "authorization-config"}:
        raise FlagsUnreadable("/flagz shows no authorization mode")
    return found


def _script_words(argv: Sequence[str]) -> list[str] | None:
    """The words after the program in `sh -c "..."`; None where no shell is started."""
    if len(argv) < 3 or _base(argv[0]) not in _SHELLS:
        return None
    option = next((n for n, word in enumerate(argv) if re.fullmatch(r"-[a-z]*c", word)), None)
    if option is None or option + 1 >= len(argv):
        raise FlagsUnreadable("started by a shell script, which hides the flags")
    lexer = shlex.shlex(argv[option + 1], posix=True, punctuation_chars=True)
    lexer.whitespace_split = True
    try:
        script = list(lexer)
    except ValueError:
        raise FlagsUnreadable("started by a shell script that can't be parsed") from None
    words = _after_program(script)
    if words is None:
        raise FlagsUnreadable("started by a shell script that names no kube-apiserver")
    operator = next((n for n, word in enumerate(words) if set(word) <= set("();<>|&")), None)
    words = words[:operator]
    if any(word.startswith(("$", "`")) for word in words):
        raise FlagsUnreadable("started by a shell script that adds flags from a variable")
    return words


def _after_program(words: Sequence[str]) -> list[str] | None:
    # mkfifo and tee lines name the program's log as well: the last name that flags follow counts.
    named = [n for n, word in enumerate(words) if _base(word) in _PROGRAMS]
    followed = [n for n in named if n + 1 < len(words) and words[n + 1].startswith("-")]
    if not named:
        return None
    return list(words[(followed or named)[-1] + 1 :])


def _kept(words: Sequence[str]) -> Iterable[Flag]:
    return (Flag(name, value) for name, value in pairs(words) if name in KEPT)


def pairs(words: Sequence[str]) -> Iterable[tuple[str, str]]:
    """Flags and values of `--f=v` and `--f v`, names with dashes; up to a lone `--`."""
    place = 0
    while place < len(words) and words[place] != "--":
        word = words[place]
        place += 1
        if not word.startswith("--"):
            continue
        name, equals, value = word[2:].partition("=")
        name = name.replace("_", "-")
        if not equals and name in _BOOLEAN:
            value = "true"
        elif not equals and place < len(words) and not words[place].startswith("--"):
            value = words[place]
            place += 1
        yield name, value


def _base(word: str) -> str:
    return word.rpartition("/")[2]


def _unbracketed(value: str) -> str:
    return value[1:-1] if value.startswith("[") and value.endswith("]") else value
