"""The scenarios: what the wire does, what the sockets do, and how the captures are made old.

A rule is a line of the wire's language (TRUTH.md). Traffic is a list of steps, in order:

    KIND [v6] [size=N] [times=N] [parallel=N] [rounds=N] [ports=LOW-HIGH] [gap=S] [nat]    one call of traffic.py connect
    & KIND ...            the same, not waited for before the next step
    wait                  for all that are under way
    phase N               tell the wire
    sleep S
    curl SIZE [abort]     a real client and server, maybe stopped in the middle
"""
import dataclasses

OFF = {"tso": False, "gro": False}
EXCHANGE = "both size=200000"


@dataclasses.dataclass
class Scenario:
    """One run. `must` names what has to have happened besides each rule's harm (happened.py, HAPPENED)."""

    name: str
    rules: list
    traffic: list
    clean: bool = False          # nothing may be told but constant translation
    ages: list = None            # None: the usual ones, in turn
    must: tuple = ()
    must_miss: tuple = ()        # the same of ageings: what a capture has to have missed
    client: dict = dataclasses.field(default_factory=dict)  # offload of that end
    server: dict = dataclasses.field(default_factory=dict)
    sysctl: list = dataclasses.field(default_factory=list)
    nat: str = None
    clamp: int = None
    mtu: int = 1500
    mtu_server: int = None
    mtu_router: int = None       # of router b's end of the server's cable alone: it fragments, or says that it cannot
    tunnel: str = None
    lossy: tuple = None          # (router, nftables rule): a kernel's own harm
    relay: bool = False
    agent: str = None            # captured by twopoint-capture, keeping so much of a packet, instead of tcpdump
    fast: bool = False           # part of make check
    idle: tuple = ()             # rules that may find nothing to do
    routers: bool = False        # their kernels may drop and answer what belongs to no connection that they translate


SCENARIOS = []


def add(name, rules, traffic, delay="4ms", **more):
    """What must have happened is also read off the rest: where much goes both ways to the end, and both ends have their offloads
    on, frames hold several segments (but for what arrives with IDs that do not go up)."""
    more["must"] = more.get("must", ()) + ("tunnelled",) * ("tunnel" in more) + ("partial-sums",) * ("sums partial" in rules)
    if any(step.startswith("both ") for step in traffic) and not {"client", "server", "relay"} & set(more) \
            and not any(word in rule for rule in rules for word in ("ipid random", " reset ", " refuse")):
        more["must"] += ("supers", "merged")
    SCENARIOS.append(Scenario(name, [f"delay both {delay}"] + rules, traffic, **more))


NO_TS = [("cs", "net.ipv4.tcp_timestamps", 0)]
NO_SACK = [("cs", "net.ipv4.tcp_sack", 0)]
ALL = ["both size=300000", "chat rounds=20", "short times=20 parallel=4", "put size=300000", "half size=60000"]
RESETS = ["abort size=30000", "server-abort size=20000", "client-unread", "server-unread", "late-data", "complete-abort",
          "refused", "mixed times=9", EXCHANGE]
BULK = ["both size=400000", "get size=500000", "put size=300000", "chat rounds=30"]
BOTH_V = ["both v6 size=400000", "get v6 size=500000", "chat v6 rounds=30", "short v6 times=12"]
REUSE = "ports=42000-42029"

# ---- nothing happens ----
add("clean", [], ALL, clean=True, fast=True)
add("clean-plain", [], ALL, clean=True, client=OFF, server=OFF)
add("clean-v6", [], BOTH_V, clean=True)
add("clean-translated", ["up seq", "down seq", "both ipid zero", "both mss 1200", "up dscp 10"], ALL, clean=True, nat="both")
add("clean-vxlan", [], ALL, clean=True, tunnel="vxlan")
add("clean-vlan", [], ALL, clean=True, tunnel="vlan")
add("clean-mtu9000", [], ALL, clean=True, mtu=9000)
add("clean-mtu1280", [], ALL, clean=True, mtu=1280, sysctl=NO_TS + NO_SACK)
add("clean-mtu-mixed", [], ALL, clean=True, mtu_server=1400, clamp=1300)
add("clean-reuse", [], [f"short-client times=150 parallel=4 size=800 {REUSE}", f"mixed times=150 parallel=4 size=800 {REUSE}"],
    clean=True, must=("reused",))
add("clean-resets", [], RESETS + [r.replace(" ", " v6 ", 1) if " " in r else r + " v6" for r in RESETS], clean=True,
    must=("resets",), fast=True)
