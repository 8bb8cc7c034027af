#!/bin/sh
# twopoint-capture when things go wrong: what it loses is counted and placed, interfaces come and go, disks fill up.
. tests/e2e/common.sh.inc
. tests/e2e/namespaces.sh.inc
lab_can || exit 77
. tests/e2e/capture.sh.inc
trap 'fsfreeze -u "$work/slow" 2>/dev/null; umount "$work/slow" "$work/small" 2>/dev/null; lab_down >/dev/null 2>&1; rm -rf "$work"' EXIT
trap 'exit 1' INT TERM HUP
lab_up || exit 1
replay() { # on the router's end of c0's cable
    lab_in r python3 tests/e2e/replay.py rc "$@"
}
# ---- the kernel's buffer is full: as many are missing as the journal says, and where it says ----
what="kernel drops"
if agent c whole -i c0 -B 64M --exact-filter tcp && agent c lossy -i c0 -B 256K -s 0 --exact-filter tcp; then
    replay 500
    sleep 0.3
    kill -STOP "$pid_lossy"
    replay 6000 400 0 500
    kill -CONT "$pid_lossy"
    sleep 0.5
    replay 500 100 0 6500
    sleep 0.3
    agent_end whole 0
    agent_end lossy 1
    packets "$work/whole"
    [ "$(count "$work/all.pcapng")" = 7000 ] || fail "the whole one has $(count "$work/all.pcapng") packets"
    replayed "$work/all.pcapng" | sort >"$work/sent"
    packets "$work/lossy"
    replayed "$work/all.pcapng" | sort >"$work/kept"
    join -v 1 "$work/sent" "$work/kept" | cut -d' ' -f2 >"$work/missing"
    missing=$(wc -l <"$work/missing")
    [ "$missing" -gt 1000 ] || fail "only $missing were lost"
    journal_has "$work/lossy" "kernel == $missing" 'queue == 0' "of('end')[0]['kernel_drops'] == $missing" "inside('$work/missing')"
    verified "$work/lossy" consistent
fi

# ---- the agent's own queue is full: packets wait in the kernel's ring, and the level gives way in mid-file ----
what="a full queue"
if agent c narrow -i c0 -B 64M --queue 1024 -s 0 -z 12 -c 8000 --exact-filter tcp; then
    REPLAY_RANDOM=1 lab_in r python3 tests/e2e/replay.py rc 8000 1400
    wait "$wrapper_narrow" || fail "it ended with $?: $(cat "$work/narrow.log")"
    packets "$work/narrow"
    replayed "$work/all.pcapng" | cut -d' ' -f1 >"$work/numbers"
    seq 0 7999 | diff -q - "$work/numbers" >/dev/null || fail "the packets are not all, in order"
    journal_has "$work/narrow" 'queue == 0' 'kernel == 0' 'of("level")' 'of("level")[0]["from"] == 12 and of("level")[0]["to"] == 11'
    verified "$work/narrow" consistent
fi

# ---- a consumer that stands still: the disk is frozen until after the end was asked for ----
what="a disk that stands still"
mkdir "$work/slow"
truncate -s 64M "$work/slow.img"
if mkfs.ext4 -q "$work/slow.img" 2>/dev/null && mount -o loop "$work/slow.img" "$work/slow" 2>/dev/null; then
    agent c moving -i c0 -B 64M --exact-filter tcp || exit 1
    agent_folder=$work/slow/set
    if agent c stuck -i c0 -B 2M --queue 1M -s 0 --min-free 0 --exact-filter tcp; then
        replay 500
        sleep 1.5
        fsfreeze -f "$work/slow"
        REPLAY_RANDOM=1 lab_in r python3 tests/e2e/replay.py rc 8000 1400 0 500
        kill -INT "$pid_stuck"
        sleep 3.5 # it holds packets in the kernel's ring for two seconds
        fsfreeze -u "$work/slow"
        agent_end stuck 1
        agent_end moving 0
        packets "$work/moving"
        replayed "$work/all.pcapng" | sort >"$work/sent"
        packets "$agent_folder"
        replayed "$work/all.pcapng" | sort >"$work/kept"
        join -v 1 "$work/sent" "$work/kept" | cut -d' ' -f2 >"$work/missing"
        journal_has "$agent_folder" 'kernel > 100' 'queue > 100' "kernel + queue == $(wc -l <"$work/missing")" "inside('$work/missing')" \
            "of('end')[0]['queue_drops'] == queue" "of('end')[0]['kernel_drops'] == kernel"
        verified "$agent_folder" consistent
    fi
    unset agent_folder
    umount "$work/slow"
else
    echo "no file system of its own may be mounted here: no disk stands still"
fi

# ---- a card that counts: its counter moved by what was dropped, and the capture is whole ----
what="the interface's own drops"
lab_in r ip link set rc mtu 1000
if agent c card -i c0 --exact-filter tcp; then
    REPLAY_ONCE=1 lab_in c python3 tests/e2e/replay.py c0 37 1400
    sleep 0.5
    agent_end card 0
    journal_has "$work/card" 'card("tx_dropped") == 37' 'kernel == 0' 'of("end")[0]["kernel_drops"] == 0'
fi
lab_in r ip link set rc mtu 1500

# ---- a connection of which the client's capture lost the middle: none of it is lost in transit ----
what="losses of the capture are none of the path"
for end in c/c0 s/s0 r/rc r/rs; do
    lab_in "${end%/*}" ethtool -K "${end#*/}" gso off tso off gro off >/dev/null 2>&1
