"""How a play asks whether the Node authorizer answers: a review changes nothing."""

from __future__ import annotations

import json

NODE_SAYS = "can only get individual resources of this type"
"""What the Node authorizer says of a delete of a volume, 1.7 to 1.37, whatever comes after it.

Source: kubernetes v1.37.2 plugin/pkg/auth/authorizer/node/node_authorizer.go.
"""
_NOBODY = "authzviz-nobody"
REVIEW = json.dumps(
    {
        "apiVersion": "authorization.k8s.io/v1",
        "kind": "SubjectAccessReview",
        "spec": {
            "user": f"system:node:{_NOBODY}",
            "groups": ["system:nodes", "system:authenticated"],
            "resourceAttributes": {
                "verb": "delete",
                "resource": "persistentvolumes",
                "name": _NOBODY,
            },
        },
    },
    indent=1,
)