add("clean-idle", [], ["& keepalive gap=3", "& idle gap=2", "& open", "chat rounds=5", "wait"], clean=True)
add("clean-queue", ["jitter both 2ms", "rate down 30mbit"], ALL, clean=True)
add("clean-partial-sums", ["sums partial"], ALL, clean=True, client=OFF, server=OFF)
add("clean-curl", [], ["curl 400000", "curl 20000", "short times=5"], clean=True)

# ---- loss ----
add("loss", ["both drop when share=3%"], BULK, fast=True)
add("loss-plain", ["both drop when share=3%"], BULK, client=OFF, server=OFF)
add("loss-tso-only", ["both drop when share=3%"], BULK, client={"tso": True, "gro": False}, server={"tso": True, "gro": False},
    must=("supers",))
add("loss-burst", ["both drop when burst=0.6%/5"], BULK)
add("loss-acks", ["both drop when only=ack nodata share=15%"], BULK)
add("loss-heavy", ["down drop when share=9%", "up drop when share=4%"], ["get size=250000", "short times=20 parallel=4"])
add("loss-v6", ["both drop when share=3%"], BOTH_V)
add("loss-v6-no-timestamps", ["both drop when share=3%"], BOTH_V, sysctl=NO_TS, fast=True)
add("loss-no-timestamps", ["both drop when share=3%"], BULK, sysctl=NO_TS)
add("loss-no-sack", ["both drop when share=3%"], BULK, sysctl=NO_SACK)
add("loss-bare", ["both drop when share=2%"], BULK, sysctl=NO_TS + NO_SACK)
add("loss-id-zero", ["both ipid zero", "both drop when share=3%"], BULK)
add("loss-id-random", ["both ipid random", "both drop when share=3%"], BULK)
add("loss-id-count-no-timestamps", ["both ipid count", "both drop when share=3%"], BULK, sysctl=NO_TS)
add("loss-syn", ["both drop when flags=syn share=35%"], ["short times=24 parallel=8", "chat rounds=5"])
add("loss-fin", ["both drop when flags=fin share=40%"], ["short times=30 parallel=6", "half size=20000"])
add("loss-keepalive", ["both drop when nodata phase=1 share=40%"], [EXCHANGE, "phase 1", "keepalive gap=5", "phase 0", EXCHANGE])
add("loss-black-hole", ["down drop when size>1300"], ["chat rounds=10", "& get size=30000", "sleep 4", "short times=5 size=500"])
add("loss-too-big", ["down icmp too-big mtu=1300 when size>1300"], ["get size=200000", "put size=100000"])
add("loss-unreachable", ["up icmp prohibited when share=2%", "down icmp time-exceeded when share=2%"], BULK)
add("loss-path", ["both drop when hash=1/4 share=12%"], ["short times=40 parallel=4 size=9000", "chat rounds=10"])
add("loss-outage", ["rate down 20mbit", "both drop when phase=1"],
    ["& get size=2500000", "sleep 0.3", "phase 1", "sleep 0.3", "phase 0", "wait", EXCHANGE])
add("loss-reuse", ["both drop when share=2%"],
    [f"short-client times=120 parallel=4 size=2000 {REUSE}", f"mixed times=120 parallel=4 size=2000 {REUSE}"], must=("reused",))
add("loss-short", ["both drop when share=3%"], ["short times=150 parallel=10 size=6000", "short-client times=60 parallel=10"])
add("loss-masquerade", ["both drop when share=3%"], BULK, nat="masquerade")
add("loss-dnat-seq", ["up seq", "both drop when share=3%"], BULK, nat="dnat")
add("loss-seq-sack-kept", ["down seq sack=keep", "both drop when share=2%"], BULK)
add("loss-strip-timestamps", ["both strip timestamps", "both drop when share=3%"], BULK)
add("loss-strip-sack", ["both strip sack-permitted when flags=syn", "both drop when share=2%"], BULK)
add("loss-vxlan", ["both drop when share=3%"], BULK, tunnel="vxlan")
add("loss-vlan", ["both drop when share=3%"], BULK, tunnel="vlan")
add("loss-mtu9000", ["both drop when share=3%"], ["both size=1500000", "get size=1500000"], mtu=9000)
add("loss-mtu1280", ["both drop when share=3%"], BULK, mtu=1280)
add("loss-jitter-queue", ["jitter both 3ms", "rate down 40mbit", "both drop when share=2%"], BULK)
add("loss-router", [], ["chat rounds=10", "get size=500000"], lossy=("b", "ip saddr 10.77.1.2 numgen random mod 100 < 3 counter drop"))

