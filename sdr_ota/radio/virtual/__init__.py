"""Devices that exist in software alone, behind the interfaces of real ones."""
