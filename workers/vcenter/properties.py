"""A set of objects and paths turned into their properties, in as few round trips as there are pages.

Never an attribute of a managed object: each would be a call of its own.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from pyVmomi import vim, vmodl

from workers.vcenter.connection import Connection

Properties = dict[str, Any]
Collector = vmodl.query.PropertyCollector


def retrieve(
    connection: Connection, objects: Sequence[Any], paths: Mapping[Any, Sequence[str]]
) -> dict[str, Properties]:
    """Properties by moid; ``paths`` says per type what to read, ``objects`` are the start points.

    A start point is a managed object or an ``ObjectSpec`` that leads on to others. Objects that no
    longer exist are left out; properties that are unset, hidden or unknown to the server are missing.
    """
    starts = [
        o if isinstance(o, Collector.ObjectSpec) else Collector.ObjectSpec(obj=o) for o in objects
    ]
    wanted = {kind: list(p) for kind, p in paths.items()}
    while starts:
        try:
            return _retrieve(connection, starts, wanted)
        except vmodl.query.InvalidProperty as unknown:  # an older server refuses the whole call
            if not any(unknown.name in names for names in wanted.values()):
                raise
            for kind, names in wanted.items():
                wanted[kind] = [name for name in names if name != unknown.name]
        except vmodl.fault.ManagedObjectNotFound as gone:  # a server that does not report them
            left = [s for s in starts if gone.obj is None or moid(s.obj) != moid(gone.obj)]
            if gone.obj is None or len(left) == len(starts):
                raise
            starts = left
    return {}


def _retrieve(
    connection: Connection, starts: Sequence[Any], paths: Mapping[Any, Sequence[str]]
) -> dict[str, Properties]:
    spec = Collector.FilterSpec(
        objectSet=list(starts),
        propSet=[Collector.PropertySpec(type=kind, pathSet=list(p)) for kind, p in paths.items()],
        reportMissingObjectsInResults=True,
    )
    found: dict[str, Properties] = {}
    for content in _contents(connection, spec):
        values = found.setdefault(content.obj._moId, {})  # noqa: SLF001 - pyVmomi's only name for it
        values["@"] = content.obj
        values.update({p.name: p.val for p in content.propSet if p.val is not None})
    return found


def _contents(connection: Connection, spec: Any) -> Iterator[Any]:
    collector = connection.content.propertyCollector
    page = collector.RetrievePropertiesEx([spec], Collector.RetrieveOptions())
    while page is not None:
        yield from page.objects
        if not page.token:
            return
        page = collector.ContinueRetrievePropertiesEx(page.token)


def optional(ask: Callable[[], Any], otherwise: Any) -> Any:
    """The answer to a question whose answer is good to have; a host may be slow or refuse it."""
    try:
        return ask() or otherwise
    except vim.fault.NotAuthenticated:
        raise
    except (vmodl.MethodFault, TimeoutError):
        return otherwise


def step(kind: Any, path: str, *further: Any, name: str | None = None) -> Any:
    """A traversal from objects of a type along one property, and from there along ``further``."""
    return Collector.TraversalSpec(name=name, type=kind, path=path, selectSet=list(further))


def start(reference: Any, *steps: Any, skip: bool = False) -> Any:
    """A start point with the steps that lead on from it; ``skip`` leaves itself out."""
    return Collector.ObjectSpec(obj=reference, skip=skip, selectSet=list(steps))


def moid(reference: Any) -> str:
    """The id of a managed object."""
    told: str = reference._moId  # noqa: SLF001 - pyVmomi's only name for it
    return told
