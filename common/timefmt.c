/* Days and dates by Hinnant's algorithms on the proleptic Gregorian calendar: years begin in March, so that the leap
 * day is the last of its year, and 400 years are one era of 146097 days. No time zone of the machine is asked. */
#include "common/timefmt.h"

#include "common/seqnum.h"

#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

enum { DAY_S = 86400, ERA_DAYS = 146097, EPOCH_DAYS = 719468 /* from 0000-03-01 to 1970-01-01 */ };

struct date {
    int year, month, day;
};

static int64_t
floor_div(int64_t a, int64_t b)
{
    return a / b - (a % b < 0);
}

static struct date
date_of(int64_t days)
{
    int64_t era = floor_div(days + EPOCH_DAYS, ERA_DAYS);
    int doe = (int)(days + EPOCH_DAYS - era * ERA_DAYS);
    int yoe = (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365;
    int doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
    int mp = (5 * doy + 2) / 153;
    struct date d;

    d.day = doy - (153 * mp + 2) / 5 + 1;
    d.month = mp < 10 ? mp + 3 : mp - 9;
    d.year = (int)(yoe + era * 400) + (d.month <= 2);
    return d;
}

static int64_t
days_of(struct date d)
{
    int year = d.year - (d.month <= 2);
    int64_t era = floor_div(year, 400);
    int yoe = (int)(year - era * 400);
    int doy = (153 * (d.month > 2 ? d.month - 3 : d.month + 9) + 2) / 5 + d.day - 1;

    return era * ERA_DAYS + yoe * 365 + yoe / 4 - yoe / 100 + doy - EPOCH_DAYS;
}

void
timefmt_utc(int64_t ns, char out[TIMEFMT_SIZE])
{
    int64_t seconds = floor_div(ns, NS_PER_S), days = floor_div(seconds, DAY_S);
    int within = (int)(seconds - days * DAY_S), fraction = (int)(ns % NS_PER_S);
    struct date d = date_of(days);

    if (fraction < 0)
        fraction += NS_PER_S;
    snprintf(out, TIMEFMT_SIZE, "%04d-%02d-%02dT%02d:%02d:%02d.%09dZ", d.year, d.month, d.day, within / 3600,
             within / 60 % 60, within % 60, fraction);
}

/* Exactly `n` digits at *p, which moves past them; -1 when there are not as many. */
static int
digits(const char **p, int n)
{
    int value = 0;

    for (; n > 0; n--, (*p)++) {
        if (**p < '0' || **p > '9')
            return -1;
        value = 10 * value + (**p - '0');
    }
    return value;
}

static bool
literal(const char **p, const char *any_of)
{
    if (**p == '\0' || !strchr(any_of, **p))
        return false;
    (*p)++;
    return true;
}

/* ".123" in nanoseconds, 0 where there is no stop; -1 when it is no fraction. */
static int
fraction(const char **p)
{
    int value = 0, n = 0;

    if (!literal(p, ".,"))
        return 0;
    for (; **p >= '0' && **p <= '9' && n < 9; n++, (*p)++)
        value = 10 * value + (**p - '0');
    if (n == 0)
        return -1;
    for (; n < 9; n++)
        value *= 10;
    return value;
}

/* "Z", "+01:00", "-0530": seconds to be taken off. */
static bool
zone(const char **p, int *seconds)
{
    int sign, hours, minutes;

    *seconds = 0;
    if (literal(p, "Zz"))
        return true;
    sign = **p == '-' ? -1 : 1;
    if (!literal(p, "+-"))
        return false;
    hours = digits(p, 2);
    literal(p, ":");
    minutes = digits(p, 2);
    *seconds = sign * (hours * 3600 + minutes * 60);
    return hours >= 0 && hours <= 23 && minutes >= 0 && minutes <= 59;
}

static bool
join(int64_t seconds, int64_t nanoseconds, int64_t *ns)
{
    /* The product alone may lie just below what an int64_t holds while the sum does not. */
    if (seconds < 0 && nanoseconds > 0) {
        seconds++;
        nanoseconds -= NS_PER_S;
    }
    return !__builtin_mul_overflow(seconds, NS_PER_S, ns) && !__builtin_add_overflow(*ns, nanoseconds, ns);
}

static int
days_in(int year, int month)
{
    static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};

    return days[month - 1] + (month == 2 && (year % 4 == 0 && (year % 100 != 0 || year % 400 == 0)));
}

static bool
parse_rfc3339(const char *p, int64_t *ns)
{
    struct date d;
    int hour, minute, second, nanoseconds, offset;

    d.year = digits(&p, 4);
    if (d.year < 0 || !literal(&p, "-") || (d.month = digits(&p, 2)) < 1 || d.month > 12 || !literal(&p, "-"))
        return false;
    d.day = digits(&p, 2);
    if (d.day < 1 || d.day > days_in(d.year, d.month) || !literal(&p, "Tt "))
        return false;
    if ((hour = digits(&p, 2)) < 0 || hour > 23 || !literal(&p, ":"))
        return false;
    if ((minute = digits(&p, 2)) < 0 || minute > 59 || !literal(&p, ":"))
        return false;
    if ((second = digits(&p, 2)) < 0 || second > 60 || (nanoseconds = fraction(&p)) < 0 || !zone(&p, &offset))
        return false;
    return *p == '\0' && join(days_of(d) * DAY_S + hour * 3600 + minute * 60 + second - offset, nanoseconds, ns);
}

static bool
parse_epoch(const char *p, int64_t *ns)
{
    bool negative = literal(&p, "-");
    int64_t seconds = 0;
    int nanoseconds, n = 0;

    for (; *p >= '0' && *p <= '9' && n < 11; n++, p++)
        seconds = 10 * seconds + (*p - '0');
    nanoseconds = fraction(&p);
    if (n == 0 || *p != '\0' || nanoseconds < 0)
        return false;
    return negative ? join(-seconds, -nanoseconds, ns) : join(seconds, nanoseconds, ns);
}

int
timefmt_parse(const char *text, int64_t *ns, struct error *e)
{
    *ns = 0;
    if (parse_rfc3339(text, ns) || parse_epoch(text, ns))
        return 0;
    *ns = 0;
    return error_set(e, ERR_USAGE,
                     "\"%s\" is no time: write 2026-11-22T10:15:00.5Z, 2026-11-22T11:15:00+01:00 or 1700000000.5",
                     text);
}
