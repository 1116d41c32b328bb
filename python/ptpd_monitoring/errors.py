"""Exceptions of our own. All others are Python's."""


class FieldError(TypeError, ValueError):
    """A field of a model is missing, unknown or wrong; the message names it.

    Both a ``TypeError``, as for any Python call with wrong arguments, and a ``ValueError``, as
    pydantic's ``ValidationError`` is.
    """
