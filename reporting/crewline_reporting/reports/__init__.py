"""Reports: counts and metrics of a tenant per interval of its local time."""
