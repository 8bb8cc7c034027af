/* What the correlator wrote into the page: correlate/report/html_*.c say what each row holds. */

function read(id) {
  const element = document.getElementById(id);
  return element ? JSON.parse(element.textContent) : null;
}

const report = read("data");
const left = read("left");
const base = BigInt(report.base);
const names = report.points.map(p => p.name);

const FIN = 1, SYN = 2, RST = 4, PSH = 8, ACK = 16;
const FLAG_NAMES = ["FIN", "SYN", "RST", "PSH", "ACK", "URG", "ECE", "CWR"];
const KINDS = ["lost", "injected", "missed", "unresolved", "duplicated", "reordered", "altered", "corrupted"];
const LEVELS = ["undecided", "supported", "proven"];

function flagNames(bits) {
  return FLAG_NAMES.filter((name, i) => bits >> i & 1).join(",") || "no flags";
}

/* ---- packet events ---- */

const events = (() => {
  let list = null, byId = null;
  function load() {
    list = read("event-rows").map(r => ({
      id: r[0], kind: r[1], level: r[2], hop: r[3], connection: r[4], time: r[5], point: r[6][0], frame: r[6],
      seq: r[7], len: r[8], segments: r[9], flags: r[10], due: r[11], more: r[12],
      evidence: r[13].map(e => ({ rule: e[0], text: e[1], frame: e[2] || null }))
    }));
    byId = new Map(list.map(e => [e.id, e]));
  }
  return {
    all() { if (!list) load(); return list; },
    get(id) { if (!list) load(); return byId.get(id); }
  };
})();

/* ---- the table of connections ---- */

const connections = (() => {
  const PAIRED = ["only at one point", "same", "translated", "terminated"];
  const ENDED = ["open", "closed", "reset", "unanswered"];
  const SELDOM = ["retransmitted", "spurious", "lost", "proven", "injected", "altered", "corrupted", "unresolved",
    "duplicated", "reordered", "missed"];
  const table = read("connection-rows");
  const place = new Map(), elsewhere = new Map();
  table.rows.forEach((row, i) => place.set(row[0], i));
  table.elsewhere.forEach(row => elsewhere.set(row[0], row));

  function end(address, port) {
    const a = table.addresses[address];
    return (a.includes(":") ? "[" + a + "]" : a) + ":" + port;
  }
  function pair(row, k) { return [row[k] || 0, row[k + 1] || 0]; }
  function open(row) {
    const bits = row[5] || 0, other = elsewhere.get(row[0]);
    const c = {
      id: row[0], client: end(row[1], row[2]), server: end(row[3], row[4]),
      other: other ? [end(other[1], other[2]), end(other[3], other[4])] : null,
      paired: PAIRED[bits & 3], compared: (bits & 3) === 1 || (bits & 3) === 2, initiator: bits >> 2 & 1,
      only: (bits & 3) === 0 ? names[bits >> 3 & 1] : null, ended: ENDED[bits >> 4 & 3], resets: (bits >> 6 & 1) === 1,
      first: (row[6] || 0) * 1000, length: (row[7] || 0) * 1000, rtt: row[8] === -1 ? null : (row[8] || 0) * 1000,
      sent: pair(row, 9), bytes: pair(row, 11)
    };
    SELDOM.forEach((name, k) => { c[name] = pair(row, 13 + 2 * k); });
    return c;
  }
  return {
    n: table.rows.length,
    at(i) { return open(table.rows[i]); },
    get(id) { return place.has(id) ? open(table.rows[place.get(id)]) : null; },
    raw: table.rows,
    ends: i => { const r = table.rows[i]; return end(r[1], r[2]) + " " + end(r[3], r[4]); },
    endedAt: i => ENDED[(table.rows[i][5] || 0) >> 4 & 3],
    pairedAt: i => PAIRED[(table.rows[i][5] || 0) & 3]
  };
})();

/* ---- what is drawn of a connection ---- */

/* Columns become records: { p, i, t, flags, hop, bad, seq, len, ack, window, frame, file, partner, event, again }. */
function openSide(side, p, scale) {
  let t = 0, n = 0;
  return side.t.map((dt, i) => {
    t += dt;
    n += side.n[i];
    const k = side.k[i], flags = k & 255, hop = k >> 8 & 1;
    const shift = flags & SYN ? 0 : scale[hop];
    return {
      p, i, t, flags, hop, bad: (k & 512) !== 0, seq: side.s[i], len: side.l[i], ack: side.a[i],
      window: shift < 0 ? null : side.w[i] * Math.pow(2, shift), frame: n, file: side.f ? side.f[i] : 0,
      partner: side.m[i], events: [], again: 0, pieces: 1, arrivals: []
    };
  });
}

const charts = (() => {
  const opened = new Map();
  function open(id) {
    const raw = read("chart-" + id);
    if (!raw) return null;
    const points = raw.points.map((side, p) => openSide(side, p, raw.scale));
    raw.again.forEach(([hop, place, kind, pieces]) => {
      points[hop][place].again = kind;
      points[hop][place].pieces = pieces;
    });
    points.forEach((list, p) => list.forEach(s => {
      if (s.hop === p && s.partner >= 0) s.arrivals.push(points[1 - p][s.partner]);
    }));
    raw.spans.forEach((list, hop) => list.forEach(([tx, rx]) => {
      const s = points[hop][tx], a = points[1 - hop][rx];
      if (!s.arrivals.includes(a)) s.arrivals.push(a);
      a.spanned = true;
    }));
    const marks = raw.events.map(([id, p, place, kind, level, segments, hop]) => {
      const mark = { id, segment: points[p][place], kind: KINDS[kind], level: LEVELS[level], segments, hop };
      mark.segment.events.push(mark);
      return mark;
    });
    const chart = {
      id, base: BigInt(raw.base), step: raw.step, of: raw.points.map(s => s.of), points, marks,
      unmarked: [raw.n_events - marks.length, raw.n_again - raw.again.length], errors: raw.errors,
      zero: raw.zero, scaled: raw.scale.every(s => s >= 0), files: raw.points.map(s => !!s.f)
    };
    chart.shift = Number(chart.base - base); /* of its times against the page's */
    return chart;
  }
  return {
    has: id => document.getElementById("chart-" + id) !== null,
    get(id) {
      if (!opened.has(id)) opened.set(id, open(id));
      return opened.get(id);
    }
  };
})();

/* The segment that tshark calls so: [point, file, frame]. */
function findFrame(chart, [p, file, frame]) {
  return chart.points[p].find(s => s.frame === frame && s.file === file) || null;
}

/* Half the width of what the clocks' difference may be, at t; null where nothing bounds it. */
function clockError(chart, t) {
  const piece = chart.errors.find(e => t <= e[1]) || chart.errors[chart.errors.length - 1];
  if (!piece || piece[2] === null || piece[3] === null) return null;
  const whole = piece[1] - piece[0];
  const part = whole > 0 ? Math.min(1, Math.max(0, (t - piece[0]) / whole)) : 0;
  return piece[2] + (piece[3] - piece[2]) * part;
}
