"""tutorial.py [--regenerate] BUILD DOCUMENT: run the commands of a tutorial, and compare what it shows with what came out.

Commands stand in blocks of ```console, behind the prompts client# client$ server# server$ desk$: two hosts, of which each
has a window for root and one for a user, and a third machine. A line that ends in a backslash goes on in the next. What
follows a command is its output. `client# ^C` ends what runs in that window since the last block, and what follows is the
rest of its output; such a command has said what its own block shows before anything else is done.

The hosts are network namespaces with real TCP stacks; between them stands the lab's wire, which drops the resets of the
client. scp copies between the folders of the three.

Two outputs are equal when they are after this:
  - a line "..." in the document stands for any lines
  - numbers, times, stamps, digests, lists of frames are one N each, and a unit of time is any
  - blanks and ends of lines are one blank each, and so are the dashes of an arrow
  - singular and plural are one; the agent's user is "twopoint"; that only the first of many are listed is left out
  - of a ladder, arrows that arrived are left out, and of equal ones in a row all but one
  - of ss, a timer that is due this very moment is one with a time
  - the agent's status and tshark's remark that it runs as root are left out
With --regenerate the document gets the lines that came out, between the same "...".
"""
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lab"))
import topology  # noqa: E402

PROMPT = re.compile(r"^(client|server|desk)([#$]) (.*)$")
SCENARIO = "delay both 9ms\nrate down 10mbit\nup drop when flags=rst\n"
WAIT = 30
SCP = """#!/bin/sh
# In place of scp: HOST:FILE is a file in the host's folder beside the one that this runs in.
for last; do :; done
for word; do case $word in *:*) cp -r "../${word%%:*}/${word#*:}" "$last" || exit 1 ;; esac; done
"""


class Step:
    """A command, its window, and the lines that the document shows of its output: document[first:end]."""

    def __init__(self, host, window, command, first):
        self.host, self.window, self.command, self.first, self.end = host, window, command, first, first


def read_steps(lines):
    steps, inside, at = [], False, 0
    while at < len(lines):
        line = lines[at]
        at += 1
        if line.startswith("```"):
            inside = line == "```console"
            continue
        prompt = PROMPT.match(line) if inside else None
        if not inside:
            continue
        if not prompt:
            steps[-1].end = at
            continue
        host, mark, command = prompt.groups()
        while command.endswith("\\"):
            command = command[:-1].rstrip() + " " + lines[at].strip()
            at += 1
        steps.append(Step(host, host + mark, command, at))
    return steps


# ---- equality ----

def words(text):
    text = re.sub(r"(?m)^.* packets, \d+/s, .*on disk$", "", text)
    text = re.sub(r"Port *Process", "Port Process", re.sub(r"timer:\(on,[^,)]*,", "timer:(on,N,", text))
    text = re.sub(r", as (tcpdump|twopoint)\b", ", as twopoint", text)
    text = re.sub(r"(?m)^ +(?:0|[+-][\d.]+ \w+) .*\|(?:<-|-- (?!.*---[x?])).*\|.*\n", "", text + "\n")
    text = re.sub(r"\{[0-9][0-9., \n]*\}", "{N}", text)
    text = re.sub(r"\b\d{8}T\d{6}Z|\b\d{4}-\d\d-\d\dT[\d:.]+Z", "N", text)
    text = re.sub(r"\b[0-9a-f]{16,}\b", "N", text)
    text = re.sub(r"[+-]?\b\d+(?:[.,:]\d+)*(?: ?(?:ns|us|ms|s|sec|ppm|kB|MB)\b|min\d+\w+)?", "N", text)
    text = re.sub(r"-{2,}", "--", text)
    text = re.sub(r"[ \t]+", " ", text)
    text = re.sub(r"(?m)^( N N? ?\|.*\n)\1+", r"\1", text)
    text = re.sub(r"\b(segment|reset|packet|retransmission|connection|frame)s\b", r"\1", text)
    text = re.sub(r"\s+", " ", text).strip()
    text = re.sub(r"frame NN\b", "frame N", text.replace("the first at client frame N, N and N", "client frame N"))
    return text.replace(" These are the first N of N.", "")


