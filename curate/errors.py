"""The mistakes a user can make, and the ways a job can fail.

    CurateError               every error this package raises on purpose; one line: what, where, what to do
    ├── UserError             the user's mistake: exit status 2
    │   ├── RecipeError       a recipe that cannot be understood (names the file and the line)
    │   ├── InputError        an input that is missing or cannot be read at all
    │   ├── OutputError       an output that cannot be written
    │   └── MissingError      something the machine lacks (Java, a model file)
    └── WorkError             the work itself failed: exit status 1
        └── LedgerError       records read ≠ kept + dropped + non-documents

A bad *document* is never an exception: it is a row whose `drop` names the reason.
"""


class CurateError(Exception):
    """Root of all errors raised on purpose. The message is one line."""

    exit_status = 1


class UserError(CurateError):
    """The user can mend it: a wrong name, path, type or option."""

    exit_status = 2


class RecipeError(UserError):
    """The recipe does not say something this version understands."""


class InputError(UserError):
    """An input does not exist or is not what it was said to be."""


class OutputError(UserError):
    """The output cannot be written."""


class MissingError(UserError):
    """The machine lacks something the work needs: Java, a model file, an extra."""


class WorkError(CurateError):
    """The work failed; nothing half-written is trusted."""


class LedgerError(WorkError):
    """A committed table would not account for every record read."""
