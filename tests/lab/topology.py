"""Five network namespaces in a row: client, router a, wire, router b, server. tests/lab/TRUTH.md says how they hang together.

Everything here needs root. Names of namespaces begin with the prefix that the caller chose; leaving the context ends every
process that was started in them and deletes them.
"""
import contextlib
import os
import signal
import subprocess

TIMEOUT = 20
VXLAN = {"address": {"b": "10.77.8.1", "s": "10.77.8.2"}, "id": 77, "overhead": 50,
         "inner": {"b0": "02:77:00:00:08:01", "s0": "02:77:00:00:08:02"}}
VLAN_ID = 77

# device: namespace, IPv4, IPv6 (with /24 and /64), Ethernet address
DEVICES = {
    "c0": ("c", "10.77.1.2", "fd77:1::2", "02:77:00:00:01:02"),
    "a0": ("a", "10.77.1.1", "fd77:1::1", "02:77:00:00:01:01"),
    "a1": ("a", "10.77.9.1", "fd77:9::1", "02:77:00:00:09:01"),
    "wa": ("w", None, None, "02:77:00:00:0a:01"),
    "wb": ("w", None, None, "02:77:00:00:0a:02"),
    "b1": ("b", "10.77.9.2", "fd77:9::2", "02:77:00:00:09:02"),
    "b0": ("b", "10.77.2.1", "fd77:2::1", "02:77:00:00:02:01"),
    "s0": ("s", "10.77.2.2", "fd77:2::2", "02:77:00:00:02:02"),
}
CABLES = [("c0", "a0"), ("a1", "wa"), ("wb", "b1"), ("b0", "s0")]
SYSCTLS = {
    # nobody may vanish: routers forward, believe any source, forward what has a wrong sum; no router advertisements
    "a": ["net.ipv4.ip_forward=1", "net.ipv6.conf.all.forwarding=1", "net.ipv4.conf.all.rp_filter=0"],
    "c": ["net.ipv4.tcp_no_metrics_save=1", "net.ipv4.tcp_tw_reuse=1", "net.ipv6.conf.all.accept_ra=0"],
    "w": ["net.ipv6.conf.all.disable_ipv6=1"],
}
SYSCTLS["b"], SYSCTLS["s"] = SYSCTLS["a"], SYSCTLS["c"]


class LabError(Exception):
    """Something of the topology itself did not work: no result of a scenario."""


def call(command, text=None, check=True):
    """Run a command; its standard output. LabError when it fails."""
    done = subprocess.run(command, input=text, capture_output=True, text=True, timeout=TIMEOUT, check=False)
    if check and done.returncode:
        raise LabError(f"{' '.join(command)}: {done.stderr.strip() or done.returncode}")
    return done.stdout


def can_run():
    """None, or why the lab cannot run here."""
    if os.geteuid() != 0:
        return "needs root"
    for tool in ("ip", "ethtool", "nft", "tcpdump"):
        if not any(os.access(os.path.join(d, tool), os.X_OK) for d in os.environ["PATH"].split(":") + ["/usr/sbin", "/sbin"]):
            return f"needs {tool}"
    probe = f"tplab-{os.getpid()}"
    try:
        call(["ip", "netns", "add", probe])
        call(["ip", "netns", "del", probe])
    except LabError:
        return "needs network namespaces"
    return None


