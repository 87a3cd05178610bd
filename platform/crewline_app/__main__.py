"""python -m crewline_app: the `crewline` command."""

from crewline_app.cli import main

main()
