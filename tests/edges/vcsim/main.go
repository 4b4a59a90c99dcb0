// A world (JSON on the first line of standard input) turned into govmomi's vCenter simulator with that world
// in its default inventory. It tells its port on standard output and ends with its standard input.
package main

import (
	"bufio"
	"crypto/tls"
	"encoding/json"
	"fmt"
	"io"
	"log"
	"net/url"
	"os"

	"github.com/vmware/govmomi/simulator"
	"github.com/vmware/govmomi/vim25/types"
)

type guest struct{ Name, Mac, Address, Gateway string }

type world struct {
	User, Password, Certificate, Key string
	Host, Switch, Portgroup          string
	Vlan                             int32
	Pools                            int
	Guests                           []guest
}

func main() {
	input := bufio.NewReader(os.Stdin)
	line, err := input.ReadBytes('\n')
	check(err)
	var told world
	check(json.Unmarshal(line, &told))

	model := simulator.VPX()
	model.Machine = told.Pools
	check(model.Create())
	told.build()

	certificate, err := tls.X509KeyPair([]byte(told.Certificate), []byte(told.Key))
	check(err)
	model.Service.TLS = &tls.Config{Certificates: []tls.Certificate{certificate}}
	model.Service.Listen = &url.URL{Host: "127.0.0.1:0", User: url.UserPassword(told.User, told.Password)}
	server := model.Service.NewServer()
	fmt.Println(server.URL.Port())
	_, _ = io.Copy(io.Discard, input)
	server.Close()
	model.Remove()
}

func check(err error) {
	if err != nil {
		log.Fatal(err)
	}
}

// build gives the first host, switch and port group and the VMs on that host the world's names and settings.
func (w *world) build() {
	host := simulator.Map.Any("HostSystem").(*simulator.HostSystem)
	for _, entity := range simulator.Map.All("HostSystem") {
		if found := entity.(*simulator.HostSystem); found.Name == "DC0_H0" {
			host = found
		}
	}
	host.Name, host.Summary.Config.Name = w.Host, w.Host
	dvs := simulator.Map.Any("DistributedVirtualSwitch").(*simulator.DistributedVirtualSwitch)
	config := dvs.Config.GetDVSConfigInfo()
	dvs.Name, config.Name = w.Switch, w.Switch
	for number, reference := range host.Vm[:len(w.Guests)] {
		vm := simulator.Map.Get(reference).(*simulator.VirtualMachine)
		w.Guests[number].enter(vm)
		group := simulator.Map.Get(vm.Network[0]).(*simulator.DistributedVirtualPortgroup)
		group.Name, group.Config.Name = w.Portgroup, w.Portgroup
		setting := group.Config.DefaultPortConfig.(*types.VMwareDVSPortSetting)
		setting.Vlan = &types.VmwareDistributedVirtualSwitchVlanIdSpec{VlanId: w.Vlan}
	}
}

func (g guest) enter(vm *simulator.VirtualMachine) {
	vm.Name, vm.Config.Name, vm.Summary.Config.Name = g.Name, g.Name, g.Name
	devices := append([]types.BaseVirtualDevice(nil), vm.Config.Hardware.Device...)
	for place, device := range devices {
		if card, ok := device.(*types.VirtualE1000); ok { // the model lets its VMs share one card
			own := *card
			own.MacAddress = g.Mac
			devices[place] = &own
		}
	}
	vm.Config.Hardware.Device = devices
	nic := &vm.Guest.Net[0]
	nic.MacAddress, nic.IpAddress = g.Mac, []string{g.Address}
	nic.IpConfig = &types.NetIpConfigInfo{IpAddress: []types.NetIpConfigInfoIpAddress{
		{IpAddress: g.Address, PrefixLength: 24, State: "preferred"},
	}}
	vm.Guest.IpAddress = g.Address
	vm.Guest.ToolsRunningStatus = string(types.VirtualMachineToolsRunningStatusGuestToolsRunning)
	vm.Guest.IpStack = []types.GuestStackInfo{{IpRouteConfig: &types.NetIpRouteConfigInfo{
		IpRoute: []types.NetIpRouteConfigInfoIpRoute{{
			Network: "0.0.0.0",
			Gateway: types.NetIpRouteConfigInfoGateway{IpAddress: g.Gateway, Device: "0"},
		}},
	}}}
}
