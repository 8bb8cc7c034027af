#include "correlate/options.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

#define MOST 40

/* Parse a line of words separated by blanks; "''" is an empty one. */
static int
parse(struct options *o, struct error *e, const char *line)
{
    static char copy[1024];
    char *argv[MOST] = {(char[]){"twopoint-correlate"}};
    int argc = 1;

    snprintf(copy, sizeof copy, "%s", line);
    for (char *word = copy; word && *word && argc < MOST; argc++) {
        char *blank = strchr(word, ' ');

        if (blank)
            *blank = '\0';
        argv[argc] = strcmp(word, "''") ? word : word + 2;
        word = blank ? blank + 1 : NULL;
    }
    return options_parse(o, argc, argv, e);
}

static const struct {
    const char *line, *error;
} wrong[] = {
    {"", "two POINTs are wanted: the captures of the client's and of the server's side"},
    {"a", "two POINTs are wanted: the captures of the client's and of the server's side"},
    {"a b c", "more than two POINTs: \"c\" is one too many"},
    {"a ''", "a POINT is an empty string"},
    {"- -", "both POINTs are standard input"},
    {"--pdf x a b", "there is no option --pdf"},
    {"-x a b", "there is no option -x"},
    {"--jso x a b", "there is no option --jso"},
    {"a b --json", "--json wants a value (FILE)"},
    {"--json= a b", "--json: the name of a file is missing"},
    {"--json x --json y a b", "--json: given twice"},
    {"--events x --events y a b", "--events: given twice"},
    {"--json - --events - a b", "--json and --events cannot both go to standard output"},
    {"--json x --events x a b", "--json and --events name the same file"},
    {"--html - --json - a b", "--json and --html cannot both go to standard output"},
    {"--html x --events x a b", "--events and --html name the same file"},
    {"--html x --html y a b", "--html: given twice"},
    {"--quiet=1 a b", "--quiet takes no value"},
    {"--quiet --verbose a b", "--quiet and --verbose contradict each other"},
    {"--names x a b", "--names: two names separated by a comma are wanted, not \"x\""},
    {"--names x,y,z a b", "--names: two names separated by a comma are wanted, not \"x,y,z\""},
    {"--names x,x a b", "--names: both points are named \"x\""},
    {"--names ,x a b", "--names: \"\" is no name: 1 to 32 letters, digits, dots, underscores, dashes"},
    {"--names x,y/z a b", "--names: \"y/z\" is no name: 1 to 32 letters, digits, dots, underscores, dashes"},
    {"--names x,123456789012345678901234567890123 a b",
     "--names: \"123456789012345678901234567890123\" is no name: 1 to 32 letters, digits, dots, underscores, dashes"},
    {"--names path,x a b", "--names: \"path\" has a meaning of its own in reports"},
    {"--names x,unknown a b", "--names: \"unknown\" has a meaning of its own in reports"},
    {"--from now a b", "--from: \"now\" is no time: RFC 3339 (2026-11-22T10:15:00Z) or seconds since 1970 are"},
    {"--to 12:30 a b", "--to: \"12:30\" is no time: RFC 3339 (2026-11-22T10:15:00Z) or seconds since 1970 are"},
    {"--from 2 --to 1 a b", "--from is later than --to"},
    {"--fail-on all a b", "--fail-on: \"proven\" or \"any\" is wanted, not \"all\""},
    {"--color yes a b", "--color: \"auto\", \"always\" or \"never\" is wanted, not \"yes\""},
    {"--top -1 a b", "--top: a number from 0 to 1000000 is wanted, not \"-1\""},
    {"--top 1x a b", "--top: a number from 0 to 1000000 is wanted, not \"1x\""},
    {"--threads 0 a b", "--threads: a number from 1 to 256 is wanted, not \"0\""},
    {"--threads 99999999999999999999 a b", "--threads: a number from 1 to 256 is wanted, not \"99999999999999999999\""},
    {"--capture-drops client a b", "--capture-drops: POINT=N is wanted, not \"client\""},
    {"--capture-drops client= a b", "--capture-drops: a number from 0 to 9223372036854775807 is wanted, not \"\""},
    {"--capture-drops home=3 a b",
     "--capture-drops: no point is named \"home\" (client and server are, unless --names says otherwise)"},
    {"--capture-drops client=3 --names x,y a b", "--capture-drops: no point is named \"client\""},
    {"--capture-drops x=3 --names x,y --capture-drops x=4 a b", "--capture-drops: given twice for \"x\""},
    {"--pubkey client a b", "--pubkey: POINT=FILE is wanted, not \"client\""},
    {"--pubkey client= a b", "--pubkey: POINT=FILE is wanted, not \"client=\""},
    {"--pubkey home=k a b",
     "--pubkey: no point is named \"home\" (client and server are, unless --names says otherwise)"},
    {"--pubkey y=k --names x,y --pubkey y=l a b", "--pubkey: given twice for \"y\""},
    {"--pubkey x=k --pubkey y=l --pubkey z=m a b", "--pubkey: given too often"},
};

START_TEST(every_mistake_is_named)
{
    struct options o;
    struct error e = {0};

    ck_assert_int_eq(parse(&o, &e, wrong[_i].line), -1);
    ck_assert_int_eq(e.code, ERR_USAGE);
    ck_assert_str_eq(e.text, wrong[_i].error);
}
END_TEST