# ---- copies, lateness, change ----
add("copies", ["both copy gap=2ms when share=2%"], BULK, fast=True)
add("copies-near", ["both copy gap=0ms when share=2%"], BULK)
add("copies-v6-no-timestamps", ["both copy gap=3ms when share=2%"], BOTH_V, sysctl=NO_TS)
add("copies-lost", ["both copy times=2 gap=1500us when share=1%", "both drop when share=2%"], BULK)
add("reorder", ["both swap 3 when share=1%"], BULK)
add("reorder-plain", ["both hold 3ms when share=2%"], BULK, client=OFF, server=OFF)
add("held-long", ["both hold 450ms when share=0.5%"], BULK)
add("corrupt", ["both corrupt when share=2%"], BULK, fast=True)
add("corrupt-header", ["both corrupt header when share=2%"], BULK, client=OFF, server=OFF)
add("alter", ["both alter when data share=2%"], BULK)
add("alter-plain-nat", ["both alter when data share=2%"], BULK, client=OFF, server=OFF, nat="masquerade")
add("alter-partial-sums", ["sums partial", "both alter when data share=2%", "both drop when share=1%"], BULK, client=OFF, server=OFF)
add("marks", ["both ecn ce when share=5%", "down dscp 12", "both ttl -3"], BULK, clean=True)
add("lost-dsack", ["down copy gap=2ms when data share=4%", "up drop when nodata share=25%"], ["get size=800000", "chat rounds=10"],
    must=("lost-dsack",))

# ---- resets ----
add("case-three", ["up drop when flags=rst"], ["abort size=30000", "abort size=60000", EXCHANGE], must=("resets",), fast=True)
add("case-three-v6-no-timestamps", ["up drop when flags=rst"], ["abort v6 size=30000", "abort v6 size=50000", "both v6 size=100000"],
    must=("resets",), sysctl=NO_TS)
add("resets-half-lost", ["both drop when flags=rst share=50%"], ["abort size=30000", "abort size=20000"] + RESETS, must=("resets",))
add("resets-injected", ["both reset to=both when nth=12 data"], ["get size=200000", "put size=200000", "chat rounds=30"], must=("resets",))
add("resets-injected-client", ["down reset to=client ttl=57 id=4711 when nth=8 data"], ["chat rounds=30", "get size=100000", EXCHANGE],
    must=("resets",))
add("resets-injected-bare", ["up reset to=server ack=off when nth=10 data"], ["put size=100000", "chat rounds=20"], must=("resets",))
add("resets-in-window", ["up reset to=server seq=+700 when nth=6 data", "down reset to=client seq=+900 when nth=7 data"],
    ["chat rounds=20", "both size=100000"], must=("resets",), fast=True)
add("resets-before-window", ["both reset to=both seq=-5 when nth=9 data"], ["chat rounds=20", "both size=100000"], must=("resets",))
add("resets-after-resets", ["up reset to=server when nth=6 data", "up reset to=server after=8ms when nth=6 data",
                            "down reset to=client after=3ms when flags=rst nth=1"], ["put size=100000", "chat rounds=20", EXCHANGE],
    must=("resets",), idle=(2,))
add("resets-lost-and-injected", ["up drop when flags=rst", "down reset to=client when phase=1 nth=10 data"],
    ["abort size=30000", "phase 1", "get size=100000", "chat rounds=20", "phase 0", "abort size=20000", EXCHANGE], must=("resets",))
add("blocked", ["up refuse when flags=syn phase=1"], [EXCHANGE, "phase 1", "short times=6", "phase 0", EXCHANGE], must=("resets",), fast=True)
add("refused", ["both drop when share=2%"], ["refused times=10", EXCHANGE], must=("resets",))
add("late-data", ["both drop when flags=rst share=30%"], ["late-data times=10", EXCHANGE], must=("resets",))
add("keepalive-dead", ["both drop when phase=1"], [EXCHANGE, "& keepalive-dead gap=6", "sleep 1.5", "phase 1", "wait", "phase 0", EXCHANGE])
add("curl-aborted", ["both drop when share=1%"], ["curl 3000000 abort", "curl 200000", "curl 3000000 abort", EXCHANGE], must=("resets",))

