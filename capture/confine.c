/* Three locks, in this order: another user without capabilities (libcap-ng); no new privileges, so that no program that
 * is set-user-ID gives any back; a seccomp filter (libseccomp).
 *
 * What stays open to a captured packet that takes the program over: the output folder, the sockets that are open, and
 * whatever any unprivileged user may read. No new socket, no program, no other process, no memory both written and run.
 * A call that is not on the list fails rather than killing the process: a capture of hours shall not die of a C library
 * that asks for something new. */
#define _GNU_SOURCE /* grp.h: setgroups; syscall numbers */
#include "capture/confine.h"

#include <cap-ng.h>
#include <errno.h>
#include <linux/sockios.h>
#include <pwd.h>
#include <seccomp.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <unistd.h>

#define COUNT(table) (sizeof(table) / sizeof *(table))

int
confine_find_user(struct confine_user *out, const char *name, struct error *e)
{
    static const char *const defaults[] = {"twopoint", "tcpdump"};
    const struct passwd *p = NULL;

    if (name)
        p = getpwnam(name);
    for (size_t i = 0; !name && !p && i < COUNT(defaults); i++)
        p = getpwnam(defaults[i]);
    if (!p && name)
        return error_set(e, ERR_USAGE, "-Z: there is no user \"%.60s\"", name);
    if (!p)
        return error_set(e, ERR_USAGE,
                         "there is no user to go on as once all is open: make one (useradd --system --no-create-home "
                         "--shell /usr/sbin/nologin twopoint) or name one with -Z");
    if (p->pw_uid == 0)
        return error_set(e, ERR_USAGE, "-Z: %.60s is root: name a user without privileges", p->pw_name);
    snprintf(out->name, sizeof out->name, "%s", p->pw_name);
    out->uid = p->pw_uid;
    out->gid = p->pw_gid;
    return 0;
}

int
confine_drop(const struct confine_user *user, struct error *e)
{
    capng_clear(CAPNG_SELECT_ALL);
    if (user) {
        const int result = capng_change_id((int)user->uid, (int)user->gid, CAPNG_DROP_SUPP_GRP | CAPNG_CLEAR_BOUNDING);
        if (result != 0)
            return error_set(e, ERR_SYSTEM, "cannot become %.60s (libcap-ng: %d)", user->name, result);
        if (setuid(0) == 0)
            return error_set(e, ERR_SYSTEM, "became %.60s, and root again", user->name);
    } else if (capng_apply(CAPNG_SELECT_CAPS) != 0) { /* the bounding set is not ours to change */
        return error_set(e, ERR_SYSTEM, "the capabilities cannot be given up");
    }
    if (prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0) != 0 && errno != EINVAL)
        return error_set(e, ERR_SYSTEM, "the ambient capabilities cannot be given up: %s", strerror(errno));
    capng_get_caps_process();
    if (capng_have_capabilities(CAPNG_SELECT_CAPS) != CAPNG_NONE)
        return error_set(e, ERR_SYSTEM, "some capabilities stayed");
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0)
        return error_set(e, ERR_SYSTEM, "no_new_privs: %s", strerror(errno));
    prctl(PR_SET_DUMPABLE, 0, 0, 0, 0); /* no core file: it would hold packets */
    return 0;
}

