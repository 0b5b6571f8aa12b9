"""Names from clusters that try to be commands, options, markup, templates or the ends of texts."""

from __future__ import annotations

from shlex import quote

from authzviz.engine.assessment import Verdict
from authzviz.engine.model import Subject
from authzviz.plans.plan import Observation, Phase, PhaseId, Plan, Sees, Step, Trouble

HOSTILE = {
    "a command": "$(reboot)",
    "backticks": "`reboot`",
    "a second command": "x; reboot # '",
    "quotes": 'it\'s "quoted"',
    "a newline": "two\nreboot\nlines",
    "the end of a here-document": "EOF\nreboot",
    "an option": "--server=https://example.test",
    "an expression": "{{7*7}}",
    "a statement": "{% for x in [1] %}{# gone #}",
    "a script": "</script><script>alert(1)</script>",
    "letters that turn": "\u202egnp.exe",
    "letters from the right": "\u0634\u0628\u0643\u0629",
    "a fence": "```\n# Run this\n~~~\n````",
    "a table": "a | b || c \\| d",
    "a link": "[x](https://example.test) <https://example.test> ![i](j)",
    "a backslash": "back\\slash\\",
    "a tag of YAML": "!!python/object/apply:os.system ['reboot']",
    "a key of YAML": "a: b # c",
}


def hostile_plan(name: str, where: str = "") -> Plan:
    """A plan that says the name wherever a cluster's words may stand; its commands quote it."""
    step = Step(
        id=f"remove:{name}",
        title=f"Take {name} off",
        why=name,
        where=where or name,
        commands=(f"kubectl do -- {quote(name)}", f"kubectl then --x={quote(name)}"),
        verify=(f"kubectl verify -- {quote(name)}",),
        rollback=(f"kubectl rollback -- {quote(name)}",),
        diff=f"--- {name}\n+++ {name}\n+{name}\n",
        observation=Observation(Sees.SUBJECT_GONE, name, Subject("User", name)),
        takes=name,
        troubles=(Trouble(name, name, name),),
        caution=name,
        source=name,
        because=name,
    )
    phase = Phase(PhaseId.REMOVE_GRANTS, name, name, (step,))
    return Plan(name, Verdict.OVER_GRANTED, "unknown", (phase,), (name,))