# ---- mixes ----
add("mix-translated", ["up seq", "down seq", "both ipid zero", "both drop when share=3%"], BULK + ["abort size=30000"],
    nat="both", fast=True)
add("mix-everything", ["both drop when share=1.5%", "both copy gap=2ms when share=1%", "both swap 2 when share=1%",
                       "both corrupt when share=1%", "both alter when data share=1%"], BULK + ["abort size=30000"])
add("mix-everything-plain-bare", ["both drop when share=1.5%", "both copy gap=2ms when share=1%", "both corrupt when share=1%",
                                  "both alter when data share=1%", "both swap 2 when share=1%"], BULK, client=OFF, server=OFF,
    sysctl=NO_TS)
add("mix-capture-misses", ["both drop when share=3%"], BULK,
    ages=["thin=both:1%", "thin=client:4%", "thin=server:4%", "again=client:50%", "again=server:50%", "again=both:30%+counted"],
    must_miss=("again",))
add("mix-resets-missed", ["both drop when flags=rst share=40%"], ["abort size=30000", "abort size=20000"] + RESETS, must=("resets",),
    ages=["miss=client:rst", "miss=server:rst", "thin=both:3%", "early=server:30%", "late=client:40%"])
add("mix-reuse-resets", ["both drop when flags=rst share=30%", "both drop when share=1%"],
    [f"mixed times=200 parallel=4 size=1200 {REUSE}"], must=("reused", "resets"))

# ---- small pieces, closed windows ----
add("clean-stall", [], ["stall gap=1.5", "trickle rounds=200"], clean=True)
add("loss-stall", ["both drop when nodata share=10%"], ["stall gap=2", EXCHANGE])
add("loss-trickle", ["both drop when share=4%"], ["trickle rounds=300", EXCHANGE])

# ---- the agent instead of tcpdump ----
AGENT = ["late=server:30%", "drift=60+offset=-2", "thin=both:1%"]
add("agent-clean", [], ALL, clean=True, agent="0", ages=AGENT)
add("agent-loss", ["both drop when share=3%"], BULK, agent="headers", ages=AGENT)
add("agent-everything", ["both drop when share=1.5%", "both copy gap=2ms when share=1%", "both corrupt when share=1%",
                         "both alter when data share=1%"], BULK + ["abort size=30000"], agent="0", ages=AGENT)

# ---- something ends the connections in between ----
add("proxy", ["both drop when share=2%"], ["get size=200000", "chat rounds=10"], relay=True)
add("syn-proxy", ["up synproxy", "both drop when data share=4%"], ["get size=400000", "chat rounds=20"])

add("syn-proxy-resets", ["up synproxy"], RESETS, must=("resets",))
add("proxy-resets", [], RESETS, relay=True, must=("resets",))

# ---- fragments, marks, the path's delay ----
FRAGMENTED = {"mtu_router": 1300, "sysctl": [("c", "net.ipv4.ip_no_pmtu_disc", 1)],
              "ages": ["offset=3723.5+drift=40", "thin=server:1%+counted", "late=server:30%"]}
PIECES = ["put size=200000", "chat rounds=20", "put size=100000"]  # the router takes nothing large from the server
ECN = [("cs", "net.ipv4.tcp_ecn", 1)]
add("clean-fragments", [], PIECES, clean=True, must=("fragments",), **FRAGMENTED)
add("loss-fragments", ["both drop when share=2%"], PIECES, must=("fragments",), **FRAGMENTED)
add("clean-ecn", ["down ecn ce when data share=5%"], ALL, clean=True, sysctl=ECN)
add("loss-ecn", ["both ecn ce when share=3%", "both drop when share=2%"], BULK, sysctl=ECN)
add("clean-route-step", ["down hold 12ms when phase=1"],
    ["chat rounds=20", "phase 1", "both size=300000", "chat rounds=20", "phase 0", EXCHANGE], clean=True)
add("loss-route-step", ["rate both 30mbit", "up hold 25ms when count=400..1200", "both drop when share=1%"],
    ["both size=300000", "both size=1500000", EXCHANGE])
add("loss-asymmetric", ["up hold 40ms", "both drop when share=2%"], BULK)
add("loss-no-delay", ["both drop when share=2%"], BULK, delay="0ms")
add("loss-mss536", ["both mss 536", "both drop when share=2%"], BULK)
add("loss-marks-wander", ["both ttl -2 when share=30%", "both dscp 8 when share=20%", "both drop when share=2%"], BULK)
add("loss-gro-one-end", ["both drop when share=2%"], BULK, client=OFF, must=("merged-server",))
add("loss-dual", ["up drop when v6 share=4%", "down drop when v4 share=4%"], BULK + BOTH_V)

