"""Rating: usage and a contract in, priced lines with their arithmetic out. Pure, so that a tenant can run it too."""
