"""Guarded HTTP: which addresses may be reached, and connections that go nowhere else."""

from authzviz.net.address import COMMAND_LINE, AddressForbidden, AddressPolicy

__all__ = ["COMMAND_LINE", "AddressForbidden", "AddressPolicy"]
