"""The exit codes of the command."""

FINE, FOUND, FAILED, INTERRUPTED, CUT_OFF = 0, 1, 2, 130, 141
"""How the command ends: all is well; something was found; it could not be done; somebody pressed
Ctrl-C; nobody reads its output any more, as shells have the last two."""
