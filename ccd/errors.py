"""Every refusal of ccd is one of these: what, where, what was found, what to do.

The exit code of the command line is the ``exit_code`` of the class. Anything else that escapes is a
bug and keeps its traceback.
"""


class CcdError(Exception):
    """Base of all refusals."""

    exit_code = 1


class ConfigError(CcdError):
    """A recipe, binding or command-line value that cannot be used."""

    exit_code = 2


class DataError(CcdError):
    """Interactions or features that are missing, damaged or contradict each other."""

    exit_code = 3


class NumericError(CcdError):
    """A loss stopped being a finite number."""

    exit_code = 4


class ResourceError(CcdError):
    """Memory, disk or device is not there or does not suffice."""

    exit_code = 5


class LockedError(CcdError):
    """Another live process is writing into the same run folder."""

    exit_code = 6


class DamagedFileError(CcdError):
    """A file is truncated, holds pickled objects or is not what its name says."""

    exit_code = 7
