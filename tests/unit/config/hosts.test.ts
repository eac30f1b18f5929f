/** Hosts, their names and addresses, and the network that they are in. */
import test from "node:test";
import { refuses } from "./draft.ts";

test("refuses a name with a dot", () => {
  refuses({ "brokers.0.name": "cent120.lab" }, [
    'brokers[0].name = "cent120.lab": has a dot, and RabbitMQ\'s node names are short names; write only the first part, "cent120"',
  ]);
});

test("refuses a name that is too long", () => {
  refuses({ "brokers.0.name": "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa" }, [
    'brokers[0].name = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa": too long with 64 characters; write at most 63',
  ]);
});

test("refuses a name in capitals", () => {
  refuses({ "brokers.0.name": "Cent120" }, [
    'brokers[0].name = "Cent120": not a host name; write lower-case letters, digits and hyphens, with no hyphen at either end',
  ]);
});

test("refuses a name with a hyphen at its end", () => {
  refuses({ "balancers.1.name": "cent124-" }, [
    'balancers[1].name = "cent124-": not a host name; write lower-case letters, digits and hyphens, with no hyphen at either end',
  ]);
});

test("refuses the name localhost", () => {
  refuses({ "brokers.0.name": "localhost" }, [
    'brokers[0].name = "localhost": the name of every host for itself; write a name such as cent120',
  ]);
});

test("refuses a name that is a number", () => {
  refuses({ "brokers.0.name": 120 }, [
    "brokers[0].name = 120: not a host name; write lower-case letters, digits and hyphens",
  ]);
});

test("refuses a name that every resolver reads as an address", () => {
  for (const name of ["120", "0x1f", "007"]) {
    refuses({ "brokers.0.name": name }, [
      `brokers[0].name = "${name}": a number, which every host reads as an IPv4 address; write a name with a letter, such as cent${name}`,
    ]);
  }
});

test("refuses the same name twice", () => {
  refuses({ "balancers.0.name": "cent120" }, [
    'balancers[0].name = "cent120": already the name of brokers[0]; give each host its own',
  ]);
});

test("refuses a missing name", () => {
  refuses({ "brokers.1.name": undefined }, [
    "brokers[1].name: missing; write lower-case letters, digits and hyphens",
  ]);
});

test("refuses an invalid address", () => {
  refuses({ "brokers.1.address": "192.168.56.256" }, [
    'brokers[1].address = "192.168.56.256": not an address; write an IPv4 address such as 192.168.56.120',
  ]);
});

test("refuses an address with a leading zero", () => {
  refuses({ "brokers.1.address": "192.168.056.121" }, [
    'brokers[1].address = "192.168.056.121": not an address; write an IPv4 address such as 192.168.56.120',
  ]);
});

test("refuses an IPv6 address", () => {
  refuses({ "brokers.1.address": "fd00::1" }, [
    'brokers[1].address = "fd00::1": IPv6 is not supported; write an IPv4 address such as 192.168.56.120',
  ]);
});

test("refuses an address that no host can have", () => {
  refuses({ "brokers.1.address": "127.0.0.1" }, [
    'brokers[1].address = "127.0.0.1": not an address that a host can have; write one of the hosts\' network, such as 192.168.56.120',
  ]);
});

test("refuses the same address twice", () => {
  refuses({ "brokers.1.address": "192.168.56.120" }, [
    'brokers[1].address = "192.168.56.120": already the address of cent120; give each host its own',
  ]);
});

test("refuses an address outside the subnet", () => {
  refuses({ "brokers.1.address": "192.168.57.121" }, [
    'brokers[1].address = "192.168.57.121": outside the hosts\' network; write a free one in 192.168.56.0/24, or set rabbitmq-ha:lab.subnet',
  ]);
});

test("refuses the network's own address", () => {
  refuses({ "brokers.1.address": "192.168.56.0" }, [
    'brokers[1].address = "192.168.56.0": the network\'s own address; write a free one in 192.168.56.0/24',
  ]);
});

test("refuses the gateway's address", () => {
  refuses({ "brokers.1.address": "192.168.56.1" }, [
    'brokers[1].address = "192.168.56.1": the lab\'s gateway; write a free one in 192.168.56.0/24',
  ]);
});

test("refuses a host that is not a mapping", () => {
  refuses({ "brokers.1": "cent121" }, [
    'brokers[1] = "cent121": not a mapping; write it with the keys name, address and type',
  ]);
});

test("refuses an unknown node type", () => {
  refuses({ "brokers.1.type": "disk" }, ['brokers[1].type = "disk": not a node type; write disc or ram']);
});

test("refuses an invalid virtual address", () => {
  refuses({ virtualAddress: "vip" }, [
    'virtualAddress = "vip": not an address; write an IPv4 address such as 192.168.56.100',
  ]);
});

test("refuses a virtual address that a host has", () => {
  refuses({ virtualAddress: "192.168.56.124" }, [
    'virtualAddress = "192.168.56.124": the address of cent124; write one that no host has',
  ]);
});

