"""The vCenter twin itself, asked by plain pyVmomi: strict where the real one is strict."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Callable
from typing import Any

import pytest
from pyVmomi import SoapAdapter, vim, vmodl

from tests.lab.vcenter import VcenterTwin
from tests.lab.world import World, small_world

Collector = vmodl.query.PropertyCollector


async def ask(twin: VcenterTwin, question: Callable[[Any], Any], *, login: bool = True) -> Any:
    """What ``question`` makes of the service content, in a thread of its own."""
    adapter: Any = SoapAdapter.SoapStubAdapter
    stub = adapter(
        host=twin.host,
        port=twin.port,
        version="vim.version.v8_0_2_0",
        sslContext=ssl.create_default_context(cadata=twin.ca_pem),
        httpConnectionTimeout=10,
    )

    def work() -> Any:
        content: Any = vim.ServiceInstance("ServiceInstance", stub).RetrieveContent()
        if login:
            content.sessionManager.Login(twin.user, twin.password, None)
        try:
            return question(content)
        finally:
            if login:
                content.sessionManager.Logout()
            stub.DropConnections()

    return await asyncio.to_thread(work)


async def asked(
    question: Callable[[Any], Any], world: World | None = None, *, login: bool = True
) -> Any:
    twin = VcenterTwin(world or small_world())
    await twin.start()
    try:
        return await ask(twin, question, login=login)
    finally:
        await twin.stop()


def read(content: Any, moid: str, *paths: str) -> Any:
    vm = vim.VirtualMachine(moid, content.propertyCollector._stub)
    spec = Collector.FilterSpec(
        objectSet=[Collector.ObjectSpec(obj=vm)],
        propSet=[Collector.PropertySpec(type=vim.VirtualMachine, pathSet=list(paths))],
    )
    return content.propertyCollector.RetrievePropertiesEx([spec], Collector.RetrieveOptions())


async def test_properties_read_one_by_one_agree_with_those_read_together() -> None:
    def question(content: Any) -> Any:
        vm: Any = vim.VirtualMachine("vm-101", content.propertyCollector._stub)
        together = read(content, "vm-101", "name", "guest.net").objects[0].propSet
        return vm.name, vm.guest.net, {p.name: p.val for p in together}

    world = small_world()
    vm = world.vm("app01")
    vm.name, vm.guest_bridges = "a/b <&> %", ["172.17.0.1/16"]
    name, net, together = await asked(question, world)
    assert together["name"] == name == "a%2fb <&> %25"
    assert str(together["guest.net"]) == str(net)
    assert [nic.deviceConfigId for nic in net] == [-1, 4000]


async def test_an_unknown_path_fails_the_whole_call() -> None:
    with pytest.raises(vmodl.query.InvalidProperty) as caught:
        await asked(lambda content: read(content, "vm-101", "name", "config.nonsense"))
    assert caught.value.name == "config.nonsense"


async def test_a_missing_object_fails_the_whole_call() -> None:
    with pytest.raises(vmodl.fault.ManagedObjectNotFound):
        await asked(lambda content: read(content, "vm-999", "name"))


async def test_nothing_is_told_before_the_login() -> None:
    with pytest.raises(vim.fault.NotAuthenticated):
        await asked(lambda content: read(content, "vm-101", "name"), login=False)


async def test_a_call_the_api_does_not_have_or_the_lab_does_not_answer() -> None:
    with pytest.raises(vmodl.fault.NotSupported):
        await asked(lambda content: content.searchIndex.FindByDnsName(None, "app01", True))  # noqa: FBT003


async def test_pages_follow_the_smaller_of_both_wishes() -> None:
    def question(content: Any) -> Any:
        kinds = [vim.VirtualMachine]
        view = content.viewManager.CreateContainerView(content.rootFolder, kinds, True)  # noqa: FBT003
        through = Collector.TraversalSpec(type=vim.view.ContainerView, path="view")
        spec = Collector.FilterSpec(
            objectSet=[Collector.ObjectSpec(obj=view, skip=True, selectSet=[through])],
            propSet=[Collector.PropertySpec(type=vim.VirtualMachine, pathSet=["name"])],
        )
        collector = content.propertyCollector
        first = collector.RetrievePropertiesEx([spec], Collector.RetrieveOptions(maxObjects=3))
        second = collector.ContinueRetrievePropertiesEx(first.token)
        view.Destroy()
        return len(first.objects), len(second.objects), second.token

    assert await asked(question) == (3, 1, None)


async def test_whole_objects_can_be_read_too() -> None:
    def question(content: Any) -> Any:
        vm: Any = vim.VirtualMachine("vm-101", content.propertyCollector._stub)
        group = vm.network[0]
        return vm.config.name, vm.runtime.host.config.product.version, group.config.name

    assert await asked(question) == ("app01", "8.0.3", "app-110")
