"""From what is known of a cluster to the way to the Node authorizer, step by step: pure."""
