/* The tests behind the findings. All sums run from the observed value towards the rarer end, where terms only shrink,
 * and stop once they no longer count. */

#include "correlate/findings/findings_internal.h"

#include <math.h>

#define Z95       1.959964
#define MAX_TERMS 2000

void
stats_wilson(uint64_t k, uint64_t n, double *low, double *high)
{
    double p = (double)k / (double)n, z = Z95, d = 1 + z * z / (double)n;
    double mid = p + z * z / (2 * (double)n);
    double half = z * sqrt(p * (1 - p) / (double)n + z * z / (4 * (double)n * (double)n));

    *low = k == 0 ? 0 : fmax(0, (mid - half) / d);
    *high = k == n ? 1 : fmin(1, (mid + half) / d);
}

static double
log_choose(double n, double k)
{
    return lgamma(n + 1) - lgamma(k + 1) - lgamma(n - k + 1);
}

double
stats_fisher(uint64_t k, uint64_t n, uint64_t bad, uint64_t all)
{
    double sum = 0, whole = log_choose((double)all, (double)n), expected = (double)n * (double)bad / (double)all;
    uint64_t most = n < bad ? n : bad;

    if (k == 0 || (double)k <= expected)
        return 1;
    for (uint64_t i = k; i <= most && i - k < MAX_TERMS; i++) {
        double term;

        if (n - i > all - bad)
            continue;
        term = exp(log_choose((double)bad, (double)i) + log_choose((double)(all - bad), (double)(n - i)) - whole);
        sum += term;
        if (term < sum * 1e-9)
            break;
    }
    return fmin(sum, 1);
}

double
stats_binomial(uint64_t k, uint64_t n, double p)
{
    double sum = 0;

    if (k == 0 || (double)k <= p * (double)n)
        return 1;
    for (uint64_t i = k; i <= n && i - k < MAX_TERMS; i++) {
        double term = exp(log_choose((double)n, (double)i) + (double)i * log(p) + (double)(n - i) * log1p(-p));

        sum += term;
        if (term < sum * 1e-9)
            break;
    }
    return fmin(sum, 1);
}

double
stats_runs(uint64_t runs, uint64_t lost, uint64_t sent)
{
    double l = (double)lost, a = (double)(sent - lost), n = (double)sent;
    double mean = l * (a + 1) / n, var = l * (l - 1) * a * (a + 1) / (n * n * (n - 1));

    return var > 0 ? (mean - (double)runs) / sqrt(var) : 0;
}