def parts_of(shown):
    """The runs of lines between those with "..."."""
    parts = [[]]
    for line in shown:
        if line.strip() == "...":
            parts.append([])
        else:
            parts[-1].append(line)
    return parts


def same(shown, got):
    pattern = r".*".join(re.escape(words("\n".join(part))) for part in parts_of(shown))
    return re.fullmatch(pattern, words("\n".join(got)), re.DOTALL) is not None


def renewed(shown, got):
    """The lines that came out where the document shows any; None where one part is not found."""
    out, at, parts = [], 0, parts_of(shown)
    for number, part in enumerate(parts):
        if number:
            out.append("...")
        wanted = words("\n".join(part))
        if not wanted:
            continue
        last = number == len(parts) - 1
        found = [(a, b) for a in ([at] if number == 0 else range(at, len(got))) for b in ([len(got)] if last else range(a + 1, len(got) + 1))
                 if got[a].strip() and abs(len(words("\n".join(got[a:b]))) - len(wanted)) == 0 and words("\n".join(got[a:b])) == wanted]
        if not found:
            return None
        a, at = found[0]
        out += got[a:at]
    return out


# ---- running ----

class Windows:
    """What runs where."""

    def __init__(self, lab, build, folder):
        self.lab, self.folder, self.running, self.status = lab, folder, {}, 0
        self.ended = {}  # of each host's capture: between which times
        self.path = f"{build}:{folder}/tools:{os.environ['PATH']}"

    def start(self, step, output):
        where = os.path.join(self.folder, step.host)
        command = ["sh", "-c", f"(exit {self.status}); exec {step.command}" if output else f"(exit {self.status})\n{step.command}"]
        if step.host != "desk":
            command = ["ip", "netns", "exec", self.lab.name(step.host[0])] + command
        environment = dict(os.environ, PATH=self.path, LC_ALL="C.UTF-8", ASAN_OPTIONS="detect_leaks=0")
        return subprocess.Popen(command, cwd=where, env=environment, stdin=subprocess.DEVNULL, stdout=output or subprocess.PIPE,
                                stderr=subprocess.STDOUT, text=True)

    def begin(self, step, shown):
        """One that goes on until ^C; returns once it has said what the document shows, or all that it will."""
        path = os.path.join(self.folder, f"{step.window}.out")
        with open(path, "w", encoding="utf-8") as output:
            process = self.start(step, output)
        self.lab.processes.append(process)
        end = time.monotonic() + WAIT
        while time.monotonic() < end and process.poll() is None:
            got = read_lines(path)
            if got and same(shown, got):
                break
            time.sleep(0.05)
        got = read_lines(path)
        self.running[step.window] = (process, path, len(got))
        return got

    def interrupt(self, step):
        process, path, said = self.running.pop(step.window)
        asked = time.time_ns()
        process.send_signal(signal.SIGINT)
        self.status = process.wait(WAIT)
        self.ended[step.host] = (asked, time.time_ns())
        return read_lines(path)[said:]

    def do(self, step):
        process = self.start(step, None)
        try:
            out, _ = process.communicate(timeout=WAIT + 30)
        finally:
            process.kill()
        self.status = process.returncode
        return [line for line in out.splitlines() if "Running as user" not in line]


def read_lines(path):
    with open(path, encoding="utf-8") as file:
        return file.read().splitlines()


def play(steps, lines, windows):
    """Run them all. [(step, its output)]"""
    done = []
    for number, step in enumerate(steps):
        later = next((s for s in steps[number + 1:] if s.window == step.window), None)
        shown = lines[step.first:step.end]
        if step.command == "^C":
            got = windows.interrupt(step)
        elif later and later.command == "^C":
            got = windows.begin(step, shown)
        else:
            got = windows.do(step)
        done.append((step, got))
    return done