done
if agent s server -i s0 && agent c client -i c0 -s 0 -B 256K; then
    lab_talk exchange
    sleep 0.3
    kill -STOP "$pid_client"
    lab_talk bulk
    kill -CONT "$pid_client"
    sleep 0.5
    lab_talk exchange
    sleep 0.3
    agent_end server 0
    agent_end client 1
    "$correlate" "$work/client" "$work/server" --json "$work/r.json" --events "$work/e.ndjson" --quiet 2>"$work/err"
    [ $? -le 3 ] || fail "twopoint-correlate: $(cat "$work/err")"
    expect "r['points'][0]['capture_drops'] > 100" "count('lost') == 0" "count('injected') == 0" \
        "'capture-missed' in kinds"
fi

# ---- the interface goes down and comes back, gets another name, and is deleted ----
what="link"
if agent c links -i c0 --exact-filter tcp port 443; then
    replay 100
    sleep 0.3
    lab_in c ip link set c0 down
    sleep 0.3
    lab_in c ip link set c0 name c9
    lab_in c ip link set c9 up
    sleep 0.3
    replay 100 100 0 100
    sleep 0.3
    lab_in r ip link del rc
    wait "$wrapper_links"
    [ $? = 2 ] || fail "it did not end with 2 when the interface was gone"
    says links.log 'the interface c0 is gone'
    journal_has "$work/links" '[l["what"] for l in of("link")] == ["down", "renamed", "up", "down", "gone"] or [l["what"] for l in of("link")] == ["down", "renamed", "up", "gone"]' \
        'of("end")[0]["reason"] == "the interface is gone"'
    packets "$work/links"
    [ "$(count "$work/all.pcapng")" = 200 ] || fail "$(count "$work/all.pcapng") packets, not 200"
    verified "$work/links" consistent
fi

# ---- a tunnel that restarts: another interface of that name, with another number ----
what="an interface that comes back"
lab_in c ip link add t0 type veth peer name t1
lab_in c ip link set t1 up
lab_in c ip link set t0 up
if agent c returned -i t0 --exact-filter tcp port 443; then
    lab_in c python3 tests/e2e/replay.py t1 100
    sleep 0.3
    lab_in c ip link del t0
    sleep 0.3
    lab_in c ip link add t0 type veth peer name t1
    lab_in c ip link set t1 up
    lab_in c ip link set t0 up
    sleep 0.3
    lab_in c python3 tests/e2e/replay.py t1 100 100 0 100
    sleep 0.3
    agent_end returned 0
    journal_has "$work/returned" '[l["what"] for l in of("link") if l["what"] in ("gone", "back")] == ["gone", "back"]' 'of("link")[-1]["what"] == "up"'
    packets "$work/returned"
    [ "$(count "$work/all.pcapng")" = 200 ] || fail "$(count "$work/all.pcapng") packets, not 200"
    verified "$work/returned" consistent
fi

# ---- killed: the next start finishes what was left ----
what="kill -9"
agent_folder=$work/killed
if agent s killed -i s0 --exact-filter tcp port 443; then
    lab_in r python3 tests/e2e/replay.py rs 500
    sleep 2.2 # a chunk a second
    kill -KILL "$pid_killed"
    wait "$wrapper_killed"
    ls "$agent_folder" | grep -q part || fail "nothing unfinished is there"
    if agent s again -i s0 --exact-filter tcp port 443; then
        says again.log 'of an earlier run that was cut off, finished'
        lab_in r python3 tests/e2e/replay.py rs 100
        sleep 0.3
        agent_end again 0
        ls "$agent_folder" | grep -q part && fail "something unfinished is left"
        packets "$agent_folder"
        [ "$(count "$work/all.pcapng")" = 600 ] || fail "$(count "$work/all.pcapng") packets, not 600"
        journal_has "$agent_folder" 'of("recovered")' 'sum(c["packets"] for c in of("chunk")) == 600'
        "$verify" "$agent_folder" >"$work/verified" 2>&1
        grep -q broken "$work/verified" && fail "twopoint-verify: $(cat "$work/verified")"
    fi
fi
unset agent_folder

# ---- a small disk: the ring's oldest goes, else it ends; nothing written before is harmed ----
what="--min-free"
mkdir "$work/small"
if mount -t tmpfs -o size=12m,mode=755 tmpfs "$work/small"; then
    for how in ring stop full; do
        what="a small disk, $how"
        case $how in
        ring) set -- 0 --min-free 5M -C 1M ;;
        stop) set -- 2 --min-free 5M ;;
        full) set -- 2 --min-free 0 ;;
        esac
        wanted=$1
        shift
        rm -rf "$work"/small/*
        agent_folder=$work/small/set
        agent s disk -i s0 -s 0 --exact-filter "$@" tcp || break
        REPLAY_RANDOM=1 lab_in r python3 tests/e2e/replay.py rs 10000 1400 0.02 &
        sender=$!
        if [ "$wanted" = 2 ]; then
            wait "$wrapper_disk"
            status=$?
            [ $status = 2 ] || fail "it ended with $status: $(cat "$work/disk.log")"
        fi
        wait "$sender"
        [ "$wanted" = 2 ] || { sleep 0.5; agent_end disk 0; }
        verified "$agent_folder" consistent
        packets "$agent_folder"
        case $how in
        ring) journal_has "$agent_folder" 'len(of("deleted")) > 3' 'of("end")[-1]["reason"].startswith("interrupted")' ;;
        stop) journal_has "$agent_folder" '"disk is full" in of("end")[-1]["reason"]' "of('end')[-1]['packets'] == $(count "$work/all.pcapng")" ;;
        full) journal_has "$agent_folder" '"No space left" in of("end")[-1]["reason"]' "of('end')[-1]['packets'] == $(count "$work/all.pcapng")" ;;
        esac
        unset agent_folder
    done
else
    echo "no tmpfs may be mounted here"
fi
finish
