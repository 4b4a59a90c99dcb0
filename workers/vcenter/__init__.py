"""vCenter's inventory turned into VM locations, placements and events: the edge to vCenter."""

from workers.vcenter.client import Vcenter
from workers.vcenter.services import HostPlace, VcenterAbout

__all__ = ["HostPlace", "Vcenter", "VcenterAbout"]