START_TEST(nothing_given_is_the_default)
{
    struct options o;
    struct error e = {0};

    ck_assert_int_eq(parse(&o, &e, "a b"), 0);
    ck_assert_int_eq(o.action, ACTION_CORRELATE);
    ck_assert_str_eq(o.correlate.point[0], "a");
    ck_assert_str_eq(o.correlate.point[1], "b");
    ck_assert(!o.correlate.name[0] && !o.correlate.name[1] && !o.correlate.filter && !o.output[OUTPUT_JSON] &&
              !o.output[OUTPUT_EVENTS] && !o.output[OUTPUT_HTML]);
    ck_assert(o.correlate.from_ns == INT64_MIN && o.correlate.to_ns == INT64_MAX);
    ck_assert(!o.correlate.drops_stated[0] && !o.correlate.drops_stated[1] && !o.fail_on_proven && !o.redact);
    ck_assert(!o.quiet && !o.verbose && o.color == COLOR_AUTO && o.top == 20 && o.correlate.threads == 0);
}
END_TEST

START_TEST(options_may_stand_anywhere)
{
    struct options o;
    struct error e = {0};

    ck_assert_int_eq(parse(&o, &e,
                           "--json r.json a --events=e.ndjson --names x,y.z-1_ --filter tcp --from 1 - --to "
                           "1970-01-01T00:00:02Z --capture-drops y.z-1_=7 --pubkey x=k=1 --fail-on proven --redact "
                           "--top 3 --verbose --color always --threads 2 --html=r.html"),
                     0);
    ck_assert_str_eq(o.output[OUTPUT_JSON], "r.json");
    ck_assert_str_eq(o.output[OUTPUT_EVENTS], "e.ndjson");
    ck_assert_str_eq(o.output[OUTPUT_HTML], "r.html");
    ck_assert_str_eq(o.correlate.name[1], "y.z-1_");
    ck_assert_str_eq(o.correlate.filter, "tcp");
    ck_assert_str_eq(o.correlate.point[1], "-");
    ck_assert(o.correlate.from_ns == 1000000000 && o.correlate.to_ns == 2000000000);
    ck_assert(!o.correlate.drops_stated[0] && o.correlate.drops_stated[1] && o.correlate.drops[1] == 7);
    ck_assert(o.fail_on_proven && o.redact && o.top == 3 && o.verbose && o.color == COLOR_ALWAYS);
    ck_assert_int_eq(o.correlate.threads, 2);
    ck_assert_str_eq(o.pubkey[0], "k=1");
    ck_assert_ptr_null(o.pubkey[1]);
}
END_TEST

START_TEST(two_dashes_end_the_options)
{
    struct options o;
    struct error e = {0};

    ck_assert_int_eq(parse(&o, &e, "-- --json -x"), 0);
    ck_assert_str_eq(o.correlate.point[0], "--json");
    ck_assert_str_eq(o.correlate.point[1], "-x");
}
END_TEST

START_TEST(help_and_version_want_nothing_else)
{
    struct options o;
    struct error e = {0};

    ck_assert_int_eq(parse(&o, &e, "--help --nonsense"), 0);
    ck_assert_int_eq(o.action, ACTION_HELP);
    ck_assert_int_eq(parse(&o, &e, "-h"), 0);
    ck_assert_int_eq(o.action, ACTION_HELP);
    ck_assert_int_eq(parse(&o, &e, "a --version"), 0);
    ck_assert_int_eq(o.action, ACTION_VERSION);
}
END_TEST

START_TEST(redacting_hides_the_journals_names)
{
    struct options o;
    struct error e = {0};

    ck_assert_int_eq(parse(&o, &e, "--redact a b"), 0);
    ck_assert_str_eq(o.correlate.name[0], "client");
    ck_assert_str_eq(o.correlate.name[1], "server");
    ck_assert_int_eq(parse(&o, &e, "--redact --names p,q a b"), 0);
    ck_assert_str_eq(o.correlate.name[0], "p");
}
END_TEST

START_TEST(the_usage_fits_80_columns)
{
    char *text = NULL;
    size_t n = 0;
    FILE *out = open_memstream(&text, &n);

    options_usage(out);
    fclose(out);
    for (char *line = text, *end; (end = strchr(line, '\n')); line = end + 1)
        ck_assert_msg(end - line <= 80, "%.*s", (int)(end - line), line);
    ck_assert_ptr_nonnull(strstr(text, "--capture-drops POINT=N"));
    free(text);
}
END_TEST

int
main(void)
{
    Suite *s = suite_create("options");
    TCase *t = tcase_create("options");

    tcase_add_loop_test(t, every_mistake_is_named, 0, (int)(sizeof wrong / sizeof *wrong));
    tcase_add_test(t, nothing_given_is_the_default);
    tcase_add_test(t, options_may_stand_anywhere);
    tcase_add_test(t, two_dashes_end_the_options);
    tcase_add_test(t, help_and_version_want_nothing_else);
    tcase_add_test(t, redacting_hides_the_journals_names);
    tcase_add_test(t, the_usage_fits_80_columns);
    suite_add_tcase(s, t);
    SRunner *r = srunner_create(s);
    srunner_run_all(r, CK_ENV);
    const int failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed > 0;
}
