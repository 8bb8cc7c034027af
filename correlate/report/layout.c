#include "correlate/report/layout.h"

#include "common/escape.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

void
layout_start(struct layout *l, FILE *out, bool color)
{
    *l = (struct layout){.out = out, .color = color, .fresh = true};
}

void
layout_style(struct layout *l, enum style s)
{
    static const char *const codes[] = {"\033[0m", "\033[1m", "\033[1;31m", "\033[1;33m", "\033[1;34m", "\033[1;32m"};

    if (l->color)
        fputs(codes[s], l->out);
}

void
layout_newline(struct layout *l)
{
    fputc('\n', l->out);
    l->column = l->indent = 0;
    l->fresh = true;
}

void
layout_mark(struct layout *l, enum mark m)
{
    static const char *const marks[] = {"### ", "- "};

    if (l->markdown)
        fputs(marks[m], l->out);
}

/* In Markdown a line that goes on with an item is indented by two. */
static void
markdown_column(struct layout *l)
{
    if (!l->fresh)
        fputs("\n  ", l->out);
    l->fresh = true;
}

void
layout_column(struct layout *l, size_t column)
{
    if (l->markdown) {
        markdown_column(l);
        return;
    }
    if (l->column >= column && l->column > 0)
        layout_newline(l);
    l->indent += column - l->column;
    l->column = column;
    l->fresh = true;
}

/* As much of a word as fits into `room` columns, whole characters and escapes: bytes. At least one character. */
static size_t
fitting(const char *word, size_t n, size_t room)
{
    size_t at = 0, width = 0;
    uint32_t code;

    while (at < n) {
        size_t k = utf8_next(word + at, &code), w = k ? (size_t)code_width(code) : 1;
        if (word[at] == '\\' && word[at + 1] == 'x' && n - at >= 4)
            k = w = 4;
        if (at > 0 && width + w > room)
            break;
        width += w;
        at += k ? k : 1;
    }
    return at;
}

static void
put_piece(struct layout *l, const char *word, size_t n)
{
    fprintf(l->out, "%*s", (int)l->indent, "");
    l->indent = 0;
    l->fresh = false;
    fwrite(word, 1, n, l->out);
    l->column += text_width(word, n);
}

/* A word too long for any line is broken where the line ends. */
static void
put_word(struct layout *l, size_t hang, const char *word, size_t n, bool glue)
{
    const size_t width = text_width(word, n), blank = !glue && !l->fresh;

    if (l->column + blank + width > COLUMNS && !l->fresh) {
        layout_newline(l);
        layout_column(l, hang);
    } else if (blank) {
        put_piece(l, " ", 1);
    }
    while (n > 0) {
        const size_t k = fitting(word, n, COLUMNS - l->column);

        put_piece(l, word, k);
        word += k;
        n -= k;
        if (n > 0) {
            layout_newline(l);
            layout_column(l, hang);
        }
    }
}

static void
wrap(struct layout *l, size_t hang, const char *safe, bool glue)
{
    for (;;) {
        safe += strspn(safe, " ");
        const size_t n = strcspn(safe, " ");
        if (n == 0)
            return;
        put_word(l, hang, safe, n, glue);
        glue = false;
        safe += n;
    }
}

static void
print_markdown(struct layout *l, const char *safe, bool glue)
{
    safe += strspn(safe, " ");
    if (*safe && !glue && !l->fresh)
        fputc(' ', l->out);
    l->fresh = l->fresh && !*safe;
    fputs(safe, l->out);
}

static void
put_text(struct layout *l, size_t hang, const char *text, bool glue)
{
    const size_t room = 5 * strlen(text) + 1;
    char small[2048], *safe = room > sizeof small ? malloc(room) : small;

    if (!safe) /* rather cut short than unsafe */
        safe = small;
    const size_t n = safe == small ? sizeof small : room;
    if (l->markdown)
        print_markdown(l, escape_markdown(text, safe, n), glue);
    else
        wrap(l, hang, escape_terminal(text, safe, n), glue);
    if (safe != small)
        free(safe);
}

void
layout_text(struct layout *l, size_t hang, const char *text)
{
    put_text(l, hang, text, true);
}

void
layout_code(struct layout *l, size_t hang, const char *text)
{
    const size_t room = 4 * strlen(text) + 1;
    char *safe;

    if (!l->markdown) {
        layout_more(l, hang, text);
        return;
    }
    safe = malloc(room);
    fputs(l->fresh ? "`" : " `", l->out);
    for (const char *c = safe ? escape_terminal(text, safe, room) : ""; *c; c++)
        *c == '`' ? (void)fputs("\\x60", l->out) : (void)fputc(*c, l->out);
    fputc('`', l->out);
    l->fresh = false;
    free(safe);
}

void
layout_more(struct layout *l, size_t hang, const char *text)
{
    put_text(l, hang, text, false);
}

void
layout_print(struct layout *l, size_t hang, const char *format, ...)
{
    char text[4096];
    va_list args;

    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    layout_text(l, hang, text);
}

void
layout_heading(struct layout *l, const char *text)
{
    layout_newline(l);
    if (l->markdown)
        fputs("## ", l->out);
    layout_style(l, STYLE_BOLD);
    layout_text(l, 0, text);
    layout_style(l, STYLE_PLAIN);
    layout_newline(l);
    if (l->markdown)
        layout_newline(l);
}

const char *
format_count(uint64_t n, char out[NUMBER_TEXT])
{
    char digits[24];
    const int len = snprintf(digits, sizeof digits, "%" PRIu64, n);
    int at = 0;

    for (int i = 0; i < len; i++) {
        if (i > 0 && (len - i) % 3 == 0)
            out[at++] = ',';
        out[at++] = digits[i];
    }
    out[at] = '\0';
    return out;
}

const char *
format_things(uint64_t n, const char *thing, char out[64])
{
    char count[NUMBER_TEXT];

    snprintf(out, 64, "%s %s%s", format_count(n, count), thing, n == 1 ? "" : "s");
    return out;
}

const char *
format_duration(int64_t ns, char out[NUMBER_TEXT])
{
    const double size = ns < 0 ? -(double)ns : (double)ns;

    if (size >= (double)(INT64_MAX / 4))
        snprintf(out, NUMBER_TEXT, "unbounded");
    else if (size < 1e3)
        snprintf(out, NUMBER_TEXT, "%" PRId64 " ns", ns);
    else if (size < 1e6)
        snprintf(out, NUMBER_TEXT, "%.1f us", (double)ns / 1e3);
    else if (size < 1e9)
        snprintf(out, NUMBER_TEXT, "%.1f ms", (double)ns / 1e6);
    else if (size < 7200e9)
        snprintf(out, NUMBER_TEXT, "%.3f s", (double)ns / 1e9);
    else
        snprintf(out, NUMBER_TEXT, "%.2f h", (double)ns / 3600e9);
    return out;
}
