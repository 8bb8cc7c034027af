"""Kill a process that writes capture sets, at random moments, and recover:

  kill_set.py VERIFY FOLDER KILLS SECONDS SEED COMMAND... -- [ARGUMENT... -- [ARGUMENT...]]

COMMAND writes into FOLDER, finishing first what the run before it left. It is killed with the first arguments appended,
half of the times within SECONDS of its start, half of them much earlier.
After every kill the set must hold up to its last flush: nothing broken, nothing missing. Last it runs with the second
arguments appended and ends by itself; then everything must be whole: good for VERIFY, no `.part` left, every frame
ended. Prints what was found; exit 1 when anything was wrong.
"""
import collections
import pathlib
import random
import signal
import subprocess
import sys
import time


def state_of(verify, folder):
    done = subprocess.run([verify, "--quiet", folder], capture_output=True, text=True, errors="replace", check=False)
    lines = done.stdout.splitlines()
    return done.returncode, lines[-1] if lines else "nothing", done.stdout + done.stderr


def split(words):
    parts = [[]]
    for word in words:
        if word == "--":
            parts.append([])
        else:
            parts[-1].append(word)
    command, killed, last = parts + [[]] * (3 - len(parts))
    return command + killed, command + last


def main(verify, folder, kills, span, seed, *words):
    command, last = split(words)
    draw = random.Random(int(seed))
    faults, states = [], collections.Counter()
    for number in range(int(kills)):
        writer = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
        time.sleep(draw.choice((draw.uniform(0, float(span) / 8), draw.uniform(0, float(span)))))
        early = writer.poll()
        writer.send_signal(signal.SIGKILL)
        complaint = writer.communicate()[1].decode(errors="replace")
        if early:
            faults.append(f"kill {number}: it had ended by itself with {early}: {complaint}")
        if not any(pathlib.Path(folder).iterdir()):
            continue
        status, state, text = state_of(verify, folder)
        states[state] += 1
        if state not in ("incomplete", "consistent", "authentic"):
            what = "\n".join(line for line in text.splitlines() if ": incomplete:" not in line)
            faults.append(f"kill {number}: {state}, exit {status}\n{what}")
    print(f"seed {seed}, {kills} kills; states right after them: {dict(states)}")
    done = subprocess.run(last, capture_output=True, text=True, errors="replace", check=False)
    if done.returncode != 0:
        faults.append(f"the last run ended with {done.returncode}: {done.stderr}")
    status, state, text = state_of(verify, folder)
    if status != 0:
        faults.append(f"after the last recovery: {state}, exit {status}\n{text}")
    left = [path.name for path in pathlib.Path(folder).iterdir() if path.name.endswith(".part")]
    if left:
        faults.append(f"left unfinished: {left}")
    files = sorted(str(path) for path in pathlib.Path(folder).glob("*.pcapng.zst"))
    for start in range(0, len(files), 500):
        done = subprocess.run(["zstd", "-qt", *files[start:start + 500]], capture_output=True, text=True, errors="replace", check=False)
        if done.returncode != 0:
            faults.append(f"zstd -t: {done.stderr}")
    print(f"{len(files)} files, {state}")
    for fault in faults[:3]:
        print("WRONG:", fault[:2000])
    return 1 if faults or not files else 0


sys.exit(main(*sys.argv[1:]))
