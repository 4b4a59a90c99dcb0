"""The model's own dataclass against the standard one: whatever can be asked of both, the same answer."""

# ruff: noqa: ANN401  either kind of dataclass is taken

import copy
import dataclasses
from dataclasses import field
from typing import Any

import pytest

from workers.arp.model import Capture, CapturePoint, Job, Stimulus, Thread, Vlan, Vnic, values

MADE = values._dataclass


def _both(name: str, annotations: dict[str, Any], **defaults: object) -> list[Any]:
    make = (MADE, dataclasses.dataclass)
    space = {"__annotations__": annotations, "__doc__": "One."}
    return [d(frozen=True, slots=True)(type(name, (), space | defaults)) for d in make]


def _pairs() -> list[tuple[Any, Any]]:
    ours, theirs = _both(
        "Point", {"x": int, "y": str, "z": list}, y="a", z=field(default_factory=list)
    )
    arguments: list[tuple[tuple[object, ...], dict[str, object]]] = [
        ((1,), {}),
        ((1, "b"), {}),
        ((), {"x": 1, "y": "b"}),
        ((1, "b", [2]), {}),
        ((2,), {"z": []}),
    ]
    return [(ours(*a, **k), theirs(*a, **k)) for a, k in arguments]


@pytest.mark.parametrize(("ours", "theirs"), _pairs())
def test_it_tells_the_same_of_itself(ours: Any, theirs: Any) -> None:
    assert repr(ours) == repr(theirs)
    assert dataclasses.asdict(ours) == dataclasses.asdict(theirs)
    assert repr(dataclasses.replace(ours, x=9)) == repr(dataclasses.replace(theirs, x=9))
    assert type(ours).__slots__ == type(theirs).__slots__
    assert type(ours).__match_args__ == type(theirs).__match_args__


def test_equality_goes_by_class_and_fields() -> None:
    ours = [one for one, _ in _pairs()]
    theirs = [one for _, one in _pairs()]
    assert [a == b for a in ours for b in ours] == [a == b for a in theirs for b in theirs]
    assert ours[0] != theirs[0]
    assert ours[0].__eq__(1) is NotImplemented


def test_a_factory_makes_anew() -> None:
    (one, other, *_), _ = zip(*_pairs(), strict=True)
    assert one.z is not other.z


def test_equal_ones_hash_alike() -> None:
    assert hash(Vlan("access", 7)) == hash(Vlan(mode="access", id=7))
    assert len({Vlan(), Vlan(), Vlan("none", 1)}) == 2


@pytest.mark.parametrize("spoil", [lambda v: setattr(v, "id", 2), lambda v: delattr(v, "id")])
def test_nothing_changes_it(spoil: Any) -> None:
    one = Vlan("access", 7)
    with pytest.raises(dataclasses.FrozenInstanceError):
        spoil(one)
    assert one.id == 7


def test_wrong_arguments_are_refused() -> None:
    with pytest.raises(TypeError, match="argument"):
        Vnic()  # type: ignore[call-arg]
    with pytest.raises(TypeError, match="slots"):
        MADE(frozen=True, slots=False)


@pytest.mark.parametrize("make", [MADE, dataclasses.dataclass])
def test_one_that_may_change_works_as_the_standard_one(make: Any) -> None:
    class Count:
        """One."""

        start: int
        seen: list[int] = field(default_factory=list)
        total: int = field(init=False)

        def __post_init__(self) -> None:
            self.total = self.start + sum(self.seen)

    made = make(slots=True)(Count)
    one, other = made(2, [3]), made(2, seen=[3])
    assert one == other
    assert repr(one).endswith("Count(start=2, seen=[3], total=5)")
    one.total = 9
    assert (one.total, one == other) == (9, False)
    assert made(1).seen is not made(1).seen
    assert dataclasses.replace(one, start=7).total == 10
    assert copy.copy(one) == one
    with pytest.raises(TypeError, match="hashable"):
        hash(one)
    with pytest.raises(TypeError, match="total"):
        made(1, total=3)
    with pytest.raises(AttributeError):
        one.another = 1


@pytest.mark.parametrize(
    "value",
    [
        Vlan("trunk", ranges=((1, 9),)),
        Stimulus(),
        Capture(CapturePoint.named("vmnic0-tx"), file="x.pcap"),
        Job(id="a", vm="app01", asked_by="U1", thread=Thread("C1"), asked_at=1),
    ],
)
def test_it_can_be_copied(value: Any) -> None:
    assert copy.deepcopy(value) == value
    assert copy.copy(value) == value
