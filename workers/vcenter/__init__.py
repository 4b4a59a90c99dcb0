"""vCenter's inventory turned into VM locations, placements and events: the edge to vCenter."""

from workers.vcenter.client import Vcenter
from workers.vcenter.services import VcenterAbout

__all__ = ["Vcenter", "VcenterAbout"]
