/* Making elements. Whatever comes from a capture becomes a text node; what would not be seen in it is spelled out. */

function visible(text) {
  return String(text).replace(
    /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u00ad\u061c\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff]/g,
    c => "\\u{" + c.charCodeAt(0).toString(16) + "}");
}

function h(tag, attributes, ...children) {
  const element = document.createElement(tag);
  Object.entries(attributes || {}).forEach(([name, value]) => {
    if (value === null || value === undefined || value === false) return;
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else element.setAttribute(name, value === true ? "" : value);
  });
  children.flat(3).forEach(child => {
    if (child === null || child === undefined || child === false) return;
    element.append(child instanceof Node ? child : document.createTextNode(visible(child)));
  });
  return element;
}

function button(text, action, attributes) {
  return h("button", Object.assign({ type: "button", onclick: action }, attributes), text);
}

function way(hop) {
  return names[hop] + " \u2192 " + names[1 - hop];
}

function frameName(frame) {
  const [p, file, n] = frame;
  return report.points[p].n_files > 1 ? names[p] + " file " + file + ": " + n : names[p] + " " + n;
}

function badge(text, kind) {
  return h("span", { class: "badge " + kind }, text);
}

/* ---- what shows beside a mark ---- */

const tip = document.getElementById("tip");

function showTip(lines, x, y) {
  tip.replaceChildren(...lines.map((line, i) => h(i ? "div" : "strong", {}, line)));
  tip.hidden = false;
  const box = tip.getBoundingClientRect();
  tip.style.setProperty("left", Math.max(4, Math.min(x + 14, innerWidth - box.width - 8)) + "px");
  tip.style.setProperty("top", (y + box.height + 24 > innerHeight ? Math.max(4, y - box.height - 12) : y + 14) + "px");
}

function hideTip() {
  tip.hidden = true;
}

/* Give marks a tip on hover and by keyboard: the picture takes one tab stop, arrow keys move from mark to mark. */
function explain(svg, selection, lines) {
  selection.attr("role", "img").attr("tabindex", -1).attr("aria-label", d => visible(lines(d).join(", ")))
    .on("mousemove.tip", function (d) { showTip(lines(d), d3.event.clientX, d3.event.clientY); })
    .on("mouseleave.tip", hideTip)
    .on("focus.tip", function (d) {
      const box = this.getBoundingClientRect();
      showTip(lines(d), box.x + box.width / 2, box.y + box.height);
    })
    .on("blur.tip", hideTip);
}

function stepThrough(svg, selector) {
  svg.on("keydown.step", function () {
    const move = { ArrowDown: 1, ArrowUp: -1 }[d3.event.key];
    if (d3.event.key === "Escape") { hideTip(); svg.node().focus(); return; }
    if (!move) return;
    const marks = [...svg.node().querySelectorAll(selector)];
    if (!marks.length) return;
    const at = marks.indexOf(document.activeElement);
    const next = marks[at < 0 ? (move > 0 ? 0 : marks.length - 1) : Math.min(marks.length - 1, Math.max(0, at + move))];
    next.focus({ preventScroll: false });
    d3.event.preventDefault();
  });
}

/* Draw when first shown, and again when the width has changed. */
function drawn(draw, attributes) {
  const box = h("div", Object.assign({ class: "drawing" }, attributes));
  let width = 0;
  const again = () => {
    const now = Math.max(320, Math.round(box.clientWidth));
    if (!box.isConnected || box.clientWidth === 0 || Math.abs(now - width) < 8) return;
    width = now;
    draw(box, width);
  };
  new ResizeObserver(again).observe(box);
  box.redraw = () => { if (width) draw(box, width); };
  return box;
}

/* An element whose content is made when it is first opened. */
function folding(attributes, summary, fill) {
  const details = h("details", attributes, h("summary", {}, summary));
  const make = () => {
    if (!details.open || details.dataset.filled) return;
    details.dataset.filled = "1";
    details.append(...[fill()].flat().filter(Boolean));
  };
  details.addEventListener("toggle", make);
  if (details.open) make();
  return details;
}

function copyable(text) {
  const done = h("span", { class: "copied", "aria-live": "polite" });
  const code = h("code", { tabindex: 0 }, text);
  return h("div", { class: "copyable" }, code, button("Copy", async () => {
    try {
      await navigator.clipboard.writeText(text);
      done.textContent = "copied";
    } catch (e) { /* a file: page may not reach the clipboard: select it instead */
      getSelection().selectAllChildren(code);
      done.textContent = "selected";
    }
  }), done);
}

/* The display filter for frames of one point, as Wireshark takes it; ranges where frames are neighbours. */
function displayFilter(frames) {
  const sorted = [...new Set(frames)].sort((a, b) => a - b), parts = [];
  for (let i = 0; i < sorted.length; i++) {
    let k = i;
    while (k + 1 < sorted.length && sorted[k + 1] === sorted[k] + 1) k++;
    parts.push(k > i + 1 ? sorted[i] + ".." + sorted[k] : sorted[i]);
    if (k === i + 1) parts.push(sorted[k]);
    i = k;
  }
  return "frame.number in {" + parts.join(", ") + "}";
}

function filters(frames) {
  const groups = new Map();
  frames.forEach(f => {
    const key = f[0] + "/" + f[1];
    groups.set(key, (groups.get(key) || []).concat(f[2]));
  });
  return [...groups].sort().map(([key, list]) => {
    const [p, file] = key.split("/").map(Number);
    const label = report.points[p].n_files > 1 ? names[p] + ", file " + file : names[p];
    return h("div", { class: "filter" }, h("span", { class: "label" }, "Wireshark, " + label), copyable(displayFilter(list)));
  });
}
