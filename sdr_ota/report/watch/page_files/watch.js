"use strict";
// Asks every second, or less often of a very long run, what is new in the run folder, and draws it.

const run = { generation: -1, first: 0, columns: null, capture: null, captureName: "", last: null };
const MOST_LABELS = 4; // those that the model does worst on
const MOST_WORK = 50; // one second of work in this many: the run has the processor
const byId = (id) => document.getElementById(id);
const at = (list, keep) => list.filter((_, k) => keep[k]);

async function ask(path) {
  const answer = await fetch(path, { cache: "no-store" });
  if (!answer.ok) return null;
  return answer.json();
}

async function poll() {
  let pause_ms = 1000;
  try {
    const said = await ask(`progress.json?generation=${run.generation}&first=${run.first}`);
    if (said.error) {
      state(said.error, "bad");
    } else {
      take(said);
      await takeCapture(said.captures);
      show(said);
      pause_ms = Math.max(pause_ms, MOST_WORK * 1000 * said.work_s);
    }
  } catch (lost) {
    state("no answer: is `sdr-ota watch` still running?", "bad");
  }
  setTimeout(poll, pause_ms);
}

function take(said) {
  if (said.generation !== run.generation || run.columns === null) {
    run.columns = said.new;
  } else {
    for (const [name, values] of Object.entries(said.new)) run.columns[name].push(...values);
  }
  run.generation = said.generation;
  run.first = said.n_rounds;
}

async function takeCapture(names) {
  const choice = byId("choice"), chosen = choice.value || "latest";
  const latest = names.length ? names[names.length - 1] : "";
  const offered = ["latest", ...names.slice(-200).reverse()];
  if (choice.dataset.offered !== offered.join()) {
    choice.replaceChildren(...offered.map((name) => new Option(name, name)));
    choice.value = offered.includes(chosen) ? chosen : "latest";
    choice.dataset.offered = offered.join();
  }
  const wanted = choice.value === "latest" ? latest : choice.value;
  if (wanted && wanted !== run.captureName) {
    const seen = await ask(`capture.json?name=${encodeURIComponent(wanted)}`);
    if (seen) { run.capture = seen; run.captureName = wanted; }
  }
}

function state(text, kind) {
  byId("state").textContent = text;
  byId("state").dataset.kind = kind || "";
}

function show(said) {
  run.last = said;
  document.title = `${said.name} · sdr-ota watch`;
  byId("name").textContent = `run ${said.name}`;
  byId("bar").value = said.n_planned ? said.n_rounds / said.n_planned : 0;
  const place = `round ${said.n_rounds} of ${said.n_planned ?? "?"}`;
  const isBad = said.verdict[0] === "bad", link = isBad ? ` · bad link: ${said.verdict[1]}` : "";
  if (said.stop.ending) {
    state(`${place} · ended, ${said.stop.ending}: ${said.stop.why}${link}`, said.stop.ending === "success" && !isBad ? "" : "bad");
  } else if (said.quiet_s !== null && said.quiet_s > 10) {
    state(`${place} · no new round for ${Math.round(said.quiet_s)} s`, "bad");
  } else {
    state(`${place} · running${link}`, isBad ? "bad" : "");
  }
  facts(said);
  drawAll(said);
}

function facts(said) {
  const lost = Object.values(said.erasures).reduce((a, b) => a + b, 0);
  const score = said.scores.length ? said.scores[said.scores.length - 1][1].toFixed(3) : "–";
  const db = (v) => (v === null ? "–" : `${v.toFixed(1)} dB`);
  const rows = {
    link: said.verdict.filter(Boolean).join(": "),
    scheme: said.scheme, clients: said.n_clients, radios: said.driver,
    pace: said.pace === null ? "–" : `${said.pace.toFixed(1)} rounds/s`,
    "NMSE, measured": db(said.nmse_db) + (said.nmse_db > 0 ? ", worse than answering 0" : ""), "NMSE, theory": db(said.theory_nmse_db),
    "clipped scalars": said.clipped_share === null ? "–" : `${(100 * said.clipped_share).toFixed(1)} %`,
    "NMSE, unclipped": db(said.unclipped_nmse_db),
    [`held-out ${said.score_name}`]: score,
    ...heldOut(said),
    erased: `${lost} (${((100 * lost) / Math.max(said.n_rounds, 1)).toFixed(1)} %)`,
    "rounds without a node": said.incomplete,
  };
  byId("facts").replaceChildren(...Object.entries(rows).map(([name, value]) => {
    const pair = document.createElement("div");
    pair.append(element("dt", name), element("dd", String(value ?? "–")));
    return pair;
  }));
  byId("erasures").replaceChildren(...Object.entries(said.erasures).map(([reason, count]) => {
    const row = document.createElement("tr");
    row.append(element("td", reason), element("td", String(count)),
      element("td", `check first: ${said.check_first[reason]}`));
    return row;
  }));
  byId("detail").textContent = said.last_detail ? `The last one: ${said.last_detail}` : "none so far";
}