test("refuses the network's own address as virtual address", () => {
  refuses({ virtualAddress: "192.168.56.0" }, [
    'virtualAddress = "192.168.56.0": the network\'s own address; write a free one in 192.168.56.0/24',
  ]);
});

test("refuses the broadcast address as virtual address", () => {
  refuses({ virtualAddress: "192.168.56.255" }, [
    'virtualAddress = "192.168.56.255": the network\'s broadcast address; write a free one in 192.168.56.0/24',
  ]);
});

test("refuses the gateway's address as virtual address", () => {
  refuses({ virtualAddress: "192.168.56.1" }, [
    'virtualAddress = "192.168.56.1": the lab\'s gateway; write a free one in 192.168.56.0/24',
  ]);
});

test("refuses a virtual address outside the network", () => {
  refuses({ virtualAddress: "10.0.0.1" }, [
    'virtualAddress = "10.0.0.1": outside the hosts\' network; write a free one in 192.168.56.0/24, or set rabbitmq-ha:lab.subnet',
  ]);
});

test("refuses an IPv6 virtual address", () => {
  refuses({ virtualAddress: "::1" }, [
    'virtualAddress = "::1": IPv6 is not supported; write an IPv4 address such as 192.168.56.100',
  ]);
});

test("refuses an even number of brokers", () => {
  refuses({ "brokers.3": { name: "cent125", address: "192.168.56.125" } }, [
    'brokers = ["cent120","cent121","cent122","cent125"]: an even number of brokers, which a network partition can split into halves that both pause; write 3 or 5, or another rabbitmq.settings.cluster_partition_handling than pause_minority',
  ]);
});

test("refuses two brokers", () => {
  refuses({ "brokers.2": undefined }, [
    'brokers = ["cent120","cent121"]: fewer than three brokers, with no majority left when one is lost; write three, or another rabbitmq.settings.cluster_partition_handling than pause_minority',
  ]);
});

test("refuses a single broker", () => {
  refuses({ "brokers.2": undefined, "brokers.1": undefined }, [
    'brokers = ["cent120"]: fewer than three brokers, with no majority left when one is lost; write three, or another rabbitmq.settings.cluster_partition_handling than pause_minority',
  ]);
});

test("refuses brokers without a disc node", () => {
  refuses({ "brokers.0.type": "ram", "brokers.1.type": "ram", "brokers.2.type": "ram" }, [
    'brokers = ["cent120","cent121","cent122"]: all are ram nodes, which store nothing on disk; write type: disc for at least one',
  ]);
});

test("refuses ram nodes on a RabbitMQ without them, expected or stated", () => {
  refuses({ os: "debian-13", "brokers.1.type": "ram" }, [
    'brokers[1].type = "ram": not supported by RabbitMQ 4.0 (as debian-13 is known to install); write disc, or leave the key out',
  ]);
  refuses({ "packages.rabbitmq.version": "4.2.9-1", "brokers.1.type": "ram" }, [
    'brokers[1].type = "ram": not supported by RabbitMQ 4.2.9-1 (as packages.rabbitmq states); write disc, or leave the key out',
  ]);
});

test("refuses a single balancer", () => {
  refuses({ "balancers.1": undefined }, [
    'balancers = ["cent123"]: too few: no other balancer can take over the virtual address; write two or more balancers',
  ]);
});

test("refuses an invalid subnet", () => {
  refuses({ "lab.subnet": "192.168.56.0" }, [
    'lab.subnet = "192.168.56.0": not a network; write an IPv4 network such as 192.168.56.0/24',
  ]);
});

test("refuses a subnet with host bits", () => {
  refuses({ "lab.subnet": "192.168.56.1/24" }, [
    'lab.subnet = "192.168.56.1/24": an address inside a network; write the network itself, 192.168.56.0/24',
  ]);
});

test("refuses an IPv6 subnet", () => {
  refuses({ "lab.subnet": "fd00::/64" }, [
    'lab.subnet = "fd00::/64": IPv6 is not supported; write an IPv4 network such as 192.168.56.0/24',
  ]);
});

test("refuses a subnet that is too small", () => {
  refuses({ "lab.subnet": "192.168.56.0/30" }, [
    'lab.subnet = "192.168.56.0/30": not a size for a lab; write a network from /8 to /29, such as 192.168.56.0/24',
  ]);
});

test("refuses a subnet that hosts cannot be in", () => {
  refuses({ "lab.subnet": "127.0.0.0/24" }, [
    'lab.subnet = "127.0.0.0/24": not a network that hosts can be in; write a private one such as 192.168.56.0/24',
  ]);
});

test("refuses an invalid image", () => {
  refuses({ "lab.image": "my image" }, [
    'lab.image = "my image": not an image; write a container image such as localhost/lab:1, or leave the key out',
  ]);
});

test("refuses the gateway of another subnet", () => {
  refuses({ "lab.subnet": "192.168.56.96/27", virtualAddress: "192.168.56.97" }, [
    'virtualAddress = "192.168.56.97": the lab\'s gateway; write a free one in 192.168.56.96/27',
  ]);
});
