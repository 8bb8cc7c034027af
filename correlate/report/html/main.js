/* Put the page together, the answer first. */

function saidLeftOut() {
  const kinds = { resets: "reset train", events: "packet event", connections: "connection", charts: "drawn connection" };
  const lines = Object.entries(kinds).filter(([key]) => left[key][0] < left[key][1])
    .map(([key, word]) => key === "charts" ? `the packets of ${count(left.charts[1] - left.charts[0])} connections` : things(left[key][1] - left[key][0], word));
  const told = [];
  if (lines.length) told.push("Left out, so that this page stays small: " + lines.join(", ") + ". report.json and events.ndjson have all of it.");
  if (left.thinned) told.push(things(left.thinned, "long connection") + " drawn with a part of the ordinary frames.");
  return told.join(" ");
}

function followHash() {
  const m = /^#connection-(\d+)$/.exec(location.hash);
  if (m) showConnection(Number(m[1]));
}

function makeContents() {
  const nav = document.getElementById("contents");
  [...document.querySelectorAll("main > section")].forEach(section => {
    const title = section.querySelector("h2");
    if (!title) { section.remove(); return; }
    nav.append(h("a", { href: "#" + section.id }, title.textContent));
  });
}

document.getElementById("made").textContent = visible("report, " + report.created.slice(0, 19) + "Z" + (report.redacted ? ", redacted" : ""));
document.title = visible("twopoint: " + document.getElementById("verdict").textContent.slice(0, 120));
[["glance", showGlance], ["findings", showFindings], ["resets", showResets], ["packets", showPackets], ["path", showPath], ["connections", showTable]]
  .forEach(([id, show]) => show(document.getElementById(id)));
makeContents();
document.getElementById("left-out").textContent = saidLeftOut();
addEventListener("hashchange", followHash);
followHash();
document.body.dataset.ready = "1";