def serve(lab, folder):
    """What production has: a server that exports."""
    os.makedirs(os.path.join(folder, "www"))
    with open(os.path.join(folder, "www", "export.csv"), "wb") as file:
        file.truncate(30000000)
    code = ("import http.server, functools\n"
            f"h = functools.partial(http.server.SimpleHTTPRequestHandler, directory={os.path.join(folder, 'www')!r})\n"
            "s = http.server.ThreadingHTTPServer(('', 8080), h)\nprint('ready', flush=True)\ns.serve_forever()\n")
    with open(os.path.join(folder, "server.log"), "w", encoding="utf-8") as log:
        lab.start_ready("s", ["python3", "-c", code], stderr=log)


def run_all(build, folder, steps, lines):
    """[(step, output)], and how many resets the wire had dropped when the client's capture was told to end and when it had."""
    for name in ("client", "server", "desk", "tools"):
        os.makedirs(os.path.join(folder, name))
    with open(os.path.join(folder, "tools", "scp"), "w", encoding="utf-8") as file:
        file.write(SCP)
    os.chmod(os.path.join(folder, "tools", "scp"), 0o755)
    with open(os.path.join(folder, "scenario"), "w", encoding="utf-8") as file:
        file.write(SCENARIO)
    with topology.Topology(f"tptu{os.getpid()}", wire_program=os.path.join(build, "lab/wire")) as lab:
        for end in "cs":
            lab.offload(end)
        for ns in "cabs":  # arrivals are handled by one processor: two would reorder them
            lab.shell(ns, "for f in /sys/class/net/*/queues/rx-*/rps_cpus; do echo 1 >$f 2>/dev/null; done; true")
        wire = lab.wire(os.path.join(folder, "scenario"), folder)
        serve(lab, folder)
        windows = Windows(lab, build, folder)
        done = play(steps, lines, windows)
        if wire.stop():
            raise topology.LabError("the wire's truth is not whole")
    with open(os.path.join(folder, "wire.ndjson"), encoding="utf-8") as file:
        times = [line["time_ns"] for line in map(json.loads, file) if line["wire"] == "in" and line["fate"] == "dropped"]
    return done, [sum(1 for t in times if t <= end) for end in windows.ended["client"]]


def compare(done, lines):
    wrong = 0
    for step, got in done:
        if not same(lines[step.first:step.end], got):
            wrong += 1
            print(f"{step.window} {step.command}: the document shows something else than came out:")
            print("\n".join("  | " + line for line in got[:120]))
    return wrong


def count(done, dropped):
    """The wire knows how many resets were dropped: the answer's first number, and what tshark finds in the merged file."""
    said = [got[0].split()[0] for step, got in done if step.command.startswith("twopoint-correlate") and got]
    said += [got[0] for step, got in done if step.command.startswith("tshark") and step.command.endswith("wc -l")]
    least, most = dropped
    wrong = len(said) < 2 or any(not n.isdigit() or not 0 < least <= int(n) <= most for n in said)
    if wrong:
        print(f"{least} to {most} resets were dropped, the commands say {said}")
    return wrong


def regenerate(document, lines, done):
    missing = 0
    for step, got in reversed(done):
        out = renewed(lines[step.first:step.end], got)
        if out is None or step.first == step.end:
            missing += out is None
            out = got
        lines[step.first:step.end] = out
    with open(document, "w", encoding="utf-8") as file:
        file.write("\n".join(lines) + "\n")
    return missing


def main(arguments):
    renew = arguments[:1] == ["--regenerate"]
    build, document = os.path.abspath(arguments[-2]), arguments[-1]
    why = topology.can_run()
    if why:
        print(why)
        return 77
    lines = read_lines(document)
    steps = read_steps(lines)
    with tempfile.TemporaryDirectory(prefix="twopoint-tutorial-") as folder:
        os.chmod(folder, 0o755)
        done, dropped = run_all(build, folder, steps, lines)
        if renew:
            shutil.rmtree(os.path.join(build, "tutorial"), ignore_errors=True)
            shutil.copytree(os.path.join(folder, "desk"), os.path.join(build, "tutorial"), dirs_exist_ok=True)
            return regenerate(document, lines, done) + count(done, dropped) != 0
        return compare(done, lines) + count(done, dropped) != 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
