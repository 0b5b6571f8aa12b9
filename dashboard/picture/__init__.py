"""The path picture: which authorizer answers a kubelet, by what, and what leaks; as SVG."""
