"""The class of reports: a dict that a notebook shows as a table."""

from __future__ import annotations

# Imported with the native module, so it imports nothing heavy, not even `typing`.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    _Figures = dict[str, Any]
else:
    _Figures = dict


class Report(_Figures):
    """A report: a plain dict, which exports to HTML with charts and looks good in a notebook.

    What the charts are drawn from goes along with copies. It is not pickled: what comes back from a
    pickle is a plain dict, which needs nothing of this package to be read.
    """

    # There is no __init__: Python code that is called from native code aborts the process where it
    # ends a daemon thread, see `_callers.py`. What the charts are drawn from is set from there.
    __slots__ = ("_charts",)

    _charts: object | None

    def copy(self) -> Report:
        """A shallow copy with the same charts."""
        copied = Report(self)
        copied._charts = getattr(self, "_charts", None)
        return copied

    __copy__ = copy

    def __deepcopy__(self, memo: dict[int, Any]) -> Report:
        """A deep copy with the same charts, which never change."""
        from copy import deepcopy

        copied = Report()
        copied._charts = getattr(self, "_charts", None)
        memo[id(self)] = copied
        for key, value in self.items():
            copied[deepcopy(key, memo)] = deepcopy(value, memo)
        return copied

    def __reduce__(self) -> tuple[Any, ...]:
        """Make a plain dict and then fill it, for it may be an item of itself."""
        return dict, (), None, None, iter(self.items())

    def __reduce_ex__(self, protocol: object, /) -> tuple[Any, ...]:
        """Be the same in every version of the format."""
        return self.__reduce__()

    def _repr_html_(self) -> str:
        """The headline figures and tables, for notebooks."""
        from ._native import report_fragment

        return report_fragment(self)
