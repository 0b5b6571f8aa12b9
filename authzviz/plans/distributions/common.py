"""What steps at apiservers have in common, whatever runs them."""

from __future__ import annotations

from collections.abc import Callable

from authzviz.engine.places import place_of
from authzviz.plans.ground import Ground
from authzviz.plans.plan import Observation, Sees, Step, Trouble
from authzviz.plans.servers import Server
from authzviz.plans.words import flags_why


def needing(ground: Ground) -> tuple[Server, ...]:
    """The apiservers that aren't known to be as they are to be. Where grants are to go, they must
    also ask Node before RBAC: no audit log proves anything otherwise.
    """
    has_grants = bool(ground.excess) and not place_of(ground.distribution).is_fixed
    return tuple(
        server
        for server in ground.servers
        if not server.is_done or (has_grants and server.asks_rbac_first)
    )


def in_order(ground: Ground, make: Callable[[Server, str], Step]) -> tuple[Step, ...]:
    """A step for each of them, one after another; `make` gets the sentence that says why, and
    when.
    """
    return tuple(
        make(server, flags_why(server, is_first=number == 0))
        for number, server in enumerate(needing(ground))
    )


def observation_of(server: Server) -> Observation:
    """What shows that the apiserver's step is done: its flags, or only their order."""
    return Observation(Sees.ORDER if server.is_done else Sees.FLAGS, server.name)


def troubles(url: str) -> tuple[Trouble, ...]:
    """What may go wrong with any apiserver that gets other flags."""
    return (
        Trouble(
            "A mode is mistyped",
            "the apiserver's log ends with: is not a valid mode",
            "It keeps restarting, and only this one: do the rollback. With a single apiserver the"
            " API is away until then; workloads go on.",
        ),
        Trouble(
            "A mode is there twice",
            "has mode specified more than once",
            "The flag is given twice, and its values add up: keep one flag with all of them.",
        ),
        Trouble(
            "Its certificate does not name the address",
            "x509: certificate is valid for 192.0.2.1, not 127.0.0.1",
            f"Put a name or an address that it has in place of {url}.",
        ),
        Trouble(
            "A kubelet is refused for a moment",
            "no relationship found between node 'NAME' and this object",
            "After a start the Node authorizer first reads all pods: it ends within seconds. What"
            " lasts longer than a minute is a certificate whose CN is not system:node: and the"
            " exact name of the Node, or whose O is not system:nodes.",
        ),
    )
