"""The errors that a user can cause, by name.

The text of each is one line: what is wrong, with the value, and what to do. The command prints it
and exits with code 2.
"""


class UnsynthError(Exception):
    """The parent of every error that a user's input or machine can cause."""


class SoundError(UnsynthError):
    """A sound file that is missing, unreadable, empty, silent, too short or not finite."""


class PatchError(UnsynthError):
    """A patch, or a patch file, that its synthesizer would not understand."""


class TaskError(UnsynthError):
    """An unknown task, or a task file that does not describe a task."""


class EngineError(UnsynthError):
    """A synthesizer engine that is not installed, or that failed to render."""


class DrawIndexError(UnsynthError):
    """An index of draws that is missing, damaged or made for another task."""


class TrainingError(UnsynthError):
    """A run that cannot start, continue or be resumed."""


class OutputError(UnsynthError):
    """A place where a result cannot be written."""


class MetricError(UnsynthError):
    """Arrays that a metric cannot compare: not finite, empty, or of shapes that do not match."""
