"""Who gets whom: a pure decision over plain data, with its reason."""
