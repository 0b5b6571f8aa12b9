"""The model of Kubernetes authorization: pure values and functions, standard library only."""
