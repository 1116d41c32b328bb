"""``python -m ptpd_monitoring.cli``."""

import sys

from ptpd_monitoring.cli import main

if __name__ == "__main__":
    sys.exit(main())
