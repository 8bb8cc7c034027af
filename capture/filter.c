#define _DEFAULT_SOURCE /* pcap.h: u_int and its like */
#include "capture/filter.h"

#include <stdlib.h>
#include <string.h>

#define ERRORS_4    "(icmp and (icmp[0] = 3 or icmp[0] = 4 or icmp[0] = 5 or icmp[0] = 11 or icmp[0] = 12))"
#define FRAGMENTS_4 "(ip[6:2] & 0x1fff != 0)"
#define ERRORS_6    "(ip6[6] = 58 and ip6[40] < 128)"
#define FRAGMENTS_6 "(ip6[6] = 44 and ip6[42:2] & 0xfff8 != 0)"
#define ADDED       ERRORS_4 " or " FRAGMENTS_4 " or " ERRORS_6 " or " FRAGMENTS_6

/* Behind one of these words all offsets of an expression shift, so that what is added must stand before it; and an own
 * copy behind a tag makes no sense then. */
static bool
shifts_offsets(const char *user)
{
    static const char *const words[] = {"vlan", "mpls", "pppoed", "pppoes", "geneve", "vxlan"};
    static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.";

    for (const char *c = user + strcspn(user, letters); *c;) {
        const size_t n = strspn(c, letters);
        for (size_t i = 0; i < sizeof words / sizeof *words; i++)
            if (strlen(words[i]) == n && !memcmp(words[i], c, n))
                return true;
        c += n;
        c += strcspn(c, letters);
    }
    return false;
}

static int
compile(pcap_t *p, const char *text, struct bpf_program *program)
{
    return pcap_compile(p, program, text, 1, PCAP_NETMASK_UNKNOWN);
}

int
filter_compile(pcap_t *p, const char *user, bool exact, struct bpf_program *program, char effective[FILTER_SIZE],
               struct error *e)
{
    snprintf(effective, FILTER_SIZE, "%s", user);
    if (compile(p, user, program) != 0)
        return error_set(e, ERR_USAGE, "the filter \"%.150s\" is none: %s (pcap-filter(7) has the language)", user,
                         pcap_geterr(p));
    if (exact || user[strspn(user, " \t")] == '\0')
        return 0;
    pcap_freecode(program);
    if (!shifts_offsets(user)) {
        snprintf(effective, FILTER_SIZE,
                 "(%s) or " ADDED " or (vlan and ((%s) or " ADDED " or (vlan and ((%s) or " ADDED "))))", user, user,
                 user);
        if (compile(p, effective, program) == 0)
            return 0;
    }
    snprintf(effective, FILTER_SIZE, ADDED " or (%s)", user);
    if (compile(p, effective, program) == 0)
        return 0;
    snprintf(effective, FILTER_SIZE, "%s", user);
    if (compile(p, effective, program) != 0)
        return error_set(e, ERR_USAGE, "the filter cannot be compiled: %s", pcap_geterr(p));
    return 0;
}

/* What goes on where the program said "take it". A load behind the packet's end would drop the packet: only those that
 * are longer than any such header are cut. 14 bytes are Ethernet's, whose tag the kernel keeps elsewhere; X is the
 * length of the IP header. */
enum { TAIL_OTHER = 22 };
static const struct bpf_insn tail[] = {
    /*  0 */ BPF_STMT(BPF_LD | BPF_W | BPF_LEN, 0),
    /*  1 */ BPF_JUMP(BPF_JMP | BPF_JGE | BPF_K, 14 + 60 + 20, 0, TAIL_OTHER - 2),
    /*  2 */ BPF_STMT(BPF_LD | BPF_H | BPF_ABS, 12),
    /*  3 */ BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 0x0800, 0, 10 - 4),
    /*  4 */ BPF_STMT(BPF_LD | BPF_B | BPF_ABS, 14 + 9),
    /*  5 */ BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 6, 0, TAIL_OTHER - 6),
    /*  6 */ BPF_STMT(BPF_LD | BPF_H | BPF_ABS, 14 + 6),
    /*  7 */ BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, 0x1fff, TAIL_OTHER - 8, 0),
    /*  8 */ BPF_STMT(BPF_LDX | BPF_B | BPF_MSH, 14),
    /*  9 */ BPF_STMT(BPF_JMP | BPF_JA, 14 - 10),
    /* 10 */ BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 0x86dd, 0, TAIL_OTHER - 11),
    /* 11 */ BPF_STMT(BPF_LD | BPF_B | BPF_ABS, 14 + 6),
    /* 12 */ BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 6, 0, TAIL_OTHER - 13),
    /* 13 */ BPF_STMT(BPF_LDX | BPF_W | BPF_IMM, 40),
    /* 14 */ BPF_STMT(BPF_LD | BPF_B | BPF_IND, 14 + 12),
    /* 15 */ BPF_STMT(BPF_ALU | BPF_AND | BPF_K, 0xf0),
    /* 16 */ BPF_STMT(BPF_ALU | BPF_RSH | BPF_K, 2),
    /* 17 */ BPF_JUMP(BPF_JMP | BPF_JGE | BPF_K, 20, 1, 0),
    /* 18 */ BPF_STMT(BPF_LD | BPF_W | BPF_IMM, 20),
    /* 19 */ BPF_STMT(BPF_ALU | BPF_ADD | BPF_X, 0),
    /* 20 */ BPF_STMT(BPF_ALU | BPF_ADD | BPF_K, 14),
    /* 21 */ BPF_STMT(BPF_RET | BPF_A, 0),
    /* TAIL_OTHER: */ BPF_STMT(BPF_RET | BPF_K, 0), /* the snaplen */
};

int
filter_trim_ethernet(struct bpf_program *program, uint32_t snaplen, struct error *e)
{
    const u_int n = program->bf_len, more = sizeof tail / sizeof *tail;
    struct bpf_insn *all = realloc(program->bf_insns, (n + more) * sizeof *all);

    if (!all)
        return error_set(e, ERR_MEMORY, "out of memory");
    program->bf_insns = all;
    program->bf_len = n + more;
    memcpy(all + n, tail, sizeof tail);
    all[n + TAIL_OTHER].k = snaplen;
    for (u_int i = 0; i < n; i++)
        if (all[i].code == (BPF_RET | BPF_K) && all[i].k != 0)
            all[i] = (struct bpf_insn)BPF_STMT(BPF_JMP | BPF_JA, n - i - 1);
    return 0;
}
