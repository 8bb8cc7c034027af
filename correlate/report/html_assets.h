/* The parts of the page that do not depend on the report: correlate/report/html/, and D3, embedded at build time. */
#ifndef TWOPOINT_REPORT_HTML_ASSETS_H
#define TWOPOINT_REPORT_HTML_ASSETS_H

#include <stddef.h>

struct html_asset {
    const unsigned char *bytes;
    size_t size;
};
extern const struct html_asset html_asset_page;    /* the skeleton, with @@name@@ where html.c fills in */
extern const struct html_asset html_asset_style;   /* page.css */
extern const struct html_asset html_asset_d3;      /* d3.min.js */
extern const struct html_asset html_asset_licence; /* of D3 */
extern const struct html_asset html_asset_app;     /* our scripts, one after the other */

#endif
