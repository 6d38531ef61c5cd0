"""Nodes in network namespaces, so that cables can be taken out.

A namespace "hub" holds two bridges: `nodes` (198.19.R.0/24) joins the nodes, `clients` (198.18.R.0/24) joins them with
this machine. The machine itself gets one interface, the other end of a cable into the hub. A node whose cable to the
other nodes is out is still asked by clients: only so can a test see what a lone node answers."""
import os, random, secrets

from machine import Cannot, Failed, run

NODES = (1, 2, 3)


def plan():
    """Names and addresses that nothing else here uses; makes nothing yet. To be written down before `make`."""
    if os.geteuid() != 0:
        raise Cannot("network namespaces need root")
    used = run("ip", "-4", "route", "show", "table", "all")
    third = next((third for third in random.sample(range(256), 256) if f"198.18.{third}." not in used), None)
    if third is None:
        raise Failed("no network of 198.18.0.0/15 is free")
    id = secrets.token_hex(3)
    return {
        "id": id,
        "interface": f"pg{id}",
        "hub": f"pg-{id}-hub",
        "address": f"198.18.{third}.254",
        "namespaces": [f"pg-{id}-{node}" for node in NODES],
        "client_addresses": [f"198.18.{third}.{node}" for node in NODES],
        "cluster_addresses": [f"198.19.{third}.{node}" for node in NODES],
    }


def make(network):
    """Makes the namespaces and the cables."""
    hub = network["hub"]
    try:
        run("ip", "netns", "add", hub)
    except Failed as reason:
        raise Cannot(f"no network namespace can be made: {reason}") from None
    for bridge in ("nodes", "clients"):
        run("ip", "-n", hub, "link", "add", bridge, "type", "bridge")
        run("ip", "-n", hub, "link", "set", bridge, "up")
    run("ip", "link", "add", network["interface"], "type", "veth", "peer", "name", "machine", "netns", hub)
    run("ip", "-n", hub, "link", "set", "machine", "master", "clients", "up")
    run("ip", "addr", "add", f"{network['address']}/24", "dev", network["interface"])
    run("ip", "link", "set", network["interface"], "up")
    for node, namespace in zip(NODES, network["namespaces"]):
        run("ip", "netns", "add", namespace)
        run("ip", "-n", namespace, "link", "set", "lo", "up")
        for bridge, addresses in (("nodes", "cluster_addresses"), ("clients", "client_addresses")):
            run("ip", "-n", hub, "link", "add", f"{bridge}{node}", "type", "veth", "peer", "name", bridge, "netns", namespace)
            run("ip", "-n", hub, "link", "set", f"{bridge}{node}", "master", bridge, "up")
            run("ip", "-n", namespace, "addr", "add", f"{network[addresses][node - 1]}/24", "dev", bridge)
            run("ip", "-n", namespace, "link", "set", bridge, "up")


def cut(network, node, side):
    """Takes a cable out: packets vanish, no connection is closed."""
    bridge = {"cluster": "nodes", "clients": "clients"}[side]
    run("ip", "-n", network["hub"], "link", "set", f"{bridge}{node}", "nomaster")


def heal(network, node):
    """Puts both cables of a node back."""
    for bridge in ("nodes", "clients"):
        run("ip", "-n", network["hub"], "link", "set", f"{bridge}{node}", "master", bridge)


def remove(network):
    """Removes what of this network there is. The cables go with the namespaces at their ends."""
    if os.path.exists(f"/sys/class/net/{network['interface']}"):
        run("ip", "link", "del", network["interface"])
    for namespace in [*network["namespaces"], network["hub"]]:
        if os.path.exists(f"/run/netns/{namespace}"):
            run("ip", "netns", "del", namespace)
