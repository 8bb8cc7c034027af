#define _DEFAULT_SOURCE /* pcap.h wants u_char and its like */
#include "correlate/select.h"

#include <pcap/pcap.h>
#include <stdlib.h>

#define MAX_LINK_TYPES 16
#define LINKTYPE_RAW   101 /* the link type in files whose number is not that of its DLT_ */
#define MAX_FRAME      262144

struct compiled {
    uint16_t link_type;
    bool usable;
    struct bpf_program program;
};
struct selection {
    const char *expression;
    struct compiled compiled[MAX_LINK_TYPES];
    int n;
};

static int
compile(struct bpf_program *program, uint16_t link_type, const char *expression, struct error *e)
{
    pcap_t *dead = pcap_open_dead(link_type == LINKTYPE_RAW ? DLT_RAW : link_type, MAX_FRAME);
    if (!dead)
        return error_set(e, ERR_MEMORY, "out of memory");
    int result = 0;
    if (pcap_compile(dead, program, expression, 1, PCAP_NETMASK_UNKNOWN))
        result = error_set(e, ERR_USAGE, "--filter '%s': %s", expression, pcap_geterr(dead));
    pcap_close(dead);
    return result;
}

int
selection_new(struct selection **out, const char *expression, struct error *e)
{
    struct selection *s = *out = calloc(1, sizeof *s);
    if (!s)
        return error_set(e, ERR_MEMORY, "out of memory");
    s->expression = expression;
    s->compiled[0].link_type = DLT_EN10MB;
    if (compile(&s->compiled[0].program, DLT_EN10MB, expression, e)) {
        selection_free(out);
        return -1;
    }
    s->compiled[0].usable = true;
    s->n = 1;
    return 0;
}

bool
selection_matches(struct selection *s, const struct capture_item *f)
{
    int i = 0;
    while (i < s->n && s->compiled[i].link_type != f->link_type)
        i++;
    if (i == s->n) {
        if (i == MAX_LINK_TYPES)
            return false;
        s->compiled[i].link_type = f->link_type;
        s->compiled[i].usable = !compile(&s->compiled[i].program, f->link_type, s->expression, NULL);
        s->n++;
    }
    const struct compiled *c = &s->compiled[i];
    return c->usable && bpf_filter(c->program.bf_insns, f->data, f->original, f->captured);
}

void
selection_free(struct selection **ss)
{
    struct selection *s = *ss;
    for (int i = 0; s && i < s->n; i++)
        if (s->compiled[i].usable)
            pcap_freecode(&s->compiled[i].program);
    free(s);
    *ss = NULL;
}
