/** The resources that the program registers on AWS: their types, rules and dependencies. */
import assert from "node:assert/strict";
import { before, describe, test } from "node:test";
import { accountAnswers } from "../support/aws-account.ts";
import { givenVpcConfig, oneSubnetConfig, ownVpcConfig } from "../support/aws-config.ts";
import {
  checkInstallations,
  checkReadiness,
  concernedHost,
  balancers,
  brokers,
  hostOf,
  hosts,
  remoteCommand,
} from "../support/graph-facts.ts";
import {
  unwrapSecrets,
  runProgram,
  secretText,
  type RegisteredResource,
  type ProgramRun,
} from "../support/program.ts";
import type { ConfigBlocks } from "../support/dev-stack.ts";

const instance = "aws:ec2/instance:Instance";
const networkInterface = "aws:ec2/networkInterface:NetworkInterface";
const ingress = "aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule";
const address: Readonly<Record<string, string>> = {
  cent120: "10.20.1.11",
  cent121: "10.20.2.11",
  cent122: "10.20.3.11",
  cent123: "10.20.1.21",
  cent124: "10.20.2.21",
};

const runWith = async (config: ConfigBlocks, aws: ConfigBlocks = {}): Promise<ProgramRun> =>
  runProgram({
    config: { ...config, aws: { ...(config["aws"] as ConfigBlocks), ...aws } },
    stack: "prod",
    functionAnswers: accountAnswers(),
  });

/** @returns the names of the resources of a type, sorted */
const namesOf = ({ graph }: ProgramRun, type: string): string[] =>
  graph
    .ofType(type)
    .map(({ name }) => name)
    .sort();

/** @returns each rule as `GROUP PROTOCOL PORTS SOURCE` */
function rules({ graph }: ProgramRun): string[] {
  const group = (id: unknown): string => String(id).replace(/^aws-(.*)-id$/, "$1");
  return graph
    .ofType(ingress)
    .map(({ inputs }) => {
      const { ipProtocol, fromPort = "-", toPort = "-", cidrIpv4, referencedSecurityGroupId } = inputs;
      const source = cidrIpv4 ?? group(referencedSecurityGroupId);
      return [group(inputs["securityGroupId"]), ipProtocol, fromPort, toPort, source].map(String).join(" ");
    })
    .sort();
}

test("one host has another image and another type than the others of its role", async () => {
  const aws = {
    image: "ami-00000001",
    images: { cent121: "ami-00000002" },
    hostTypes: { cent121: "m6i.xlarge" },
  };
  const { graph } = await runWith(ownVpcConfig(), aws);
  const ofHost = (name: string): unknown[] => {
    const { ami, instanceType } = graph.get(`${name}-machine`).inputs;
    return [ami, instanceType];
  };
  assert.deepEqual(brokers.map(ofHost), [
    ["ami-00000001", "m6i.large"],
    ["ami-00000002", "m6i.xlarge"],
    ["ami-00000001", "m6i.large"],
  ]);
});

