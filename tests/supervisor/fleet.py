"""What the fault tests do inside a site's own database, as a process of its own.

`python -m tests.supervisor.fleet add KUBECONFIG` adds its contexts, `… fill N` that many clusters
that were read a moment ago and are not read soon, `… check` prints what is wrong.
"""

import base64
import json
import sys
from pathlib import Path

INTERVAL_SECONDS = 5


def add(kubeconfig: Path) -> None:
    """Add a cluster for each context, read every few seconds."""
    from authzviz.kube.credentials import Credentials
    from authzviz.net.secret import Secret
    from dashboard.services import clusters

    config = json.loads(kubeconfig.read_text())
    for entry, user in zip(config["clusters"], config["users"], strict=True):
        ca = base64.b64decode(entry["cluster"]["certificate-authority-data"]).decode()
        clusters.add(
            name=entry["name"],
            credentials=Credentials(
                server=entry["cluster"]["server"],
                ca_data=Secret(ca),
                token=Secret(user["user"]["token"]),
            ),
            interval_seconds=INTERVAL_SECONDS,
            actor=None,
        )


def wrongs() -> list[str]:
    """Return what does not fit together in what is stored; nothing when every poll left a whole.

    The facts of a replayed cluster never change: one snapshot and one verdict each is all there
    may be, and the verdict has to be the one of that snapshot.
    """
    from authzviz import engine
    from dashboard.models import CurrentState
    from dashboard.services import facts

    found = []
    for state in CurrentState.objects.select_related("cluster", "snapshot"):
        snapshot = facts.current_snapshot(state)
        judged = engine.judge(snapshot).verdict
        has_to_hold = {
            "has the hash of its facts": facts.facts_hash(snapshot) == state.snapshot.facts_hash,
            "has the verdict of its facts": judged == state.verdict,
            "unpacks its assessment": facts.current_assessment(state).verdict == judged,
            "is no newer than its claim": state.generation <= state.cluster.generation,
            "is the only snapshot": state.cluster.snapshots.count() == 1,
            "has one change of verdict": state.cluster.verdict_changes.count() == 1,
        }
        found += [
            f"{state}: not true that it {what}" for what, holds in has_to_hold.items() if not holds
        ]
    return found


def main() -> int:
    """Do what the arguments say."""
    import django

    django.setup()
    if sys.argv[1] == "add":
        add(Path(sys.argv[2]))
        return 0
    if sys.argv[1] == "fill":
        from tests import fleet

        fleet.fill(int(sys.argv[2]), changes=1, nodes=3)
        return 0
    print("\n".join(wrongs()))
    return 0


if __name__ == "__main__":
    sys.exit(main())
