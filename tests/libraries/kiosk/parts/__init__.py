"""A package without `__all__`."""

import json as json
from typing import Any

from kiosk._client import AsyncClient
from sideloop import synced

from .. import _errors
from .._errors import KioskError
from . import tools

Client = synced(AsyncClient)


def _private(value: Any) -> object:
    return _errors, KioskError, tools, value