function heldOut(said) {
  const rows = {}, last = said.held_out_losses[said.held_out_losses.length - 1];
  if (last) rows["held-out loss"] = `${last[1].toFixed(4)} nat`;
  const worst = said.label_scores.slice(0, MOST_LABELS);
  if (worst.length) rows["right by label"] = worst.map(([label, share]) => `${label}: ${share.toFixed(2)}`).join(", ");
  return rows;
}

function element(kind, text) {
  const made = document.createElement(kind);
  made.textContent = text;
  return made;
}

function smooth(values, width) {
  let sum = 0;
  return values.map((v, k) => {
    sum += v - (k >= width ? values[k - width] : 0);
    return sum / Math.min(k + 1, width);
  });
}

function drawAll(said) {
  const c = run.columns, good = c.decoded.map((v) => v !== null);
  const rounds = at(c.round, good), trues = at(c.true, good), decoded = at(c.decoded, good);
  const withLoss = c.loss.map((v) => v !== null), losses = at(c.loss, withLoss);
  const width = Math.max(1, Math.floor(losses.length / 20));
  chart(byId("learning"), [
    { kind: "line", x: at(c.round, withLoss), y: losses, colour: "rule", width: 1, label: "training loss" },
    { kind: "line", x: at(c.round, withLoss), y: smooth(losses, width), colour: "third", label: `mean of ${width}` },
    { kind: "line", x: said.held_out_losses.map((s) => s[0]), y: said.held_out_losses.map((s) => s[1]), colour: "second", label: "held-out loss" },
    { kind: "line", x: said.scores.map((s) => s[0]), y: said.scores.map((s) => s[1]), colour: "first", right: true, label: said.score_name },
    { kind: "points", x: said.scores.map((s) => s[0]), y: said.scores.map((s) => s[1]), colour: "first", right: true, size: 3 },
  ], { x: "round", y: "loss (nat)", right: said.scores.length ? `held-out ${said.score_name}` : "", rightRange: [0, 1] });

  const ends = extent(trues.concat(decoded), 0.05);
  chart(byId("sums"), [
    { kind: "line", x: ends, y: ends, colour: "third", dash: [4, 3], width: 1 },
    { kind: "points", x: trues, y: decoded, colour: "first" },
  ], { x: "true sum of the symbols", y: "decoded sum", xRange: ends, yRange: ends });

  const spread = at(c.std, good);
  chart(byId("errors"), [
    { kind: "band", x: rounds, low: spread.map((s) => -2 * s), high: spread.map((s) => 2 * s), colour: "third", label: "receiver's own" },
    { kind: "points", x: rounds, y: decoded.map((d, k) => d - trues[k]), colour: "first", label: "measured" },
  ], { x: "round", y: "decoded − true" });

  drawCapture();
  chart(byId("health"), [
    { kind: "points", x: rounds, y: at(c.noise_db, good), colour: "first", label: "noise of a chip" },
    { kind: "points", x: rounds, y: at(c.cfo_hz, good), colour: "second", right: true, label: "CFO of the lead node" },
  ], { x: "round", y: "noise power (dB full scale)", right: "CFO (Hz)" });
}

function drawCapture() {
  const seen = run.capture;
  const none = "no capture kept (captures.every)";
  chart(byId("spectrum"), seen ? [{ kind: "line", x: seen.frequency_khz, y: seen.power_db, colour: "first" }] : [],
    { x: "frequency from the carrier (kHz)", y: "power in a bin (dB full scale)", empty: none });
  let reach = 0;
  if (seen) for (const v of [...seen.i, ...seen.q]) reach = Math.max(reach, Math.abs(v));
  reach = 1.1 * (reach || 1);
  const dot = seen && seen.i.length ? [
    { kind: "points", x: seen.i, y: seen.q, colour: "first", alpha: 0.5, label: "chips" },
  ] : [];
  if (dot.length && seen.is_around_sum) {
    dot.push({ kind: "points", x: [seen.true], y: [0], colour: "second", size: 4, label: "true sum" });
  }
  chart(byId("constellation"), dot, { x: "I (symbols of 1)", y: "Q", square: true,
    xRange: [-reach, reach], yRange: [-reach, reach], empty: seen ? "no frame found in it" : none });
  byId("capture-note").textContent = !seen ? "" : seen.erasure
    ? `round ${seen.round} was erased: ${seen.erasure}`
    : `round ${seen.round}: true ${seen.true.toFixed(3)}, decoded ${seen.decoded.toFixed(3)}`;
  byId("constellation").title = seen ? seen.detail || seen.not_aligned : "";
}

byId("choice").addEventListener("change", async () => {
  await takeCapture(run.last ? run.last.captures : []);
  drawCapture();
});
window.addEventListener("resize", () => run.last && drawAll(run.last));
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => run.last && drawAll(run.last));
poll();
