"""``vim-cmd hostsvc/net/query_networkhint``: the switch port behind an uplink, from LLDP or CDP."""

from __future__ import annotations

from tests.lab.esxi.registry import Run, command
from tests.lab.world import Pnic

HINT = """\
   (vim.host.PhysicalNic.NetworkHint) {{
      device = "{device}",
      network = <unset>,
      connectedSwitchPort = {cdp},
      lldpInfo = {lldp}
   }}"""
CDP = """\
(vim.host.PhysicalNic.CdpInfo) {{
         devId = "{switch}",
         portId = "{port}",
         vlan = {vlan}
      }}"""
LLDP = """\
(vim.host.PhysicalNic.LldpInfo) {{
         chassisId = "00:1c:73:00:00:01",
         portId = "{port}",
         timeToLive = 112,
         parameter = (vim.KeyAnyValue) [
            (vim.KeyAnyValue) {{
               key = "System Name",
               value = "{switch}"
            }}
         ]
      }}"""


@command("vim-cmd")
async def vim_cmd(run: Run) -> int:
    verb = run.argv[1] if len(run.argv) > 1 else ""
    if verb in ("hostsvc/start_ssh", "hostsvc/enable_ssh"):
        return 0
    if not verb.startswith("hostsvc/net/query_networkhint"):
        return run.complain(f"Invalid command '{verb}'.")
    names = [w.partition("=")[2] for w in run.argv[2:] if w.startswith("--pnic-name=")]
    names += [run.argv[i + 1] for i, word in enumerate(run.argv[:-1]) if word == "--pnic-name"]
    hints = [_hint(pnic) for pnic in run.machine.host.pnics if pnic.device in names or not names]
    run.out("(vim.host.PhysicalNic.NetworkHint) [\n" + ",\n".join(hints) + "\n]\n")
    return 0


def _hint(pnic: Pnic) -> str:
    port = pnic.neighbour
    values = {
        "device": pnic.device, "switch": port.switch, "port": port.port, "vlan": port.native_vlan or 1,
    }  # fmt: skip
    cdp = CDP.format(**values) if port.protocol == "cdp" else "<unset>"
    lldp = LLDP.format(**values) if port.protocol == "lldp" else "<unset>"
    return HINT.format(**values, cdp=cdp, lldp=lldp)
