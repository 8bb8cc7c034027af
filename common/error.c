#include "common/error.h"

#include <stdarg.h>
#include <stdio.h>

int
error_set(struct error *e, enum error_code code, const char *format, ...)
{
    if (e) {
        va_list ap;
        e->code = code;
        va_start(ap, format);
        vsnprintf(e->text, sizeof e->text, format, ap);
        va_end(ap);
    }
    return -1;
}
