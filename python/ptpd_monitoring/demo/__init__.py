"""A digital-negative pipeline under observation: the application that `ptpd-monitor demo` runs.

It needs the extra `demo` (Pillow, rich, and scikit-image for its bundled photographs).
"""
