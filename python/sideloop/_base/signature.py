"""What callables say of their parameters and of what they return, as far as it can be evaluated.

Since CPython 3.14 annotations are evaluated when somebody asks for them: what is imported for type
checkers alone is a name of nothing then.
"""

import inspect
import sys
from collections.abc import Callable
from typing import Any

from sideloop._base.signals import errors_passed_over, raise_a_handlers


def signature_of(function: Callable[..., Any]) -> inspect.Signature:
    """The signature of a callable. An annotation that cannot be evaluated is as it is written.

    Raises:
        TypeError: It is no callable.
        ValueError: It has no signature, or none that can be read.
    """
    if sys.version_info >= (3, 14):
        from annotationlib import Format  # new in 3.14

        # The second passes over whatever an annotation raises, also what a signal handler does.
        for form in (Format.VALUE, Format.FORWARDREF):
            with errors_passed_over():
                return inspect.signature(function, annotation_format=form)
        try:
            return inspect.signature(function, annotation_format=Format.STRING)
        except (TypeError, ValueError):
            raise
        except Exception as error:  # of an annotation: of what is no name some is evaluated
            raise_a_handlers(error)
            raise ValueError(f"no annotation of {function!r} can be read") from error
    return inspect.signature(function)


def annotations_of(function: object) -> object:
    """The `__annotations__` of a callable, in the same way; None if it has none."""
    try:
        return getattr(function, "__annotations__", None)
    except Exception as error:  # of an annotation
        raise_a_handlers(error)
        return _late_annotations(function)


def _late_annotations(function: Any) -> object:
    if sys.version_info >= (3, 14):
        from annotationlib import Format, get_annotations  # new in 3.14

        for way in (Format.FORWARDREF, Format.STRING):
            with errors_passed_over():
                return get_annotations(function, format=way)
    return None
