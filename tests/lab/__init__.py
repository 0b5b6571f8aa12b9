"""A lab of real kube-apiservers, kubelets and controller managers on loopback (see README.md).

`tests.lab.rig.open_lab` is the entry for scripts, the fixtures of `tests.lab.plugin` for tests.
"""