describe("a VPC of the stack's own", () => {
  let run: ProgramRun;
  before(async () => {
    run = await runWith(ownVpcConfig());
  });
  const get = (name: string): RegisteredResource => run.graph.get(name);
  const inputs = (name: string): Record<string, unknown> =>
    unwrapSecrets(get(name).inputs) as Record<string, unknown>;

  test("exactly these resources are in the account, all below one component", () => {
    const types = run.graph.nodes.filter(({ type }) => type.startsWith("aws:"));
    const counts = new Map<string, number>();
    for (const { name, type, parent } of types) {
      assert.equal(parent, "aws", name);
      counts.set(type, (counts.get(type) ?? 0) + 1);
    }
    assert.deepEqual(Object.fromEntries([...counts].sort()), {
      "aws:ebs/volume:Volume": 3,
      "aws:ec2/eip:Eip": 2,
      "aws:ec2/instance:Instance": 6,
      "aws:ec2/internetGateway:InternetGateway": 1,
      "aws:ec2/natGateway:NatGateway": 1,
      "aws:ec2/networkInterface:NetworkInterface": 6,
      "aws:ec2/route:Route": 4,
      "aws:ec2/routeTable:RouteTable": 2,
      "aws:ec2/routeTableAssociation:RouteTableAssociation": 4,
      "aws:ec2/securityGroup:SecurityGroup": 3,
      "aws:ec2/subnet:Subnet": 4,
      "aws:ec2/volumeAttachment:VolumeAttachment": 3,
      "aws:ec2/vpc:Vpc": 1,
      "aws:iam/instanceProfile:InstanceProfile": 2,
      "aws:iam/role:Role": 2,
      "aws:iam/rolePolicy:RolePolicy": 2,
      "aws:vpc/securityGroupEgressRule:SecurityGroupEgressRule": 3,
      "aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule": 16,
    });
  });

  test("the security groups have exactly these rules", () => {
    assert.deepEqual(rules(run), [
      "balancers 112 - - balancers",
      "balancers tcp 15672 15672 10.20.0.0/16",
      "balancers tcp 22 22 bastion",
      "balancers tcp 5672 5672 10.20.0.0/16",
      "balancers tcp 5672 5672 balancers",
      "balancers tcp 5672 5672 brokers",
      "balancers tcp 8100 8100 10.20.0.0/16",
      "bastion tcp 22 22 198.51.100.0/24",
      "brokers tcp 15672 15672 balancers",
      "brokers tcp 22 22 bastion",
      "brokers tcp 25672 25672 brokers",
      "brokers tcp 35672 35682 brokers",
      "brokers tcp 4369 4369 brokers",
      "brokers tcp 5672 5672 balancers",
      "brokers tcp 5672 5672 brokers",
      "brokers tcp 6000 6500 brokers",
    ]);
    for (const { inputs: group } of run.graph.ofType("aws:ec2/securityGroup:SecurityGroup")) {
      assert.equal(group["ingress"], undefined);
      // The characters that EC2 accepts in a description.
      assert.match(String(group["description"]), /^[A-Za-z0-9 ._:/()#,@[\]+=&;{}!$*-]+$/);
    }
  });

  test("a machine is in the subnet of its address; its interface is kept when the machine is replaced", () => {
    for (const host of hosts) {
      const own = get(`${host}-interface-${address[host] ?? ""}`);
      const third = (address[host] ?? "").split(".")[2] ?? "";
      assert.deepEqual(own.inputs["privateIps"], [address[host]]);
      assert.equal(own.inputs["subnetId"], `aws-subnet-10.20.${third}.0-24-id`);
      assert.ok(!run.graph.dependenciesOf(own.name).has(`${host}-machine`), host);
      assert.deepEqual(inputs(`${host}-machine`)["primaryNetworkInterface"], {
        networkInterfaceId: `${own.name}-id`,
      });
    }
  });

  test("machines accept only version 2 of the metadata service, and their disks are encrypted", () => {
    const machines = run.graph.ofType(instance);
    assert.deepEqual(machines.map(({ name }) => name).sort(), [
      "aws-bastion-machine",
      ...hosts.map((host) => `${host}-machine`),
    ]);
    for (const { name } of machines) {
      const { metadataOptions, rootBlockDevice, disableApiTermination, associatePublicIpAddress } =
        inputs(name);
      assert.deepEqual(metadataOptions, {
        httpEndpoint: "enabled",
        httpTokens: "required",
        httpPutResponseHopLimit: 1,
      });
      const { encrypted, volumeType, volumeSize } = rootBlockDevice as Record<string, unknown>;
      assert.deepEqual([encrypted, volumeType, volumeSize], [true, "gp3", 20]);
      assert.deepEqual([disableApiTermination, associatePublicIpAddress], [false, undefined]);
    }
  });

  test("neither a newer image nor other user data replaces an existing machine", () => {
    for (const { name, ignoreChanges, deleteBeforeReplace } of run.graph.ofType(instance)) {
      assert.deepEqual(ignoreChanges, ["ami", "userData", "sourceDestCheck"], name);
      // The interface can be attached to one instance only.
      assert.ok(deleteBeforeReplace, name);
    }
  });

  test("another type replaces a machine, as another image does: changed in place, all of a role would stop at once", () => {
    for (const { name, replaceOnChanges } of run.graph.ofType(instance))
      assert.deepEqual(replaceOnChanges, ["instanceType"], name);
  });

  test("a machine gets its user's key, its name and its host key, which is pinned from the first connection on", () => {
    for (const host of hosts) {
      const userData = secretText(get(`${host}-machine`).inputs["userData"]) ?? "";
      const hostKey = secretText(get(`${host}-ssh-host-key`).inputs["input"]) ?? "";
      assert.match(userData, /^#cloud-config\n/);
      assert.match(userData, new RegExp(`^hostname: ${host}$`, "m"));
      assert.match(userData, /^manage_etc_hosts: false$/m);
      for (const line of hostKey.trimEnd().split("\n")) assert.ok(userData.includes(`\n    ${line}\n`), host);
      const { hostKey: pinned } = unwrapSecrets(get(`${host}-ready`).inputs["connection"]) as Record<
        string,
        unknown
      >;
      assert.ok(userData.includes(`ed25519_public: ${String(pinned)}\n`), host);
      const sshKey = secretText(get("aws-ssh-key").inputs["input"]) ?? "";
      assert.ok(!userData.includes(sshKey.split("\n")[2] ?? ""), "the key to log in with left this computer");
    }
  });

  test("a broker's data is on a volume that outlives its machine, and is mounted before RabbitMQ is installed", () => {
    for (const broker of brokers) {
      const volume = get(`${broker}-data`);
      assert.deepEqual(
        [
          volume.inputs["encrypted"],
          volume.inputs["type"],
          volume.inputs["size"],
          volume.inputs["finalSnapshot"],
        ],
        [true, "gp3", 50, true],
      );
      assert.equal(volume.deletedWith, undefined);
      assert.ok(!run.graph.dependenciesOf(volume.name).has(`${broker}-machine`), broker);
      run.graph.assertPrecedes([`${broker}-data-attachment`], [`${broker}-mount`]);
      run.graph.assertPrecedes([`${broker}-mount`, `${broker}-data-unit`], [`${broker}-packages`]);
      // The creation time decides whether it may get a file system.
      assert.equal(
        unwrapSecrets(get(`${broker}-mount`).inputs["stdin"]),
        `${broker}-data-id 2026-03-01T12:00:00Z`,
      );
    }
  });

  test("a machine depends on its outgoing route, its rules and its permissions", () => {
    const machines = hosts.map((host) => `${host}-machine`);
    run.graph.assertPrecedes(["aws-table-private-out", "aws-nat", ...namesOf(run, ingress)], machines);
    run.graph.assertPrecedes(["cent123-role-move", "cent123-profile"], ["cent123-machine"]);
    run.graph.assertPrecedes(
      ["aws-bastion-ready", "aws-bastion-address"],
      hosts.map((host) => `${host}-ready`),
    );
  });

  test("everything on a machine is set up again when it is replaced, and deleted with it", () => {
    for (const { name, inputs: given, deletedWith } of run.graph.ofType(remoteCommand)) {
      if (name === "aws-bastion-ready") continue;
      assert.equal((given["triggers"] as unknown[])[0], `${concernedHost(name)}-machine-id`, name);
      assert.equal(deletedWith, `${hostOf(name)}-machine`, name);
    }
  });

  test("every step depends directly on its host being ready and having the program", () => {
    checkReadiness(run.graph);
  });

  test("the program is sent through the bastion", () => {
    checkInstallations(run.graph);
  });

  test("machines are reached through the bastion, by both pinned keys, as the image's user with sudo", () => {
    for (const host of hosts) {
      const { proxy, ...way } = unwrapSecrets(
        get(`${host}-config`.replace(/^(cent12[34])/, "haproxy-$1")).inputs["connection"],
      ) as Record<string, unknown>;
      assert.deepEqual([way["host"], way["user"], way["port"]], [address[host], "admin", 22]);
      const { host: jump, hostKey } = proxy as Record<string, unknown>;
      assert.equal(jump, "public-ip-of-aws-bastion-address");
      assert.match(String(hostKey), /^ssh-ed25519 /);
    }
    assert.match(
      String(get("cent120-names").inputs["create"]),
      /^sudo -n \/usr\/local\/bin\/rabbitmq-ha names /,
    );
  });

  test("only the NAT gateway and the bastion have public addresses", () => {
    assert.deepEqual(namesOf(run, "aws:ec2/eip:Eip"), ["aws-bastion-address", "aws-nat-address"]);
    for (const { name, inputs: subnet } of run.graph.ofType("aws:ec2/subnet:Subnet")) {
      assert.equal(subnet["mapPublicIpOnLaunch"], false, name);
    }
  });

  test("across zones the virtual address is a route to the first balancer in every table; later Keepalived moves it", () => {
    for (const name of ["aws-address-private", "aws-address-public"]) {
      const { inputs: route, ignoreChanges } = get(name);
      assert.equal(route["destinationCidrBlock"], "10.255.255.100/32");
      assert.equal(route["networkInterfaceId"], "cent123-interface-10.20.1.21-id");
      assert.deepEqual(ignoreChanges, ["networkInterfaceId"]);
      run.graph.assertPrecedes(
        [name],
        balancers.map((balancer) => `virtual-address-${balancer}-service`),
      );
    }
    for (const { name, inputs: own, ignoreChanges } of run.graph.ofType(networkInterface)) {
      if (name === "aws-bastion-interface") continue;
      assert.equal(own["sourceDestCheck"], !balancers.includes(hostOf(name)), name);
      assert.deepEqual(ignoreChanges, ["privateIps", "privateIpsCount"]);
    }
  });

  test("Keepalived moves it with a script; the script and the AWS CLI are installed before Keepalived starts", () => {
    for (const balancer of balancers) {
      const conf = String(inputs(`virtual-address-${balancer}-config`)["stdin"]);
      assert.match(conf, /^ {4}notify_master \/usr\/local\/lib\/rabbitmq-ha\/move-address root$/m);
      assert.match(conf, /^ {4}notify_master_rx_lower_pri \S+\/move-address root$/m);
      assert.match(conf, /^ {8}10\.255\.255\.100\/32 dev ens5$/m);
      assert.match(
        String(inputs(`virtual-address-${balancer}-packages`)["create"]),
        / packages --names \S*,awscli /,
      );
      run.graph.assertPrecedes([`virtual-address-${balancer}-move`], [`virtual-address-${balancer}-service`]);
      assert.match(
        String(inputs(`virtual-address-${balancer}-holder`)["create"]),
        / --moved \S+\/move-address /,
      );
    }
  });

  test("all resources have the stack's tags", () => {
    for (const {
      name,
      inputs: { tags },
    } of run.graph.ofType(instance)) {
      assert.equal((tags as Record<string, unknown>)["rabbitmq-ha:stack"], "prod", name);
    }
    assert.equal((inputs("cent120-machine")["tags"] as Record<string, unknown>)["Name"], "cent120");
  });

  test("the outputs are those of every platform", () => {
    assert.deepEqual(Object.keys(run.outputs).sort(), [
      ...[
        "adminPassword",
        "adminUser",
        "administrators",
        "amqpUri",
        "amqpsUri",
        "balance",
        "balancers",
        "brokers",
        "caCertificate",
        "clusterName",
        "definitions",
        "endpoints",
        "expected",
      ],
      ...[
        "managementUrl",
        "managementUrls",
        "policy",
        "queues",
        "ssh",
        "statsPassword",
        "statsUrls",
        "userPasswords",
        "virtualAddress",
      ],
    ]);
    assert.equal(run.outputs["virtualAddress"], "10.255.255.100");
  });
});

describe("a given VPC", () => {
  let run: ProgramRun;
  before(async () => {
    run = await runWith(givenVpcConfig(), {
      consoles: ["10.30.0.0/16"],
      clients: ["10.40.0.0/16"],
      tags: { Team: "queues" },
      terminationProtection: true,
      purge: true,
      kmsKey: "arn:aws:kms:eu-central-1:123456789012:key/abc",
    });
  });

  test("of the network only groups, interfaces and routes of the address are made", () => {
    const types = new Set(run.graph.nodes.map(({ type }) => type).filter((type) => type.startsWith("aws:")));
    for (const made of [
      "vpc:Vpc",
      "subnet:Subnet",
      "routeTable:RouteTable",
      "natGateway:NatGateway",
      "eip:Eip",
    ]) {
      assert.ok(!types.has(`aws:ec2/${made}`), made);
    }
    assert.deepEqual(namesOf(run, "aws:ec2/route:Route"), [
      "aws-address-rtb-00000001",
      "aws-address-rtb-00000002",
    ]);
    assert.equal(run.graph.get("cent121-interface-10.20.2.11").inputs["subnetId"], "subnet-00000002");
    assert.equal(run.graph.get("aws-brokers").inputs["vpcId"], "vpc-0123456789abcdef0");
  });

  test("clients, consoles and SSH are let in only from the configured networks", () => {
    assert.deepEqual(
      rules(run).filter((rule) => rule.includes("/")),
      [
        "balancers tcp 15672 15672 10.40.0.0/16",
        "balancers tcp 22 22 10.20.9.5/32",
        "balancers tcp 5672 5672 10.40.0.0/16",
        "balancers tcp 8100 8100 10.40.0.0/16",
        "brokers tcp 15672 15672 10.30.0.0/16",
        "brokers tcp 22 22 10.20.9.5/32",
      ],
    );
  });

  test("termination protection, KMS key, tags and snapshots are as configured", () => {
    const { disableApiTermination, rootBlockDevice, tags } = run.graph.get("cent120-machine").inputs;
    assert.equal(disableApiTermination, true);
    assert.match(String((rootBlockDevice as Record<string, unknown>)["kmsKeyId"]), /^arn:aws:kms:/);
    assert.equal((tags as Record<string, unknown>)["Team"], "queues");
    assert.equal(run.graph.get("cent120-data").inputs["finalSnapshot"], false);
    assert.match(String(run.graph.get("cent120-data").inputs["kmsKeyId"]), /^arn:aws:kms:/);
    for (const part of ["machine", "data", "data-attachment"])
      assert.ok(run.graph.get(`cent120-${part}`).protect, part);
  });

  test("machines are reached through the given bastion", () => {
    const { proxy } = unwrapSecrets(run.graph.get("cent120-ready").inputs["connection"]) as Record<
      string,
      unknown
    >;
    const { host, user, port, hostKey } = proxy as Record<string, unknown>;
    assert.deepEqual([host, user, port, hostKey], ["bastion.example.org", "jump", 22, undefined]);
  });
});

describe("balancers in one subnet", () => {
  test("the virtual address is a secondary address: no route, and the source/destination check stays on", async () => {
    const run = await runWith(oneSubnetConfig());
    assert.deepEqual(
      namesOf(run, "aws:ec2/route:Route").filter((name) => name.startsWith("aws-address")),
      [],
    );
    for (const { name, inputs } of run.graph.ofType(networkInterface)) {
      if (name !== "aws-bastion-interface") assert.equal(inputs["sourceDestCheck"], true, name);
    }
  });
});

describe("the other ways of access", () => {
  test("public: each machine has a public address, and SSH is let in only from the configured networks", async () => {
    const run = await runWith(
      { ...ownVpcConfig() },
      { access: { way: "public", from: ["203.0.113.0/24"] }, publicSubnet: undefined },
    );
    assert.deepEqual(
      namesOf(run, "aws:ec2/eip:Eip"),
      hosts.map((host) => `${host}-address`),
    );
    const { host } = unwrapSecrets(run.graph.get("cent120-ready").inputs["connection"]) as Record<
      string,
      unknown
    >;
    assert.equal(host, "public-ip-of-cent120-address");
    const open = rules(run).filter((rule) => rule.includes(" 22 "));
    assert.deepEqual(open, ["balancers tcp 22 22 203.0.113.0/24", "brokers tcp 22 22 203.0.113.0/24"]);
    assert.deepEqual(namesOf(run, "aws:ec2/natGateway:NatGateway"), []);
  });

  test("direct: to the private address, without a bastion", async () => {
    const run = await runWith(ownVpcConfig(), { access: { way: "direct", from: ["10.20.0.0/16"] } });
    const { host, proxy } = unwrapSecrets(run.graph.get("cent120-ready").inputs["connection"]) as Record<
      string,
      unknown
    >;
    assert.deepEqual([host, proxy], ["10.20.1.11", undefined]);
    assert.equal(namesOf(run, instance).length, 5);
  });

  test("ssm: by a forwarded port, without an open SSH port, and each machine may use SSM", async () => {
    const ports = Object.fromEntries(hosts.map((host, index) => [host, 2200 + index]));
    const run = await runWith(ownVpcConfig(), { access: { way: "ssm", ports }, image: "ami-00000001" });
    const { host, port, proxy } = unwrapSecrets(
      run.graph.get("cent121-ready").inputs["connection"],
    ) as Record<string, unknown>;
    assert.deepEqual([host, port, proxy], ["127.0.0.1", 2201, undefined]);
    assert.deepEqual(
      rules(run).filter((rule) => rule.includes(" 22 ")),
      [],
    );
    for (const name of hosts) {
      const { policyArn } = run.graph.get(`${name}-role-sessions`).inputs;
      assert.equal(policyArn, "arn:aws:iam::aws:policy/AmazonSSMManagedInstanceCore");
      assert.ok(run.graph.get(`${name}-machine`).inputs["iamInstanceProfile"] !== undefined);
    }
    // With a configured image, a change of it is not ignored.
    assert.deepEqual(run.graph.get("cent120-machine").ignoreChanges, ["userData", "sourceDestCheck"]);
  });
});
