#!/usr/bin/env python3
"""The proving ground: plays scenarios over real kernels, ages the captures, and scores the correlator against the truth.

    lab.py --correlate BIN --wire BIN [--fast] [--only NAME,...] [--ages WORDS,...] [--keep DIR] [--jobs N] [--list]
    lab.py --correlate BIN --again DIR [...]      judge runs that --keep-runs kept, without playing them

Exit status: 0 all as it must be, 1 not, 2 it could not run, 77 it cannot run here (the last line says why).
"""
import argparse
import concurrent.futures
import multiprocessing
import os
import shutil
import signal
import sys
import tempfile
import time
import traceback

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import happened  # noqa: E402
import judge  # noqa: E402
import play  # noqa: E402
import scenarios  # noqa: E402
import table  # noqa: E402
import topology  # noqa: E402


def run_scenario(task):
    """Returns (name, what did not happen, [Case])."""
    arguments, scenario, index = task
    folder = os.path.join(arguments.again, scenario.name) if arguments.again else tempfile.mkdtemp(prefix="twopoint-lab-")
    failed, cases = [], []
    try:
        if not arguments.again:
            play.play(scenario, folder, f"lab{os.getpid()}", programs(arguments), arguments.seed)
        run, builder, notes = judge.prepare(folder, scenario)
        failed = happened.played(scenario, run, notes)
        for words in arguments.ages or scenarios.ages_of(index, scenario, arguments.fast):
            cases.append(judge_case(arguments, scenario, run, builder, words))
    except SystemExit:  # stopped, and the namespaces are gone
        if not arguments.again:
            shutil.rmtree(folder, ignore_errors=True)
        os._exit(1)
    except Exception as error:  # pylint: disable=broad-except  # one scenario's fault must not end the others
        failed.append(f"{type(error).__name__}: {error}")
        traceback.print_exc()
    store_run(arguments, scenario, folder, bool(failed))
    return scenario.name, failed, cases


def programs(arguments):
    """The wire, and the agent that lies beside the correlator."""
    return arguments.wire, os.path.join(os.path.dirname(os.path.abspath(arguments.correlate)), "twopoint-capture")


def judge_case(arguments, scenario, run, builder, words):
    place = tempfile.mkdtemp(prefix="twopoint-lab-case-")
    try:
        case = judge.judge(scenario, run, builder, words, place, arguments.correlate, arguments.seed)
        if arguments.keep and (case.trouble or (arguments.keep_all and case.imperfect())):
            kept = os.path.join(arguments.keep, f"{scenario.name}-{words or 'as-taken'}".replace("=", "-").replace(":", "-"))
            shutil.rmtree(kept, ignore_errors=True)
            shutil.copytree(place, kept)
            case.kept = kept
        return case
    finally:
        shutil.rmtree(place, ignore_errors=True)


def store_run(arguments, scenario, folder, failed):
    if arguments.again:
        return
    wanted = arguments.keep_runs or (arguments.keep if failed else None)
    if wanted:
        place = os.path.join(wanted, scenario.name)
        shutil.rmtree(place, ignore_errors=True)
        shutil.copytree(folder, place)
    shutil.rmtree(folder, ignore_errors=True)


def selected(arguments):
    names = arguments.only.split(",") if arguments.only else None
    known = {s.name for s in scenarios.SCENARIOS}
    for name in names or ():
        if name not in known:
            raise SystemExit(f"lab.py: no scenario {name}; --list shows them")
    return [(s, i) for i, s in enumerate(scenarios.SCENARIOS)
            if (s.name in names if names else s.fast or not arguments.fast)]


def options():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--correlate", help="twopoint-correlate")
    parser.add_argument("--wire", help="the wire program")
    parser.add_argument("--fast", action="store_true", help="the subset of make check")
    parser.add_argument("--only", help="these scenarios")
    parser.add_argument("--ages", type=lambda text: text.split(","), help="these ageings instead of each scenario's own")
    parser.add_argument("--keep", help="folder for cases that failed: captures, truth, events, what was wrong")
    parser.add_argument("--keep-all", action="store_true", help="keep those with a miss or a false supported, too")
    parser.add_argument("--keep-runs", help="folder for all runs as they were played, for --again")
    parser.add_argument("--again", help="judge the runs in this folder anew instead of playing")
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--verbose", action="store_true", help="a line for each case, and everything that was wrong")
    parser.add_argument("--list", action="store_true")
    return parser.parse_args()


def stop(*_):
    """On SIGTERM: namespaces are taken down on the way out, undisturbed by a second one."""
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    raise SystemExit("lab.py: stopped")


def main():
    arguments = options()
    if arguments.list:
        for scenario in scenarios.SCENARIOS:
            print(f"{scenario.name:<32}{'fast ' if scenario.fast else '     '}{'; '.join(scenario.rules)}")
        return 0
    for folder in filter(None, (arguments.keep, arguments.keep_runs)):
        os.makedirs(folder, exist_ok=True)
    why = None if arguments.again else topology.can_run()
    if why:
        print(why)
        return 77
    start, results = time.monotonic(), []
    tasks = [(arguments, scenario, index) for scenario, index in selected(arguments)]
    signal.signal(signal.SIGTERM, stop)
    with concurrent.futures.ProcessPoolExecutor(arguments.jobs, initializer=signal.signal,
                                                initargs=(signal.SIGTERM, stop)) as pool:
        try:
            for result in pool.map(run_scenario, tasks):
                results.append(result)
                table.show_result(result, arguments.verbose)
                sys.stdout.flush()
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            for child in multiprocessing.active_children():
                child.terminate()
            raise
    good = table.show(results, not arguments.fast and not arguments.only)
    print(f"{len(results)} scenarios, {sum(len(c) for _, _, c in results)} cases, {time.monotonic() - start:.0f} s")
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
