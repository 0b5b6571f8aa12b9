"""The only room that talks to an apiserver: kubeconfigs, reads, bundles."""
