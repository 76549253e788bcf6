"""Ends of the command that are one message and an exit code, with no traceback."""


class CommandError(Exception):
    """The command ends here, with `label: message` on stderr and `exit_code`."""

    exit_code = 1
    label = "error"


class TimedOutError(CommandError):
    """The function took longer than `--timeout` allows, and was cancelled."""

    label = "TimeoutError"


class UsageError(CommandError):
    """What was typed cannot be run; nothing is wrong with the function itself."""

    exit_code = 2