# ---- what picks the victims: a time, a number, a port ----
add("loss-moment", ["both drop when time=1s..9s share=3%", "down drop when data every=50"],
    ["get size=600000", "chat rounds=300", "get size=600000"])
add("loss-numbered", ["down drop when data count=20..27", "up drop when count=40..44", "up drop when nth=3 data"],
    ["get size=300000", "chat rounds=30", "short times=10"])
add("loss-port", ["both drop when port=42003 share=20%", "down dscp 10 when port=42004", "down drop when dscp=10 share=15%"],
    [f"short times=60 parallel=4 size=9000 {REUSE}"], must=("reused",))
add("loss-any", ["both drop when any share=4%"], BULK, mtu_server=1400)

# ---- the same once more, where less tells packets apart ----
add("loss-translated-bare", ["up seq", "down seq", "both ipid random", "both strip timestamps,sack-permitted when flags=syn",
                             "both drop when share=2%"], BULK, nat="both")
add("loss-masquerade-reuse", ["both drop when share=1%"],
    [f"short-client times=200 parallel=4 size=2000 {REUSE}", f"mixed times=200 parallel=4 size=2000 {REUSE}"], nat="masquerade",
    routers=True, must=("reused",))
add("loss-many-short", ["both drop when share=1%", "both copy gap=1ms when share=0.5%"],
    [f"short times=2000 parallel=8 size=600 {REUSE}"], must=("reused",))
add("reorder-v6-no-timestamps", ["both swap 4 when share=2%", "both drop when share=2%"], BOTH_V, sysctl=NO_TS)
add("copies-lost-thin", ["both ipid zero", "both copy gap=2ms when share=2%", "both drop when share=2%"], BULK, sysctl=NO_TS)
add("held-thin", ["both ipid zero", "both hold 700ms when share=1%", "both drop when share=1%"], BULK, sysctl=NO_TS + NO_SACK)
add("change-v6-no-timestamps", ["both corrupt when share=1%", "both alter when data share=1%", "both drop when share=1%"], BOTH_V,
    sysctl=NO_TS)
add("alter-thin", ["both ipid zero", "both alter when data share=2%", "both drop when share=1%"], BULK, sysctl=NO_TS)

# ---- resets once more ----
add("resets-copied", ["both copy gap=1ms when flags=rst", "both drop when flags=rst share=30%"], RESETS, must=("resets",))
add("resets-spoofed-id", ["up reset to=server id=3777 ttl=63 when nth=10 data", "down reset to=client id=1234 ttl=63 when nth=9 data"],
    ["put size=100000", "get size=100000", "chat rounds=20", EXCHANGE], must=("resets",))
add("resets-spoofed-v6", ["up reset to=server ttl=63 when nth=10 data", "down reset to=client ttl=63 when nth=9 data",
                          "both drop when share=2%"],
    ["put v6 size=100000", "get v6 size=100000", "chat v6 rounds=20", "both v6 size=100000"], must=("resets",), sysctl=NO_TS)
add("blocked-some", ["up refuse when flags=syn share=40%"], ["short times=40 parallel=4", "refused times=5", "chat rounds=10"],
    must=("resets",))
add("resets-between", ["both reset to=both ttl=120 id=0 when nth=5 data share=50%", "both drop when nth=6.. flags=psh share=30%"],
    ["chat rounds=20", "short times=20 parallel=4", "get size=100000"], must=("resets",), idle=(1,))

AGES = ["offset=3723.5+drift=40", "thin=client:2%", "late=server:30%", "headers", "step=0.7+offset=-86400.25", "thin=server:1%+counted",
        "early=client:30%", "cut=128+micro", "hole=server:15%", "again=both:40%", "thin=both:1%", "rotate=server:15%",
        "late=client:25%+early=server:25%", "headers+thin=server:0.5%", "burst=server:30", "burst=client:30+counted",
        "drift=-150+offset=0.004"]
TURN = 3  # of these each scenario gets so many, in turn, besides the captures as they are, counted and not


def ages_of(index, scenario, fast=False):
    if fast:
        return ["", "counted", AGES[index * TURN % len(AGES)]]
    if scenario.ages is not None:
        return ["", "counted"] + scenario.ages
    return ["", "counted"] + [AGES[(index * TURN + k) % len(AGES)] for k in range(TURN)]
