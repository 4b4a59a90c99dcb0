"""Property filters turned into object contents and updates, as vSphere's PropertyCollector does.

Strict where the real one is strict: an unknown property path faults the whole call, and so does an
object that no longer exists, unless the filter asks to have it reported.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any
from xml.sax.saxutils import escape

from pyVmomi import VmomiSupport as Support
from pyVmomi import vim, vmodl

from tests.lab.vcenter_inventory import Inventory, escaped
from tests.lab.vcenter_soap import Fault, value_xml
from tests.lab.vcenter_vm import guest_net_xml
from tests.lab.world import VirtualMachine

TraversalSpec = vmodl.query.PropertyCollector.TraversalSpec
Read = Callable[[Any, str], Any]

# Swept over thousands of VMs, so made without the detour over pyVmomi's objects.
QUICK: dict[str, Callable[[VirtualMachine], Any]] = {
    "name": lambda vm: escaped(vm.name),
    "guest.net": guest_net_xml,
}


@dataclass
class Content:
    """What one object answers: values by path."""

    reference: Any
    values: dict[str, Any] = field(default_factory=dict)

    def xml(self) -> str:
        kind = Support.GetWsdlName(Support.Type(self.reference))
        properties = "".join(
            f"<propSet><name>{escape(path)}</name>{value_xml('val', value)}</propSet>"
            for path, value in self.values.items()
        )
        return f'<objects><obj type="{kind}">{self.reference._moId}</obj>{properties}</objects>'


def property_reader(
    inventory: Inventory, view: Callable[[str], list[Any] | None], *, quick: bool = False
) -> Read:
    """A function that reads one property path of one object; None = not set.

    ``view`` gives what a container view of that moid lists, None where it is no view. Properties of
    an object are made once per reader, so one reader serves one call. ``quick`` readers may give
    a value that is serialized already.
    """
    made: dict[tuple[str, str], Any] = {}
    known: dict[str, Any] = {}

    def read(reference: Any, path: str) -> Any:
        moid = reference._moId
        if quick and path in QUICK and moid in inventory.vms:
            return QUICK[path](inventory.vms[moid])
        listed = view(moid) if path == "view" else None
        if listed is not None:
            return Support.GetVmodlType("vim.ManagedEntity[]")(listed)
        if moid not in known:
            known[moid] = inventory.properties(reference)
        first, _, rest = path.partition(".")
        if (moid, first) not in made:
            _declared(Support.Type(reference), first, path)
            maker = known[moid].get(first)
            made[moid, first] = maker() if maker else None
        return _walk(made[moid, first], rest, path, Support.Type(reference))

    return read


def _declared(kind: Any, name: str, path: str) -> Any:
    """The type a property is declared with; InvalidProperty where there is no such property."""
    try:
        return kind._GetPropertyInfo(name).type
    except (AttributeError, KeyError):
        message = "The property specified is not valid"
        raise Fault(vmodl.query.InvalidProperty(name=path, msg=message)) from None


def _walk(value: Any, rest: str, path: str, owner: Any) -> Any:
    kind = _declared(owner, path.split(".", 1)[0], path)
    for name in rest.split(".") if rest else ():
        kind = _declared(Support.Type(value) if value is not None else kind, name, path)
        value = None if value is None else getattr(value, name)
    if isinstance(value, list):
        return kind(value) if value else None  # an empty list is not sent at all
    return value


def collect(spec: Any, read: Read) -> Iterator[Content]:
    """The objects a filter selects with the properties it asks for, each object once."""
    wanted = [(p.type, [str(path) for path in p.pathSet]) for p in spec.propSet]
    seen: set[str] = set()
    for reference in _selected(spec, read):
        if reference._moId in seen:
            continue
        seen.add(reference._moId)
        paths = [path for kind, paths in wanted if isinstance(reference, kind) for path in paths]
        content = Content(reference)
        try:
            for path in paths:
                value = read(reference, path)
                if value is not None:
                    content.values[path] = value
        except Fault as fault:
            gone = isinstance(fault.fault, vmodl.fault.ManagedObjectNotFound)
            if not (gone and spec.reportMissingObjectsInResults):
                raise
            continue
        if any(isinstance(reference, kind) for kind, _ in wanted):
            yield content


def _selected(spec: Any, read: Read) -> Iterator[Any]:
    for start in spec.objectSet:
        named: dict[str, Any] = {}
        _name_all(start.selectSet, named)
        if not start.skip:
            yield start.obj
        yield from _traverse(start.obj, start.selectSet, named, read, set())


def _name_all(selections: Any, named: dict[str, Any]) -> None:
    for selection in selections:
        if isinstance(selection, TraversalSpec):
            if selection.name:
                named[selection.name] = selection
            _name_all(selection.selectSet, named)


def _traverse(
    reference: Any,
    selections: Any,
    named: dict[str, Any],
    read: Read,
    done: set[tuple[str, int]],
) -> Iterator[Any]:
    for selection in selections:
        step = selection if isinstance(selection, TraversalSpec) else named[selection.name]
        place = (_moid(reference), id(step))
        if not isinstance(reference, step.type) or place in done:
            continue
        done.add(place)
        value = read(reference, str(step.path))
        for found in _several(value):
            if not step.skip:
                yield found
            yield from _traverse(found, step.selectSet, named, read, done)


def _moid(reference: Any) -> str:
    return str(reference._moId)


def _several(value: Any) -> list[Any]:
    if isinstance(value, list):
        return list(value)
    return [] if value is None else [value]


@dataclass
class Filter:
    """A filter of a collector with what it last told; ``moid`` is its own."""

    moid: str
    spec: Any
    told: dict[str, Content] = field(default_factory=dict)

    def changes(self, read: Read) -> Any:
        """FilterUpdate with what changed since the last call, None where nothing did."""
        update: Any = vmodl.query.PropertyCollector.ObjectUpdate
        now: dict[str, Content] = {}
        for start in self.spec.objectSet:
            alone = vmodl.query.PropertyCollector.FilterSpec(
                propSet=self.spec.propSet,
                objectSet=[start],
                reportMissingObjectsInResults=True,
            )
            now |= {c.reference._moId: c for c in collect(alone, read)}
        objects = []
        for moid, content in now.items():
            before = self.told.get(moid)
            changed = [
                vmodl.query.PropertyCollector.Change(name=path, op="assign", val=value)
                for path, value in content.values.items()
                if before is None or not _same(before.values.get(path), value)
            ]
            if changed or before is None:
                kind = "enter" if before is None else "modify"
                objects.append(update(kind=kind, obj=content.reference, changeSet=changed))
        objects += [
            update(kind="leave", obj=content.reference)
            for moid, content in self.told.items()
            if moid not in now
        ]
        self.told = now
        if not objects:
            return None
        return vmodl.query.PropertyCollector.FilterUpdate(
            filter=vmodl.query.PropertyCollector.Filter(self.moid), objectSet=objects
        )


def _same(before: Any, after: Any) -> bool:
    if isinstance(before, vim.ManagedEntity) and isinstance(after, vim.ManagedEntity):
        return bool(before._moId == after._moId)
    return bool(before == after)
