"""Every verdict's fixed meaning, for the report and the operator's guide; a code is never renamed."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from workers.arp.model import Owner
from workers.arp.model.values import dataclass


@dataclass(frozen=True, slots=True)
class CodeInfo:
    """What a code stands for; ``owner`` is the usual one, a row may name another and says why."""

    owner: Owner
    meaning: str
    does_not_mean: str
    next_step: str


def _info(owner: Owner, meaning: str, does_not_mean: str, next_step: str) -> CodeInfo:
    return CodeInfo(owner, meaning, does_not_mean, next_step)


_G, _V, _N, _T = Owner.GUEST, Owner.VIRTUALIZATION, Owner.NETWORK, Owner.TARGET
_O, _I = Owner.NONE, Owner.INCONCLUSIVE

CODES: Mapping[str, CodeInfo] = MappingProxyType(
    {
        "ARP_OK": _info(
            _O,
            "At least nine of ten requests were answered and the replies reached the VM's port.",
            "That IP, routing or the application work.",
            "Look above ARP: routes, firewall, the application.",
        ),
        "LOCAL_OK": _info(
            _O,
            "A VM on the same host answered; such a reply touches no uplink.",
            "That the physical network works.",
            "Ask a target outside this host to test the uplinks.",
        ),
        "ANSWERED_LOCALLY": _info(
            _O,
            "The overlay segment's ARP suppression answered on the host.",
            "That the target is alive or that the tunnel works.",
            "Ping the target; compare its MAC with the segment's ARP table.",
        ),
        "PROBES_ONLY": _info(
            _O,
            "The guest only checked or announced its own address (RFC 5227): no answer is the good answer.",
            "That the guest can resolve anybody.",
            "Run the check again, and make the guest ask for the target meanwhile (arping).",
        ),
        "GUEST_SILENT": _info(
            _G,
            "The guest was made to ask, the VM's port was heard all the while, and no ARP came out.",
            "That the network was tested at all.",
            "Check the guest's interface and routes, then tcpdump inside the guest.",
        ),
        "GUEST_IGNORES_REPLY": _info(
            _G,
            "Replies were delivered within milliseconds and the guest goes on asking, as a kernel does.",
            "That any frame was lost, or that a kernel asks: a loop that flushes the entry looks the same.",
            "Check the guest's firewall, arptables, namespaces and neighbour table.",
        ),
        "GUEST_NOT_ANSWERING": _info(
            _G,
            "Requests for the VM's own address were delivered and it sent no reply.",
            "That the guest's own requests fail.",
            "Check arp_ignore, the guest's firewall and where the address is configured.",
        ),
        "GUEST_OFFSUBNET_TARGET": _info(
            _G,
            "The guest asks for an address outside its subnet, and nobody answers for it.",
            "That the target is down.",
            "Correct the guest's mask or its gateway route.",
        ),
        "GUEST_WRONG_SENDER": _info(
            _G,
            "The guest asks with a sender address or MAC that is not its own.",
            "That the network drops its frames.",
            "Correct the address, or the bonding or VIP set-up, in the guest.",
        ),
        "VM_IP_CONFLICT": _info(
            _G,
            "Another MAC speaks with the VM's IP address.",
            "Which of the two is configured wrongly.",
            "Ask address management who owns the address, and the network team at which port that MAC is.",
        ),
        "VSWITCH_DROP_TX": _info(
            _V,
            "Requests entered the virtual switch and none was handed to an uplink.",
            "Which filter or policy dropped them.",
            "On the host: pktcap-uw --capture Drop --mac MAC -c 20; then port block, uplinks, VLAN, filters.",
        ),
        "VSWITCH_DROP_RX": _info(
            _V,
            "Right replies came in on the uplink and did not reach the VM's port.",
            "That the physical network lost anything.",
            "On the host: pktcap-uw --capture Drop --mac MAC -c 20; then port block, Security, filters.",
        ),
        "FORGED_TX_DROP": _info(
            _V,
            "The VM sends with a foreign source MAC and the virtual switch drops that.",
            "That the policy is wrong: it may be meant.",
            "Correct the MAC in the guest, or where it is meant, accept forged transmits in the port group.",
        ),
        "VLAN_SUBNET_MISMATCH": _info(
            _V,
            "The VM's subnet lives in another VLAN than its port group's.",
            "Which of the two, port group or address, is wrong.",
            "Compare the port group's VLAN with the VM's address plan.",
        ),
        "TEAMING_MISMATCH": _info(
            _V,
            "The teaming policy and the switch's bundling do not match: replies come in elsewhere.",
            "Which side is wrong: either may be changed.",
            "Agree on one: IP hash with a port-channel, or neither; or LACP on both sides.",
        ),
        "UPLINK_VLAN_NOT_CARRIED": _info(
            _N,
            "Requests were handed to the uplink, but its switch port does not pass the VLAN on.",
            "That other VLANs there are broken, or that the VLAN ends there: a switch behind may drop it.",
            "Check the VLAN in the trunk of that switch port, then on the switches behind it.",
        ),
        "UPLINK_PATH_LOSS": _info(
            _N,
            "The path behind the uplink loses frames in one direction or in both.",
            "That the switch is at fault: NIC, optic and cable lie on that path.",
            "Check the switch port's state and counters, then NIC, optic and cable.",
        ),
        "VLAN_DEAD": _info(
            _N,
            "In the VLAN at least two on this host ask for the gateway and another address, or for three,"
            " none is answered on any uplink and nobody from outside is heard; another VLAN works.",
            "Where in the network the VLAN ends.",
            "Check the VLAN on the host's switch ports and on the uplinks of those switches.",
        ),
        "REPLY_LOST_VM_SPECIFIC": _info(
            _N,
            "The same target answers others on the same uplink and VLAN, not this VM.",
            "That the target has no filter against this VM.",
            "Look at the MAC table, port security and ARP inspection for this VM's MAC.",
        ),
        "REPLY_WRONG_VLAN": _info(
            _N,
            "Replies come back with another VLAN tag than the requests.",
            "Where the tag is changed.",
            "Check the native VLAN and any VLAN translation on that switch port.",
        ),
        "REPLY_STALE_MAC": _info(
            _N,
            "Replies are addressed to a MAC that is not the VM's.",
            "Whose entry is old: a static ARP entry, a proxy or a suppression cache.",
            "Clear the target's and the suppression caches' ARP entry for the VM.",
        ),
        "PARTIAL_LOSS": _info(
            _N,
            "A part of many requests is answered.",
            "Where the others are dropped.",
            "Look at control-plane policing, ARP policers and storm-control counters.",
        ),
        "RECOVERED_DURING_CAPTURE": _info(
            _N,
            "Until one moment next to no request was answered, since then nearly all were.",
            "What was repaired, or that it stays so.",
            "Look for topology changes or port events at that time.",
        ),
        "LOOP_SUSPECTED": _info(
            _N,
            "The VM's own frames come back on the uplink they left on, or several times.",
            "That the loop explains the verdict.",
            "Look for MAC flaps and topology changes.",
        ),
        "TARGET_DOWN": _info(
            _T,
            "The path works for others, and the target answers nobody.",
            "That the target is off: it may filter ARP, or its own switch port or path is at fault.",
            "Ask the target's owner; the network team where it is the gateway.",
        ),
        "NO_STIMULUS": _info(
            _I,
            "The guest sent no request, or none for the target that was named, and nothing shows that it had "
            "to: a warm ARP cache sends nothing.",
            "That anything is broken, or fine.",
            "Run the check again, and make the guest ask for the target meanwhile (arping).",
        ),
        "TOO_FEW_REQUESTS": _info(
            _I,
            "Too few requests were seen to tell a fault from chance.",
            "That ARP works.",
            "Run the check again, and make the guest ask for the target meanwhile (arping).",
        ),
        "CAPTURE_INCOMPLETE": _info(
            _I,
            "A point that could have shown the request or its reply was not heard.",
            "That frames were lost there.",
            "Mend what kept that point from being heard, then run the check again.",
        ),
        "UNANSWERED_NO_CONTROL": _info(
            _I,
            "Requests were handed out and not answered, and nothing comparable was seen.",
            "That the network lost them, or that the target is down.",
            "Ask for the target from another VM of the VLAN (arping), then from outside this host.",
        ),
        "VM_MOVED": _info(
            _I,
            "The VM moved, restarted or was reconnected during the capture.",
            "Anything about its ARP.",
            "Run the check again: it listens on the host that vCenter shows the VM on then.",
        ),
        "LATE_REPLIES": _info(
            _I,
            "Replies come more than a second after every request.",
            "That frames are lost.",
            "Look at the target's load, at power saving and at long paths.",
        ),
        "DUPLICATE_RESPONDERS": _info(
            _I,
            "Two MACs answer for the target.",
            "Which of the two is right.",
            "Find the ports of both MACs in the switches' MAC tables; ask the target's owner which is right.",
        ),
        "PATH_CHANGED": _info(
            _I,
            "The VM's uplink changed or a link went up or down during the capture.",
            "That either path is broken.",
            "Run the check again once the links are stable.",
        ),
    }
)
