"use strict";
// Asks a few times a second what the receiver shows, and draws it.

const MOST_READINGS = 600;
const heard = { times: [], levels: [], peaks: [], most: [], last: null };
const byId = (id) => document.getElementById(id);

async function poll() {
  try {
    const answer = await fetch("level.json", { cache: "no-store" });
    const said = await answer.json();
    byId("name").textContent = said.name;
    if (said.time_s !== undefined) take(said);
    state(said.time_s === undefined ? "waiting for samples" : `${said.time_s.toFixed(1)} s`, said.clipped_share > 0);
  } catch (lost) {
    state("no answer: is `sdr-ota listen` still running?", true);
  }
  setTimeout(poll, 300);
}

function state(text, isBad) {
  byId("state").textContent = isBad && heard.last && heard.last.clipped_share > 0 ? `${text} · clipping` : text;
  byId("state").dataset.kind = isBad ? "bad" : "";
}

function take(said) {
  if (heard.last && said.time_s === heard.last.time_s) return;
  if (heard.last && said.time_s < heard.last.time_s) Object.assign(heard, { times: [], levels: [], peaks: [], most: [] });
  heard.last = said;
  heard.times.push(said.time_s);
  heard.levels.push(said.power_dbfs);
  heard.peaks.push(said.peak_dbfs);
  for (const list of [heard.times, heard.levels, heard.peaks]) if (list.length > MOST_READINGS) list.shift();
  heard.most = said.bin_dbfs.map((v, k) => Math.max(v, heard.most.length === said.bin_dbfs.length ? heard.most[k] : -Infinity));
  byId("facts").replaceChildren(...Object.entries(said.rows).map(([name, value]) => {
    const pair = document.createElement("div");
    pair.append(element("dt", name), element("dd", value));
    return pair;
  }));
  drawAll();
}

function element(kind, text) {
  const made = document.createElement(kind);
  made.textContent = text;
  return made;
}

function drawAll() {
  const said = heard.last, khz = said.frequency_hz.map((v) => v / 1e3);
  const edges = [said.occupied_low_hz, said.occupied_high_hz].map((v) => v / 1e3);
  const yRange = extent(said.bin_dbfs.concat(heard.most), 0.06);
  const where = said.center_freq_hz === null ? "the carrier" : `${said.center_freq_hz / 1e6} MHz`;
  const band = said.occupied_low_hz === null ? [] : [
    { kind: "band", x: edges, low: [yRange[0], yRange[0]], high: [yRange[1], yRange[1]], colour: "third", label: "99 % of the power" }];
  chart(byId("spectrum"), [
    ...band,
    { kind: "line", x: khz, y: heard.most, colour: "second", width: 1, label: "strongest so far" },
    { kind: "line", x: khz, y: said.bin_dbfs, colour: "first", label: "now" },
  ], { x: `frequency from ${where} (kHz)`, y: "power in a bin (dBFS)", yRange });
  chart(byId("levels"), [
    { kind: "line", x: heard.times, y: heard.peaks, colour: "second", label: "peak" },
    { kind: "line", x: heard.times, y: heard.levels, colour: "first", label: "mean" },
  ], { x: "time (s)", y: "level (dBFS)" });
}

window.addEventListener("resize", () => heard.last && drawAll());
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => heard.last && drawAll());
poll();
