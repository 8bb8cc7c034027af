#include "tests/lab/wire/scenario_internal.h"

#include "tests/lab/wire/words.h"

#include <ctype.h>
#include <string.h>

enum { WORDS_MAX = 32 };

static bool
take_direction(const char *word, bool direction[2])
{
    static const char *const names[] = {"up", "down", "both", NULL};
    int i = word_in(word, names);

    direction[WIRE_UP] = i == 0 || i == 2;
    direction[WIRE_DOWN] = i == 1 || i == 2;
    return i >= 0;
}

/* NULL, or what is wrong. */
static const char *
take_rule(struct wire_rule *r, char **words, size_t n)
{
    size_t i;
    int action = -1;

    *r = (struct wire_rule){.with_ack = true, .towards = {true, true}, .ttl = 0};
    r->when = (struct wire_when){.share = -1, .burst = -1, .data = -1, .dscp = -1};
    if (!take_direction(words[0], r->direction))
        return "neither a setting nor up, down or both";
    for (int a = 0; n > 1 && a < WIRE_ACTIONS; a++)
        if (!strcmp(words[1], scenario_actions[a].name))
            action = a;
    if (action < 0)
        return "no such action";
    r->action = (enum wire_action)action;
    if (action == WIRE_COPY) {
        r->times = 1;
        r->gap_ns = 300000;
    }
    for (i = 2; i < n && strcmp(words[i], "when") != 0; i++)
        if (!scenario_actions[action].take || !scenario_actions[action].take(r, words[i]))
            return "no such argument of this action";
    if (scenario_actions[action].whole && !scenario_actions[action].whole(r))
        return scenario_actions[action].needs;
    if (i + 1 == n)
        return "no condition behind when";
    for (i++; i < n; i++)
        if (!scenario_condition(&r->when, words[i]))
            return "no such condition";
    if ((action == WIRE_RESET || action == WIRE_REFUSE) && !r->ttl)
        r->ttl = 64;
    return NULL;
}

static const char *
take_setting(struct wire_scenario *s, char **words, size_t n, bool *taken)
{
    static const char *const names[] = {"seed", "delay", "jitter", "rate", "sums", NULL};
    static const char *const sums[] = {"complete", "partial", NULL};
    int which = word_in(words[0], names), i;
    bool direction[2];

    *taken = which >= 0;
    if (which < 0)
        return NULL;
    if (which == 0)
        return n == 2 && word_number(words[1], UINT64_MAX, &s->seed) ? NULL : "seed needs a number";
    if (which == 4) {
        i = n == 2 ? word_in(words[1], sums) : -1;
        s->sums_partial = i == 1;
        return i >= 0 ? NULL : "sums are complete or partial";
    }
    if (n != 3 || !take_direction(words[1], direction))
        return "needs up, down or both, and a value";
    for (i = 0; i < 2; i++)
        if (direction[i] && !(which == 1   ? word_duration(words[2], &s->delay_ns[i])
                              : which == 2 ? word_duration(words[2], &s->jitter_ns[i])
                                           : word_rate(words[2], &s->rate[i])))
            return "the value cannot be read";
    return NULL;
}

/* Cuts the line into words, in place. */
static size_t
cut(char *line, char **words)
{
    size_t n = 0;

    line[strcspn(line, "#")] = '\0';
    for (char *at = line; *at && n < WORDS_MAX;) {
        while (isspace((unsigned char)*at))
            *at++ = '\0';
        if (*at)
            words[n++] = at;
        while (*at && !isspace((unsigned char)*at))
            at++;
    }
    return n;
}

static const char *
take_line(struct wire_scenario *s, char *line)
{
    char *words[WORDS_MAX];
    struct wire_rule *r = &s->rules[s->n_rules];
    size_t n = cut(line, words), at = 0;
    const char *wrong;
    bool setting;

    if (n == 0)
        return NULL;
    if (n == WORDS_MAX)
        return "too many words";
    if ((wrong = take_setting(s, words, n, &setting)) || setting)
        return wrong;
    if (s->n_rules == WIRE_RULES_MAX)
        return "too many rules";
    if ((wrong = take_rule(r, words, n)))
        return wrong;
    for (size_t i = 0; i < n && at < sizeof r->text; i++)
        at += (size_t)snprintf(r->text + at, sizeof r->text - at, "%s%s", i ? " " : "", words[i]);
    s->n_rules++;
    return NULL;
}

/* A direction has one shift of its numbers, by one rule; the SYN proxy minds both directions. */
static bool
shifts_twice(const struct wire_scenario *s)
{
    unsigned rules[2] = {0, 0};

    for (size_t i = 0; i < s->n_rules; i++)
        for (int d = 0; d < 2; d++)
            rules[d] +=
                s->rules[i].action == WIRE_SYNPROXY || (s->rules[i].action == WIRE_SEQ && s->rules[i].direction[d]);
    return rules[WIRE_UP] > 1 || rules[WIRE_DOWN] > 1;
}

int
wire_scenario_read(struct wire_scenario *s, FILE *in, const char *name, struct error *e)
{
    char line[512];
    unsigned number = 0;
    const char *wrong;

    memset(s, 0, sizeof *s);
    while (fgets(line, sizeof line, in)) {
        number++;
        if (!strchr(line, '\n') && !feof(in))
            return error_set(e, ERR_MALFORMED, "%s:%u: the line is too long", name, number);
        if ((wrong = take_line(s, line)))
            return error_set(e, ERR_MALFORMED, "%s:%u: %s", name, number, wrong);
    }
    if (shifts_twice(s))
        return error_set(e, ERR_MALFORMED, "%s: one rule of seq or synproxy a direction", name);
    return ferror(in) ? error_set(e, ERR_SYSTEM, "%s cannot be read", name) : 0;
}
