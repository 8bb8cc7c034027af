/* Times and numbers as people read them. Moments are nanoseconds after a base, the base a BigInt. */

function utc(base, offset) {
  const ns = base + BigInt(offset);
  const second = 1000000000n;
  let whole = ns / second, part = ns % second;
  if (part < 0n) { part += second; whole -= 1n; }
  const date = new Date(Number(whole) * 1000);
  return date.toISOString().slice(0, 19) + "." + String(part).padStart(9, "0") + "Z";
}

/* The time of day only, to the microsecond: for labels beside a full time. */
function clockTime(base, offset) {
  return utc(base, offset).slice(11, 26);
}

function trim(v) {
  return v >= 100 ? v.toFixed(0) : v >= 10 ? v.toFixed(1) : v.toFixed(2).replace(/0$/, "");
}

function duration(ns) {
  if (ns === 0) return "0 s";
  const a = Math.abs(ns), sign = ns < 0 ? "\u2212" : "";
  if (a < 1000) return sign + a.toFixed(0) + " ns";
  if (a < 1e6) return sign + trim(a / 1e3) + " \u00b5s";
  if (a < 1e9) return sign + trim(a / 1e6) + " ms";
  return sign + (a < 1e12 ? trim(a / 1e9) : Math.round(a / 1e9).toLocaleString("en")) + " s";
}

/* A whole number of nanoseconds, given as decimal digits, in seconds with nine places. */
function exactSeconds(digits) {
  const negative = digits.startsWith("-");
  const d = (negative ? digits.slice(1) : digits).padStart(10, "0");
  return (negative ? "\u2212" : "") + d.slice(0, -9) + "." + d.slice(-9) + " s";
}

function count(n) {
  return n.toLocaleString("en");
}

function things(n, word) {
  return count(n) + " " + word + (n === 1 ? "" : "s");
}

function percent(part, whole) {
  if (!whole) return "\u2013";
  const p = 100 * part / whole;
  return (p === 0 ? "0" : p < 0.01 ? p.toPrecision(1) : p < 10 ? p.toFixed(2) : p.toFixed(1)) + " %";
}
