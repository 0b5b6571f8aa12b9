"""The authzviz command: the same answers as the dashboard's, without server or database.

Exit status: 0 fine, 1 a verdict that --fail-on names, 2 wrong usage, 3 a cluster that did not
answer.
"""

from __future__ import annotations

import gc

import click

from authzviz.commands.can import can
from authzviz.commands.check import check
from authzviz.commands.collect import collect
from authzviz.commands.evidence import evidence
from authzviz.commands.explain import explain
from authzviz.commands.plan import plan
from authzviz.commands.reader import reader
from authzviz.commands.simulate import simulate

_FEW_COLLECTIONS = 100_000


@click.group(no_args_is_help=True)
def app() -> None:
    """By which path does every kubelet get its permissions, and is that safe?"""


for command in (collect, check, can, simulate, plan, evidence, explain, reader):
    app.add_command(command)


def main() -> None:
    """Run the command line; click ends the process with the exit status."""
    # A large cluster is many small objects and hardly a cycle: by default, looking for cycles
    # among them takes up to a third of the time that reading them does.
    gc.set_threshold(_FEW_COLLECTIONS)
    app()
