"""Statements: a closed period of one tenant as a file that anybody can check."""
