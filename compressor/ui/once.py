"""A part that is made when it is first asked for, by one of the page's threads alone."""

from __future__ import annotations

import threading
from functools import cached_property
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    once = cached_property
else:

    class once(cached_property):  # noqa: N801 - a decorator, like the one that it is made from
        """`functools.cached_property` with the lock that Python let go of in 3.12: two first visitors at once get the same
        one."""

        _making = threading.RLock()

        def __get__(self, instance: object, owner: type | None = None) -> Any:
            with self._making:
                return super().__get__(instance, owner)
