"""Let an installed ``ptpd_calibration`` come before the façade in this folder.

Python prefers a regular package to a namespace portion only among the folders of ``sys.path``.
A package that is installed editable by an import hook (setuptools does so for flat layouts) is
asked for after the path, where the façade would already have answered for it.

The file is imported whenever an interpreter of this environment starts, so it imports only
``sys``, and stays out of the way of every other name.
"""

import sys


class RegularPackageFirst:
    """Answers for ``ptpd_calibration`` with the first regular package that any finder knows."""

    @classmethod
    def find_spec(cls, fullname, path=None, target=None):  # type: ignore[no-untyped-def]
        """Return the regular package's spec, or ``None``: then the search goes on as usual."""
        if fullname != "ptpd_calibration":
            return None
        for finder in sys.meta_path:
            find_spec = getattr(finder, "find_spec", None)
            if finder is cls or find_spec is None:
                continue
            spec = find_spec(fullname, path, target)
            # A namespace portion is a spec without a loader.
            if spec is not None and spec.loader is not None:
                return spec
        return None


if RegularPackageFirst not in sys.meta_path:
    sys.meta_path.insert(0, RegularPackageFirst)
