"""The rows: what sideloop promises of a call, as far as it applies to the bridge of a library."""

from bridges import rows_of_calls, rows_of_processes
from bridges.row import ROWS, SECONDS, Row

__all__ = ["ROWS", "SECONDS", "Row", "rows_of_calls", "rows_of_processes"]
