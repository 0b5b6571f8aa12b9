"""What stays possible while nobody acts on a finding, by its id."""

from __future__ import annotations

WHILE_OPEN = {
    "always-allow": "Whoever gets past authentication, any pod's service account included, may do "
    "everything in the cluster.",
    "apiservers-differ": "What a kubelet may do hangs on which apiserver it happens to reach.",
    "dangling-role-ref": "Whoever may create a role of that name decides what the binding grants.",
    "declared-differs": "The next upgrade may undo what protects the cluster today.",
    "excess-credentials": "Whoever gets hold of the credentials that authzviz keeps may do with "
    "them what they allow beyond reading.",
    "flags-contradicted": "Whoever reads the flags believes in protection that may not be there.",
    "incomplete": "Pods fail where a kubelet needs what it is refused, though its node is Ready.",
    "inherited": "The next cluster that is set up like this one refuses its kubelets.",
    "kubelet-user": "Whoever has that user's certificate or token acts as every node at once.",
    "legacy-binding": "With one stolen kubelet certificate, every Secret of the cluster can be "
    "read.",
    "model-differs": "Something that authzviz does not know decides what kubelets may do.",
    "no-node-restriction": "With one stolen kubelet certificate, other nodes and the status of "
    "their pods can be changed.",
    "nodes-differ": "A stolen certificate of one node is worth more than that of another.",
    "nodes-get-more": "With one stolen kubelet certificate, Secrets of other nodes can be read.",
    "non-ascii-subject": "Whoever gets a certificate for that name gets what is bound to it.",
    "other-identity": "Those kubelets work with rights that no rule for nodes limits.",
    "over-granted": "With one stolen kubelet certificate, all that the binding grants can be done.",
    "refused": "Nodes that restart or join stay NotReady, and their pods don't start.",
    "sources-differ": "A restart may bring flags that nobody has looked at.",
    "stale-leases": "Pods of those nodes are evicted, and start elsewhere or not at all.",
    "unread-authorizer": "What that authorizer allows kubelets, nobody here sees.",
    "unseen-apiserver": "An apiserver that nobody looked at may be laxer than the others.",
    "upper-case-node": "A kubelet of that name works without the Node authorizer, or not at all.",
}