static const int allowed[] = {
    /* files */
    SCMP_SYS(read),
    SCMP_SYS(readv),
    SCMP_SYS(pread64),
    SCMP_SYS(write),
    SCMP_SYS(writev),
    SCMP_SYS(pwrite64),
    SCMP_SYS(openat),
    SCMP_SYS(close),
    SCMP_SYS(fstat),
    SCMP_SYS(newfstatat),
    SCMP_SYS(statx),
    SCMP_SYS(fstatfs),
    SCMP_SYS(lseek),
    SCMP_SYS(flock),
    SCMP_SYS(ftruncate),
    SCMP_SYS(fchmod),
    SCMP_SYS(fsync),
    SCMP_SYS(fdatasync),
    SCMP_SYS(renameat),
    SCMP_SYS(renameat2),
    SCMP_SYS(unlinkat),
    SCMP_SYS(getdents64),
    SCMP_SYS(fcntl),
    SCMP_SYS(fadvise64),
    /* sockets that are open */
    SCMP_SYS(recvfrom),
    SCMP_SYS(recvmsg),
    SCMP_SYS(sendto),
    SCMP_SYS(getsockopt),
    SCMP_SYS(setsockopt),
    SCMP_SYS(getsockname),
    SCMP_SYS(bind), /* the packet socket's, to an interface that was made anew */
    /* memory */
    SCMP_SYS(brk),
    SCMP_SYS(munmap),
    SCMP_SYS(mremap),
    SCMP_SYS(madvise),
    /* waiting, threads, signals, time */
    SCMP_SYS(poll),
    SCMP_SYS(ppoll),
    SCMP_SYS(futex),
    SCMP_SYS(sched_yield),
    SCMP_SYS(restart_syscall),
    SCMP_SYS(set_robust_list),
    SCMP_SYS(rseq),
    SCMP_SYS(rt_sigprocmask),
    SCMP_SYS(rt_sigaction),
    SCMP_SYS(rt_sigreturn),
    SCMP_SYS(sigaltstack),
    SCMP_SYS(sched_getaffinity),
    SCMP_SYS(getpid),
    SCMP_SYS(gettid),
    SCMP_SYS(tgkill),
    SCMP_SYS(clock_gettime),
    SCMP_SYS(clock_nanosleep),
    SCMP_SYS(gettimeofday),
    SCMP_SYS(adjtimex),
    SCMP_SYS(clock_adjtime),
    SCMP_SYS(getrandom),
    SCMP_SYS(getrusage),
    SCMP_SYS(exit),
    SCMP_SYS(exit_group),
};

/* No memory that can be run; of ioctl only what asks. */
static int
add_conditional(scmp_filter_ctx f)
{
    static const unsigned long asked[] = {TIOCGWINSZ, SIOCGIFFLAGS, SIOCGIFINDEX, TCGETS, FIONREAD};
    const struct scmp_arg_cmp not_run = SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0);
    int result = seccomp_rule_add(f, SCMP_ACT_ALLOW, SCMP_SYS(mmap), 1, not_run);

    if (!result)
        result = seccomp_rule_add(f, SCMP_ACT_ALLOW, SCMP_SYS(mprotect), 1, not_run);
    if (!result) /* a thread that begins asks how large its stack may be; nobody sets it */
        result = seccomp_rule_add(f, SCMP_ACT_ALLOW, SCMP_SYS(prlimit64), 1, SCMP_A2(SCMP_CMP_EQ, 0, 0));
    for (size_t i = 0; !result && i < COUNT(asked); i++)
        result = seccomp_rule_add(f, SCMP_ACT_ALLOW, SCMP_SYS(ioctl), 1, SCMP_A1(SCMP_CMP_EQ, asked[i], 0));
    return result;
}

int
confine_calls(struct error *e)
{
    scmp_filter_ctx f = seccomp_init(SCMP_ACT_ERRNO(EPERM));
    int result = f ? 0 : -ENOMEM;

    if (!result)
        result = seccomp_attr_set(f, SCMP_FLTATR_CTL_TSYNC, 1);
    for (size_t i = 0; !result && i < COUNT(allowed); i++)
        result = seccomp_rule_add(f, SCMP_ACT_ALLOW, allowed[i], 0);
    if (!result)
        result = add_conditional(f);
    if (!result)
        result = seccomp_load(f);
    if (f)
        seccomp_release(f);
    return result ? error_set(e, ERR_SYSTEM, "the system calls cannot be confined (seccomp): %s", strerror(-result))
                  : 0;
}
