/* Strings made safe to print: common/escape.h, by the name under which the faces know it. */
#ifndef TWOPOINT_REPORT_ESCAPE_H
#define TWOPOINT_REPORT_ESCAPE_H

#include "common/escape.h"

#endif
