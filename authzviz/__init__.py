"""By which path does every kubelet get its permissions, and is that safe? Importing this loads no
Django.
"""

__version__ = "0.1.0"
