"""Turns a class into a frozen, slotted dataclass, for a quarter of the start-up that the usual one costs.

``dataclasses.dataclass`` compiles seven methods for every class, and there are forty classes: a third
of a small run's time. Of them only ``__init__`` needs to be compiled; the others are the same for all.
What comes out is a dataclass to everybody else, ``dataclasses.replace`` and type checkers included.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from operator import attrgetter
from typing import TYPE_CHECKING, Any, Final, NoReturn, TypeVar

__all__ = ["dataclass"]

T = TypeVar("T")

_MISSING: Final = dataclasses.MISSING


def _dataclass(*, frozen: bool, slots: bool) -> Callable[[type[T]], type[T]]:
    """Decorate a class whose fields may have defaults and factories, and no other options."""
    if not (frozen and slots):
        raise TypeError("a value is frozen and has slots")
    return _made


def _made(described: type[T]) -> type[T]:
    bare = dataclasses.dataclass(init=False, repr=False, eq=False, slots=True)
    made: Any = bare(described)
    names = made.__match_args__
    read = attrgetter(*names)

    def equal(self: Any, other: object) -> bool:  # noqa: ANN401
        return read(self) == read(other) if type(other) is made else NotImplemented

    made.__init__ = _init(dataclasses.fields(made))
    made.__eq__ = equal
    made.__hash__ = lambda self: hash(read(self))
    made.__repr__ = _shown
    made.__reduce__ = lambda self: (made, tuple(getattr(self, name) for name in names))
    made.__setattr__ = made.__delattr__ = _refuse
    return made  # type: ignore[no-any-return]


def _init(fields: tuple[dataclasses.Field[Any], ...]) -> Callable[..., None]:
    """Compile an ``__init__``; what a factory makes is made anew each time."""
    known: dict[str, Any] = {"_store": object.__setattr__, "_missing": _MISSING}
    accepted, steps = [], []
    for field in fields:
        name, value = field.name, field.name
        default = f"={name}_default"
        if field.default_factory is not _MISSING:
            known |= {f"{name}_default": _MISSING, f"make_{name}": field.default_factory}
            value = f"make_{name}() if {name} is _missing else {name}"
        elif field.default is not _MISSING:
            known[f"{name}_default"] = field.default
        else:
            default = ""
        accepted.append(name + default)
        steps.append(f" _store(self, {name!r}, {value})")
    made: dict[str, Callable[..., None]] = {}
    exec(f"def __init__(self, {', '.join(accepted)}):\n" + "\n".join(steps), known, made)  # noqa: S102
    return made["__init__"]


def _shown(self: Any) -> str:  # noqa: ANN401
    told = (f"{name}={getattr(self, name)!r}" for name in self.__match_args__)
    return f"{type(self).__qualname__}({', '.join(told)})"


def _refuse(self: object, name: str, *_: object) -> NoReturn:
    raise dataclasses.FrozenInstanceError(f"cannot change {name!r} of a {type(self).__qualname__}")


if TYPE_CHECKING:
    from dataclasses import dataclass
else:
    dataclass = _dataclass