class Wire:
    """The wire program, running."""

    def __init__(self, process):
        self.process = process

    def say(self, line):
        self.process.stdin.write(line + "\n")
        self.process.stdin.flush()

    def phase(self, number):
        """Returns when it holds."""
        self.say(f"phase {number}")
        if self.process.stdout.readline().split() != ["phase", str(number)]:
            raise LabError("the wire did not take the phase")

    def stop(self):
        """Its exit status: 0, or 1 when its truth is not whole."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        _, errors = self.process.communicate(timeout=TIMEOUT)
        if self.process.returncode > 1:
            raise LabError(f"wire: {errors.strip()}")
        return self.process.returncode


class Topology:
    """A context: built on entering, gone on leaving."""

    client, server = DEVICES["c0"][1], DEVICES["s0"][1]
    client6, server6 = DEVICES["c0"][2], DEVICES["s0"][2]

    def __init__(self, prefix, mtu=1500, mtu_server=None, mtu_router=None, tunnel=None, wire_program="build/lab/wire"):
        """mtu_server: of the cable between router b and the server. mtu_router: of router b's end of it alone, so that the
        router must fragment, or say that it cannot, what the server would take. tunnel, on that cable: None, "vxlan", or "vlan" (whose
        program vlan.o lies beside the wire's)."""
        self.prefix, self.mtu, self.mtu_server = prefix, mtu, mtu_server or mtu
        self.mtu_router = mtu_router or self.mtu_server
        self.tunnel, self.wire_program = tunnel, os.path.abspath(wire_program)
        self.vlan_object = os.path.join(os.path.dirname(self.wire_program), "vlan.o")
        self.processes = []

    # ---- building ----

    def name(self, ns):
        return f"{self.prefix}-{ns}"

    def port_device(self, ns):
        """What a capture at this endpoint listens on."""
        return {"c": "c0", "s": "s0"}[ns]

    def __enter__(self):
        try:
            self.build()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        for process in reversed(self.processes):
            if process.poll() is None:
                process.terminate()
                with contextlib.suppress(subprocess.TimeoutExpired):
                    process.wait(3)
            if process.poll() is None:
                process.kill()
                process.wait()
        for ns in "cawbs":
            for pid in call(["ip", "netns", "pids", self.name(ns)], check=False).split():
                with contextlib.suppress(ProcessLookupError):
                    os.kill(int(pid), signal.SIGKILL)
            call(["ip", "netns", "del", self.name(ns)], check=False)

    def build(self):
        for ns in "cawbs":
            call(["ip", "netns", "add", self.name(ns)])
        lines = []
        for one, other in CABLES:
            ns1, ns2 = DEVICES[one][0], DEVICES[other][0]
            lines.append(f"link add {one} address {DEVICES[one][3]} netns {self.name(ns1)} type veth "
                         f"peer name {other} address {DEVICES[other][3]} netns {self.name(ns2)}")
        call(["ip", "-batch", "-"], "\n".join(lines))
        for ns in "cawbs":
            self.shell(ns, "sysctl -q -w " + " ".join(SYSCTLS[ns]))
            if ns in "cs":  # of kernels from 6.14 on; before, a port in TIME_WAIT is taken again after a second
                self.shell(ns, "sysctl -q -w net.ipv4.tcp_tw_reuse_delay=1", check=False)
            call(["ip", "-n", self.name(ns), "-batch", "-"], "\n".join(self.plan(ns)))
        self.shell("a", "ethtool -K a1 tso off gso off tx off; ethtool -K a0 tso off")
        self.shell("b", "ethtool -K b1 tso off gso off tx off; ethtool -K b0 tso off")
        self.shell("w", "ethtool -K wa gro off; ethtool -K wb gro off")
        if self.tunnel == "vlan":
            self.build_vlan()

    def plan(self, ns):
        """`ip` commands of one namespace."""
        lines = ["link set lo up"]
        for device, (where, v4, v6, _) in DEVICES.items():
            if where != ns:
                continue
            lines.append(f"link set {device} mtu {self.device_mtu(device)}")
            lines.append(f"link set {device} up")
            if self.tunnel == "vxlan" and device in ("b0", "s0"):
                lines += self.plan_vxlan(ns, device, v4, v6)
            elif v4:
                lines += [f"addr add {v4}/24 dev {device}", f"addr add {v6}/64 dev {device} nodad"]
        lines += self.plan_neighbours(ns)
        via = {"c": ("10.77.1.1", "fd77:1::1"), "s": ("10.77.2.1", "fd77:2::1"), "a": ("10.77.9.2", "fd77:9::2"),
               "b": ("10.77.9.1", "fd77:9::1")}.get(ns)
        if via:
            lines += [f"route add default via {via[0]}", f"route add ::/0 via {via[1]}"]
        return lines

    def plan_neighbours(self, ns):
        """Everybody knows everybody: no first packet is lost, or late, for want of an address."""
        lines = []
        for here, there in (("c0", "a0"), ("a0", "c0"), ("a1", "b1"), ("b1", "a1"), ("b0", "s0"), ("s0", "b0")):
            if DEVICES[here][0] != ns:
                continue
            _, v4, v6, ethernet = DEVICES[there]
            tunnelled = self.tunnel == "vxlan" and here in VXLAN["inner"]
            for address in (v4, v6):
                lines.append(f"neigh replace {address} lladdr {VXLAN['inner'][there] if tunnelled else ethernet} "
                             f"dev {'vx0' if tunnelled else here} nud permanent")
            if tunnelled:
                lines.append(f"neigh replace {VXLAN['address'][DEVICES[there][0]]} lladdr {ethernet} dev {here} nud permanent")
        return lines

    def device_mtu(self, device):
        if device not in ("b0", "s0"):
            return self.mtu
        return (self.mtu_router if device == "b0" else self.mtu_server) + (VXLAN["overhead"] + 20 if self.tunnel == "vxlan" else 0)

    def plan_vxlan(self, ns, device, v4, v6):
        """The endpoint's addresses on a VXLAN device; what a capture on the cable sees is tunnelled."""
        local, remote = VXLAN["address"][ns], VXLAN["address"]["s" if ns == "b" else "b"]
        return [f"addr add {local}/24 dev {device}",
                f"link add vx0 address {VXLAN['inner'][device]} type vxlan id {VXLAN['id']} "
                f"local {local} remote {remote} dstport 4789 dev {device}",
                f"link set vx0 mtu {self.mtu_server}", "link set vx0 up",
                f"addr add {v4}/24 dev vx0", f"addr add {v6}/64 dev vx0 nodad"]

    def build_vlan(self):
        """This kernel may lack VLAN devices: two small programs at the cable's two ends put the tag on and take it off."""
        for ns, device in (("b", "b0"), ("s", "s0")):
            self.shell(ns, f"tc qdisc add dev {device} clsact && "
                           f"tc filter add dev {device} egress bpf da obj {self.vlan_object} sec push && "
                           f"tc filter add dev {device} ingress bpf da obj {self.vlan_object} sec pop")

    # ---- settings ----

    def offload(self, ns, tso=True, gro=False, sums=True):
        """Of an endpoint, "c" or "s". tso: it sends super-segments. gro: arrivals are merged, which takes a moment's waiting
        for further ones (veth merges only what a peer without TSO sends: the routers have it off)."""
        device, on = self.port_device(ns), {True: "on", False: "off"}
        self.shell(ns, f"ethtool -K {device} tx {on[sums]} && ethtool -K {device} tso {on[tso and sums]} gso {on[tso]} gro {on[gro]} && "
                       f"echo {200000 if gro else 0} > /sys/class/net/{device}/gro_flush_timeout")

    def sysctl(self, ns, key, value):
        self.shell(ns, f"sysctl -q -w {key}='{value}'")

    def chain(self, ns, table, kind, rules):
        """One chain of the kernel's packet filter, in a table of its own."""
        body = "\n".join(rules)
        call(["ip", "netns", "exec", self.name(ns), "nft", "-f", "-"], f"table {table} {{\nchain x {{\ntype {kind};\n{body}\n}}\n}}\n")

    def nat(self, kind):
        """masquerade: router a gives the client its own address, and ports by chance. dnat: router b hands port 80 of its
        own outer address (t.front) to the server's port 8000. both: both. What has a wrong sum is translated too."""
        if kind in ("masquerade", "both"):
            self.chain("a", "inet n", "nat hook postrouting priority 100", ["oifname a1 meta l4proto tcp masquerade random"])
            self.trust_all("a")
        if kind in ("dnat", "both"):
            self.chain("b", "inet n", "nat hook prerouting priority -100",
                       [f"iifname b1 tcp dport 80 dnat ip to {self.server}:8000",
                        f"iifname b1 tcp dport 80 dnat ip6 to [{self.server6}]:8000"])
            self.trust_all("b")

    def trust_all(self, ns):
        self.shell(ns, "sysctl -q -w net.netfilter.nf_conntrack_checksum=0 net.netfilter.nf_conntrack_tcp_be_liberal=1 "
                       "net.netfilter.nf_conntrack_tcp_ignore_invalid_rst=1")

    front, front6 = DEVICES["b1"][1], DEVICES["b1"][2]

    def clamp(self, mss, ns="b"):
        """The router lowers the MSS of SYNs that it forwards."""
        self.chain(ns, "inet m", "filter hook forward priority -150",
                   [f"tcp flags syn tcp option maxseg size > {mss} tcp option maxseg size set {mss}"])

    def lossy_rule(self, ns, text, hook="forward"):
        """A rule of the kernel's own packet filter, e.g. ("b", "tcp flags rst counter drop"): harm that the wire's truth does
        not have. Removed by unrule."""
        self.chain(ns, "inet t", f"filter hook {hook} priority 0", [text])

    def counted(self, ns):
        """Packets and bytes that the counters of lossy_rule() on this router saw."""
        packets = size = 0
        words = self.run(ns, ["nft", "list", "table", "inet", "t"]).split()
        for i, word in enumerate(words):
            if word == "counter":
                packets, size = packets + int(words[i + 2]), size + int(words[i + 4])
        return packets, size

    def unrule(self, ns):
        self.run(ns, ["nft", "delete", "table", "inet", "t"])

    # ---- programs ----

    def shell(self, ns, text, check=True):
        return call(["ip", "netns", "exec", self.name(ns), "sh", "-c", text], check=check)

    def run(self, ns, command, timeout=TIMEOUT, check=True):
        """Standard output of a command in a namespace."""
        done = subprocess.run(["ip", "netns", "exec", self.name(ns)] + command, capture_output=True, text=True, timeout=timeout,
                              check=False)
        if check and done.returncode:
            raise LabError(f"{ns}: {' '.join(command)}: {done.stderr.strip() or done.returncode}")
        return done.stdout

    def start(self, ns, command, **how):
        """A process in a namespace, ended with the topology. `how` is Popen's."""
        process = subprocess.Popen(["ip", "netns", "exec", self.name(ns)] + command, text=True, **how)
        self.processes.append(process)
        return process

    def start_ready(self, ns, command, word="ready", **how):
        """The same, of one that prints `word` first."""
        process = self.start(ns, command, stdout=subprocess.PIPE, **how)
        line = process.stdout.readline()
        if line.split()[:1] != [word]:
            process.kill()
            errors = process.stderr.read() if process.stderr else ""
            raise LabError(f"{' '.join(command)}: not ready: {line.strip()} {errors.strip()}")
        return process

    def wire(self, scenario, folder, seed=None):
        """Start the wire; its truth is folder/wire.ndjson, its captures folder/client-in.pcap and so on."""
        command = [self.wire_program, "--client", "wa", "--server", "wb", "--scenario", scenario,
                   "--truth", os.path.join(folder, "wire.ndjson"), "--pcap", folder]
        if seed is not None:
            command += ["--seed", str(seed)]
        return Wire(self.start_ready("w", command, stdin=subprocess.PIPE, stderr=subprocess.PIPE))

    def relay(self, ns, port, to_port=8000):
        """A proxy on a router: what the client opens to the server's `port` ends here, and goes on as a connection of its
        own. The process."""
        here = os.path.dirname(os.path.abspath(__file__))
        iif = {"a": "a0", "b": "b1"}[ns]
        process = self.start_ready(ns, ["python3", os.path.join(here, "relay.py"), "3128", self.server, str(to_port)])
        self.chain(ns, "ip x", "nat hook prerouting priority -100", [f"iifname {iif} tcp dport {port} redirect to :3128"])
        return process
