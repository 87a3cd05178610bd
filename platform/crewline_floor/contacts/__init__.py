"""A contact from arrival to its closing, and the legs that agents handle."""
