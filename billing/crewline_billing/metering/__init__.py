"""Metering: records become usage rows, and usage rows become the usage of a period."""
