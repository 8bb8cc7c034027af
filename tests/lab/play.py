"""Plays one scenario in namespaces of its own: topology, wire, both captures, traffic. All that it leaves is in one folder:
client.pcap, server.pcap, the wire's own captures, wire.ndjson, traffic.ndjson and run.json (addresses, what failed)."""
import json
import os
import re
import signal
import subprocess
import sys
import time

import topology

HERE = os.path.dirname(os.path.abspath(__file__))
PORT = 8000
WEB_PORT = 8080
LIMIT = 60  # seconds for any step
NGINX = """daemon off; pid {root}/pid; error_log stderr; worker_processes 1; user root;
events {{ worker_connections 64; }}
http {{ access_log off; client_body_temp_path {root}/tmp; proxy_temp_path {root}/tmp; fastcgi_temp_path {root}/tmp;
uwsgi_temp_path {root}/tmp; scgi_temp_path {root}/tmp; sendfile on;
server {{ listen {port}; listen [::]:{port}; root {root}; }} }}
"""
FILTER = "tcp or icmp or icmp6 or udp port 4789 or (vlan and (tcp or icmp or icmp6))"  # vlan shifts what stands behind it


class Stage:
    """The running parts of one scenario."""

    def __init__(self, scenario, topology, folder, agent):
        self.agent = agent
        self.scenario, self.topology, self.folder = scenario, topology, folder
        self.failed, self.under_way, self.dumps = [], [], []

    def traffic_log(self, end):
        return os.path.join(self.folder, f"traffic-{end}.ndjson")

    def capture(self):
        for end, point in (("c", "client"), ("s", "server")):
            log = open(os.path.join(self.folder, point + ".log"), "w", encoding="utf-8")  # closed with the process's end
            ready = "listening"
            command = ["tcpdump", "-q", "-i", self.topology.port_device(end), "-B", "16384", "-s", "0", "-U",
                       "--time-stamp-precision=nano", "-w", os.path.join(self.folder, point + ".pcap"), FILTER]
            if self.scenario.agent:
                ready = "capturing on"
                command = [self.agent, "-i", self.topology.port_device(end), "-o", os.path.join(self.folder, point), "--name", point,
                           "-s", self.scenario.agent, "tcp or udp port 4789"]
                os.chmod(self.folder, 0o755)  # it goes on as a user of no rights
            self.dumps.append((point, self.topology.start(end, command, stderr=log), log))
        for point, process, log in self.dumps:
            wait_for(lambda log=log: ready in read(log.name), f"the capture at the {point}", process)

    def quiet(self):
        """Wait until nothing has come to the wire for 0.6 s, 7 s at most (servers that go on sending do so for 5)."""
        files = [os.path.join(self.folder, f"{point}-in.pcap") for point in ("client", "server")]
        last, since, start = None, time.monotonic(), time.monotonic()
        while time.monotonic() - since < 0.6 and time.monotonic() - start < 7:
            sizes = [os.path.getsize(path) for path in files]
            if sizes != last:
                last, since = sizes, time.monotonic()
            time.sleep(0.1)

    def stop_capture(self):
        """Drops by point. tcpdump reads its ring once a second; what it has not read when it ends is in no file."""
        time.sleep(1.3)
        drops = {}
        for point, process, log in self.dumps:
            process.send_signal(signal.SIGTERM)
            process.wait(timeout=LIMIT)
            log.close()
            said = re.search(r"(\d+) packets? dropped by (?:the )?kernel(?:, (\d+) by the queue)?", read(log.name))
            drops[point] = sum(int(n) for n in said.groups() if n) if said else -1
            if self.scenario.agent:
                self.convert(point)
        return drops

    def convert(self, point):
        """What the agent wrote, as a pcap beside its folder: the same frames under the same numbers."""
        folder, path = os.path.join(self.folder, point), os.path.join(self.folder, point + ".pcap")
        parts = sorted(name for name in os.listdir(folder) if name.endswith(".pcapng.zst"))
        if len(parts) != 1:
            raise RuntimeError(f"the agent at the {point} wrote {parts}")
        packets = subprocess.run(["zstd", "-dcq", os.path.join(folder, parts[0])], capture_output=True, timeout=LIMIT, check=True)
        subprocess.run(["editcap", "-F", "nsecpcap", "-", path], input=packets.stdout, timeout=LIMIT, check=True)

    def serve(self):
        command = [sys.executable, os.path.join(HERE, "traffic.py"), "serve", "--truth", self.traffic_log("s"), "--port", str(PORT)]
        self.servers = [self.topology.start_ready("s", command)]
        if any(words.split()[0] == "curl" or words.startswith("& curl") for words in self.scenario.traffic):
            self.servers.append(self.web_server())

    def web_server(self):
        """nginx, serving files of the sizes that the scenario asks for."""
        root = os.path.join(self.folder, "www")
        os.makedirs(os.path.join(root, "tmp"))
        for words in self.scenario.traffic:
            if "curl" in words.split():
                size = int(words.split()[words.split().index("curl") + 1])
                with open(os.path.join(root, str(size)), "wb") as out:
                    out.write(os.urandom(size))
        config = os.path.join(root, "nginx.conf")
        with open(config, "w", encoding="utf-8") as text:
            text.write(NGINX.format(root=root, port=WEB_PORT))
        process = self.topology.start("s", ["nginx", "-p", root, "-c", config, "-e", "stderr"], stderr=subprocess.DEVNULL)
        listening = ["ss", "-Hltn", f"sport = :{WEB_PORT}"]
        wait_for(lambda: self.topology.run("s", listening), "nginx", process)
        return process

    def end_servers(self):
        for process in self.servers:
            process.terminate()
            process.wait(timeout=LIMIT)

    def step(self, words):
        kind, *rest = words.split()
        if kind == "phase":
            self.wire.phase(int(rest[0]))
        elif kind == "sleep":
            time.sleep(float(rest[0]))
        elif kind == "wait":
            self.wait()
        elif kind == "&":
            self.under_way.append((words, self.begin(rest), time.time_ns()))
        else:
            start = time.time_ns()
            self.finish(words, self.begin([kind] + rest), start)

    def begin(self, words):
        if words[0] == "curl":
            return self.topology.start("c", self.curl(words[1:]), stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        options = [w for w in words[1:] if "=" in w]
        address, port = self.target("v6" in words)
        command = [sys.executable, os.path.join(HERE, "traffic.py"), "connect", address, words[0], "--port", str(port),
                   "--truth", self.traffic_log("c")]
        for option in options:
            name, _, value = option.partition("=")
            command += ["--" + name, value]
        return self.topology.start("c", command, stdout=subprocess.DEVNULL)

    def target(self, v6=False):
        """Where clients of this scenario find the server."""
        t = self.topology
        if self.scenario.nat in ("dnat", "both"):
            return t.front6 if v6 else t.front, 80
        return t.server6 if v6 else t.server, PORT

    def curl(self, words):
        speed = ["--max-time", "0.8", "--limit-rate", "1M"] if "abort" in words else ["--max-time", "20"]
        return ["curl", "-sS", "-o", "/dev/null", "--write-out", "%{local_ip} %{local_port} %{remote_ip} %{remote_port}\n",
                *speed, f"http://{self.topology.server}:{WEB_PORT}/{words[0]}"]

    def note_curl(self, words, process, start):
        """What curl did, as traffic.py would say it."""
        ends = process.stdout.read().split()
        if len(ends) != 4:
            self.failed.append(f"{words}: it says {ends}")
            return
        line = {"traffic": "connection", "end": "client", "kind": "curl", "local": [ends[0], int(ends[1])],
                "remote": [ends[2], int(ends[3])], "start_ns": start, "causes": ["close", "late-segment"] if "abort" in words else []}
        with open(self.traffic_log("c"), "a", encoding="utf-8") as log:
            log.write(json.dumps(line) + "\n")

    def finish(self, words, process, start):
        try:
            status = process.wait(timeout=LIMIT)
        except subprocess.TimeoutExpired:
            process.kill()
            status = "time out"
        expected = (28,) if words.startswith("curl") and "abort" in words else (0,)
        if status not in expected:
            self.failed.append(f"{words}: ended with {status}")
        if words.startswith("curl"):
            self.note_curl(words, process, start)

    def wait(self):
        for words, process, start in self.under_way:
            self.finish(words.removeprefix("& "), process, start)
        self.under_way = []


def read(path):
    with open(path, encoding="utf-8", errors="replace") as text:
        return text.read()


def wait_for(ready, what, process):
    for _ in range(200):
        if ready():
            return
        if process.poll() is not None:
            break
        time.sleep(0.05)
    raise RuntimeError(f"{what} did not start")


def play(scenario, folder, prefix, programs, seed):
    """Runs it all; `programs`: the paths of the wire and of the agent. Raises LabError, RuntimeError or OSError where it
    could not be played."""
    rules = os.path.join(folder, "scenario")
    with open(rules, "w", encoding="utf-8") as text:
        text.write("\n".join(scenario.rules) + "\n")
    with topology.Topology(prefix, mtu=scenario.mtu, mtu_server=scenario.mtu_server, mtu_router=scenario.mtu_router,
                           tunnel=scenario.tunnel, wire_program=programs[0]) as t:
        stage = Stage(scenario, t, folder, programs[1])
        arrange(scenario, t)
        stage.wire = t.wire(rules, folder, seed)
        stage.capture()
        stage.serve()
        for words in scenario.traffic:
            stage.step(words)
        stage.wait()
        stage.quiet()
        drops = stage.stop_capture()
        stage.end_servers()
        status = stage.wire.stop()
        notes = {"wire_status": status, "tcpdump": drops, "failed": stage.failed + harmless(scenario, t),
                 "addresses": [[t.client, t.client6], [t.server, t.server6]]}
    gather(folder)
    with open(os.path.join(folder, "run.json"), "w", encoding="utf-8") as text:
        json.dump(notes, text)


def arrange(scenario, t):
    """Offloads, kernels' settings, routers' rules."""
    t.offload("c", **{"tso": True, "gro": True, **scenario.client})
    t.offload("s", **{"tso": True, "gro": True, **scenario.server})
    for ends, name, value in scenario.sysctl:
        for end in ends:
            t.sysctl(end, name, value)
    if scenario.nat:
        t.nat(scenario.nat)
    if scenario.clamp:
        t.clamp(scenario.clamp)
    if scenario.lossy:
        t.lossy_rule(*scenario.lossy)
    if scenario.relay:
        t.relay("b", PORT)
    one_processor(t)


def one_processor(t):
    """What arrives at any device is handled by one processor: two would overtake each other. (They do so in the field, too,
    and the truth has it where they do.)"""
    for ns in "cabs":
        t.shell(ns, "for f in /sys/class/net/*/queues/rx-*/rps_cpus; do echo 1 >$f 2>/dev/null; done; true")


def harmless(scenario, t):
    if scenario.lossy and not t.counted(scenario.lossy[0])[0]:
        return ["the router's rule harmed nothing"]
    return []


def gather(folder):
    """One traffic.ndjson of what both ends wrote."""
    with open(os.path.join(folder, "traffic.ndjson"), "w", encoding="utf-8") as out:
        for end in ("c", "s"):
            path = os.path.join(folder, f"traffic-{end}.ndjson")
            if os.path.exists(path):
                out.write(read(path))
