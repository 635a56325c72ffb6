"""What goes wrong. Every text says what happened and what to do."""


class ClusterError(Exception):
    """The film cannot be painted."""


class ImpastoError(ClusterError):
    """impasto refused or failed; the text is its own."""


class PartsError(ClusterError):
    """The folder of segments belongs to another job or process, or a segment is not what it should be."""


class LostError(ClusterError):
    """Ray itself is gone."""


class AbsentError(ClusterError):
    """There is no Ray to connect to."""
