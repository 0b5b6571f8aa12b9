"""Log lines as JSON, with what looks like a secret taken out."""

import json
import logging
import re
from datetime import UTC, datetime

_SECRETS = (
    # PEM blocks, certificates included: a kubeconfig's data is nobody's business in a log
    (re.compile(r"-----BEGIN [A-Z0-9 ]+-----.*?(-----END [A-Z0-9 ]+-----|\Z)", re.DOTALL), "***"),
    (re.compile(r"(?i)\b(bearer|basic)\s+[A-Za-z0-9._~+/=-]{6,}"), r"\1 ***"),
    # JSON web tokens, wherever they stand
    (re.compile(r"\beyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]*"), "***"),
    # userinfo and query of a URL
    (re.compile(r"(?i)\b([a-z][a-z0-9+.-]*://)[^\s/@\"']+@"), r"\1***@"),
    (re.compile(r"(?i)\b([a-z][a-z0-9+.-]*://[^\s?\"']+)\?[^\s\"']+"), r"\1?***"),
    # name: value, in YAML, JSON, Python's repr and headers
    (
        re.compile(
            r"(?i)(\"?'?\b(?:token|password|passwd|secret|client-key-data|client_key_data|"
            r"client-certificate-data|authorization|api[_-]?key)\"?'?\s*[:=]\s*)(\"[^\"]*\"|'[^']*'|[^\s,}]+)"
        ),
        r"\1***",
    ),
    # one-time links
    (re.compile(r"(/(?:sign-in|invitations)/)[A-Za-z0-9_-]{16,}"), r"\1***"),
)


def redact(text: str) -> str:
    """`text` without bearer tokens, PEM blocks, URL userinfo and queries, and the values of fields
    that are named like a secret.
    """
    for pattern, replacement in _SECRETS:
        text = pattern.sub(replacement, text)
    return text


class Redact(logging.Filter):
    """A filter that redacts the finished message, arguments and exception included."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Always True; changes the record."""
        record.msg = redact(record.getMessage())
        record.args = None
        if record.exc_info and not record.exc_text:
            record.exc_text = logging.Formatter().formatException(record.exc_info)
        if record.exc_text:
            record.exc_text = redact(record.exc_text)
        return True


class JsonLines(logging.Formatter):
    """One JSON object a line: time, level, logger, message, and the exception if there is one."""

    def format(self, record: logging.LogRecord) -> str:
        """The record as one line."""
        line = {
            "at": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        if record.exc_text:
            line["exception"] = record.exc_text
        return json.dumps(line, ensure_ascii=False)
