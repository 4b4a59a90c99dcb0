"""One target's requests turned into headlines that tell how many were answered.

The law: all numbers of a sentence are counted of the same requests.
"""

from __future__ import annotations

from collections import Counter

from workers.arp.model import Owner
from workers.arp.numbers import change_point, wilson
from workers.arp.verdict.answers import UNICAST
from workers.arp.verdict.evidence import Evidence
from workers.arp.verdict.outcomes import TURN_LEAST, TURN_SHARE
from workers.arp.verdict.scene import clock
from workers.arp.verdict.signs import Sign
from workers.arp.verdict.story import either, latency_ms, share


def partial(e: Evidence, sign: Sign) -> str:
    """A part was answered: which share, or the one piece that was lost."""
    low, high = wilson(e.answered_of_judged, len(e.judged))
    rate = f"the true rate lies between {low:.0%} and {high:.0%} (95% interval)."
    if out := e.outage:
        rate = (
            f"{len(out)} were lost in one piece, from {clock(out[0].request.at)} to "
            f"{clock(out[-1].request.at)}."
        )
    return f"{share(e)} requests were answered by {e.target}: {rate}{_or_its_owner(e, sign)}"


def recovered(e: Evidence, sign: Sign) -> str:
    """Two shares: until the change, and since then."""
    outcomes = [each.delivered is not None for each in e.at_port]
    turn = change_point(outcomes, purity=TURN_SHARE, least=TURN_LEAST) or 0
    return (
        f"{sum(outcomes[:turn])} of {turn} requests were answered until "
        f"{clock(e.at_port[turn].request.at)}, {sum(outcomes[turn:])} of "
        f"{len(outcomes) - turn} since then.{_or_its_owner(e, sign)}"
    )


def late(e: Evidence, sign: Sign) -> str:
    """Later than a second after every request, or so late that the guest had asked again."""
    if not sign.detail:
        return (
            f"{e.target} answers so late that {e.case.vm.name} had asked again: {len(e.replies)} "
            f"replies to {len(e.asked)} requests, {share(e)} before the next one."
        )
    return (
        f"{sign.detail} replies of {e.target} came late: more than 1 s after every request before "
        f"them (median {latency_ms(e) or 0:.0f} ms)."
    )


def _or_its_owner(e: Evidence, sign: Sign) -> str:
    return f" It is the network, or {e.target} itself." if sign.owner == Owner.INCONCLUSIVE else ""


def target_down(e: Evidence, sign: Sign) -> str:
    """Nobody is answered, or nobody but this VM asks."""
    where = " It is a VM on this host." if sign.detail == "local" else ""
    gateway = " It is the gateway, so the network team is asked." if e.is_gateway else ""
    if sign.owner == Owner.INCONCLUSIVE and sign.detail != "scan":
        gateway = " Whether it is the gateway is not known."
    asks = [ask for ask in e.others if ask.target == e.target and not ask.mine]
    others = sum(ask.fair for ask in asks)
    told = f", 0 of {others} to others" if others else ""
    if not asks and not where and not e.is_gateway:
        return f"{_nobody_there(e)}{gateway}"
    return f"{e.target} answered nobody ({share(e)} to {e.case.vm.name}{told}).{where}{gateway}"


def _nobody_there(e: Evidence) -> str:
    """A target that only this VM asks for may be no machine at all."""
    name = e.case.vm.name
    more = len(e.silent_targets - {e.target})
    like = f" It asks for {more} more that nobody answers for." * bool(more)
    return (
        f"Nobody answers for {e.target} ({share(e)} to {name}), and only {name} asks for it: "
        f"it may not exist.{like}"
    )


def no_control(e: Evidence, sign: Sign) -> str:
    """How far requests and replies came."""
    what = " Overlay ARP is tunnelled: silence on the uplinks says nothing." * (
        sign.detail == "overlay"
    )
    came = Counter(device for each in e.undelivered for device in each.reply_on)
    replies = "".join(f", {count} replies came in on {up}" for up, count in sorted(came.items()))
    how = f"{_followed(e)}{replies}, {share(e)} answered at {e.nic.point}"
    return f"{how}; no cause is proven.{what}"


def _followed(e: Evidence) -> str:
    """How far the judged requests were seen to go, all counted of the same ones."""
    count = len(e.judged)
    out = sum(bool(each.left) for each in e.judged)
    back = sum(bool(each.reflected) for each in e.judged)
    uplinks = either({seen.object for each in e.judged for seen in each.left})
    if not out:
        handed_out = f"{count} requests for {e.target}, none of them matched at an uplink"
    elif out == count:
        handed_out = f"{count} requests for {e.target} handed to {uplinks}"
    else:
        handed_out = f"{count} requests for {e.target}, {out} matched on their way out on {uplinks}"
    return f"{handed_out}, {back} came back" if back else handed_out


def too_few(e: Evidence, sign: Sign) -> str:
    """Too few of everybody, or none of everybody while one MAC alone was asked in vain."""
    if sign.detail == UNICAST:
        asked = e.unheeded
        return (
            f"{share(e)} answered by {e.target}, but from {clock(asked[0].request.at)} on {len(asked)} "
            "requests in a row were not, all sent to its MAC alone: nobody was asked meanwhile who has it."
        )
    return (
        f"Too few requests to tell: {len(e.asked)} sent, {len(e.counted)} early enough to judge, "
        f"{share(e)} answered."
    )
