"""Turns a class into a slotted dataclass, for a quarter of the start-up that the usual one costs.

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


def _dataclass(*, slots: bool, frozen: bool = False) -> Callable[[type[T]], type[T]]:
    """Decorate a class whose fields may have defaults and factories, and no other options but ``init``."""
    if not slots:
        raise TypeError("a value has slots")
    return _frozen if frozen else _open


def _frozen(described: type[T]) -> type[T]:
    made, read = _made(described, frozen=True)
    made.__hash__ = lambda self: hash(read(self))
    made.__setattr__ = made.__delattr__ = _refuse
    return made  # type: ignore[no-any-return]


def _open(described: type[T]) -> type[T]:
    made, _ = _made(described, frozen=False)
    made.__hash__ = None
    return made  # type: ignore[no-any-return]


def _made(described: type, *, frozen: bool) -> tuple[Any, Callable[[object], object]]:
    """The class with all but what differs, and what reads all its fields."""
    # Where there is none, dataclasses makes one up, at a price.
    described.__doc__ = described.__doc__ or described.__name__
    bare = dataclasses.dataclass(init=False, repr=False, eq=False, slots=True)
    made: Any = bare(described)
    fields = dataclasses.fields(made)
    read = attrgetter(*(field.name for field in fields))

    def equal(self: Any, other: object) -> bool:  # noqa: ANN401
        return read(self) == read(other) if type(other) is made else NotImplemented

    made.__init__ = _init(made, fields, frozen=frozen)
    made.__eq__ = equal
    made.__repr__ = _shown
    if frozen:
        names = made.__match_args__
        made.__reduce__ = lambda self: (made, tuple(getattr(self, name) for name in names))
    return made, read


def _init(
    made: type, fields: tuple[dataclasses.Field[Any], ...], *, frozen: bool
) -> Callable[..., None]:
    """Compile an ``__init__``; what a factory makes is made anew each time."""
    known: dict[str, Any] = {"_missing": _MISSING}
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
        if field.init:
            accepted.append(name + default)
            known[f"_store_{name}"] = made.__dict__[name].__set__  # of the slot itself
            steps.append(f" _store_{name}(self, {value})" if frozen else f" self.{name} = {value}")
    if hasattr(made, "__post_init__"):
        steps.append(" self.__post_init__()")
    compiled: dict[str, Callable[..., None]] = {}
    exec(f"def __init__(self, {', '.join(accepted)}):\n" + "\n".join(steps), known, compiled)  # noqa: S102
    return compiled["__init__"]


def _shown(self: Any) -> str:  # noqa: ANN401
    told = (f"{each.name}={getattr(self, each.name)!r}" for each in dataclasses.fields(self))
    return f"{type(self).__qualname__}({', '.join(told)})"


def _refuse(self: object, name: str, *_: object) -> NoReturn:
    raise dataclasses.FrozenInstanceError(f"cannot change {name!r} of a {type(self).__qualname__}")


if TYPE_CHECKING:
    from dataclasses import dataclass
else:
    dataclass = _dataclass
