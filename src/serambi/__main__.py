"""`python -m serambi` is the command `serambi`."""

from serambi.cli.main import main

main()
