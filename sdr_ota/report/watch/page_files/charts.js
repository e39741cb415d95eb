"use strict";
// Charts on a canvas: axes with units, points, lines and bands. Nothing else, nothing foreign.

const MARGIN = { left: 58, right: 12, top: 22, bottom: 38 };

function colour(name) {
  return getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();
}

function extent(values, margin) {
  let low = Infinity, high = -Infinity;
  for (const v of values) {
    if (v === null || !Number.isFinite(v)) continue;
    if (v < low) low = v;
    if (v > high) high = v;
  }
  if (low > high) return [0, 1];
  const more = (high - low || Math.abs(high) * 0.1 || 1) * margin;
  return [low - more, high + more];
}

function ticks(low, high, count) {
  const raw = (high - low) / count, power = 10 ** Math.floor(Math.log10(raw));
  const step = [1, 2, 5, 10].map((m) => m * power).find((s) => s >= raw);
  const made = [];
  for (let k = Math.ceil(low / step); k * step <= high + step * 1e-9; k++) made.push(k * step);
  return { made, digits: Math.max(0, -Math.floor(Math.log10(step) + 1e-9)) };
}

// series: {kind: "line" | "points" | "band", x, y, (low, high), colour, label, right}
// axes: {x: "label", y: "label", right: "label", square, xRange, yRange, rightRange}
function chart(canvas, series, axes) {
  const scale = window.devicePixelRatio || 1;
  const width = canvas.clientWidth, height = canvas.clientHeight;
  canvas.width = width * scale;
  canvas.height = height * scale;
  const pen = canvas.getContext("2d");
  pen.scale(scale, scale);
  pen.clearRect(0, 0, width, height);
  pen.font = "12px system-ui, sans-serif";
  const shown = series.filter((s) => s.x.length > 0);
  if (shown.length === 0) {
    pen.fillStyle = colour("pale");
    pen.fillText(axes.empty || "nothing yet", MARGIN.left, height / 2);
    return;
  }
  const box = { left: MARGIN.left, top: MARGIN.top, bottom: height - MARGIN.bottom,
    right: width - (axes.right ? MARGIN.left : MARGIN.right) };
  if (axes.square) {
    const side = Math.min(box.right - box.left, box.bottom - box.top);
    box.left += (box.right - box.left - side) / 2;
    box.right = box.left + side;
    box.top = box.bottom - side;
  }
  const all = (list, names) => list.flatMap((s) => names.flatMap((n) => s[n] || []));
  const place = (range, from, to) => (v) => from + ((v - range[0]) / (range[1] - range[0])) * (to - from);
  const xRange = axes.xRange || extent(all(shown, ["x"]), 0.02);
  const sides = { left: shown.filter((s) => !s.right), right: shown.filter((s) => s.right) };
  const yRanges = {
    left: axes.yRange || extent(all(sides.left, ["y", "low", "high"]), 0.06),
    right: axes.rightRange || extent(all(sides.right, ["y"]), 0.06),
  };
  const toX = place(xRange, box.left, box.right);
  const toY = { left: place(yRanges.left, box.bottom, box.top), right: place(yRanges.right, box.bottom, box.top) };

  pen.fillStyle = colour("pale");
  pen.lineWidth = 1;
  const grid = (range, draw, count) => {
    const { made, digits } = ticks(range[0], range[1], count);
    for (const v of made) draw(v, v.toFixed(digits));
  };
  grid(xRange, (v, text) => {
    rule(pen, toX(v), box.top, toX(v), box.bottom);
    write(pen, text, toX(v), box.bottom + 15, "center");
  }, 6);
  if (sides.left.length) grid(yRanges.left, (v, text) => {
    rule(pen, box.left, toY.left(v), box.right, toY.left(v));
    write(pen, text, box.left - 5, toY.left(v) + 4, "right");
  }, axes.square ? 6 : 5);
  if (axes.right && sides.right.length) grid(yRanges.right, (v, text) => {
    write(pen, text, box.right + 5, toY.right(v) + 4, "left");
  }, 5);
  write(pen, axes.x, (box.left + box.right) / 2, height - 5, "center");
  sideways(pen, axes.y, box.left - MARGIN.left + 12, (box.top + box.bottom) / 2);
  if (axes.right) sideways(pen, axes.right, width - 3, (box.top + box.bottom) / 2);

  pen.save();
  pen.beginPath();
  pen.rect(box.left, box.top, box.right - box.left, box.bottom - box.top);
  pen.clip();
  for (const s of shown) draw(pen, s, toX, s.right ? toY.right : toY.left);
  pen.restore();
  legend(pen, shown.filter((s) => s.label), box);
}

function draw(pen, s, toX, toY) {
  pen.strokeStyle = pen.fillStyle = colour(s.colour);
  if (s.kind === "band") {
    pen.globalAlpha = 0.22;
    pen.beginPath();
    s.x.forEach((x, k) => pen.lineTo(toX(x), toY(s.high[k])));
    for (let k = s.x.length - 1; k >= 0; k--) pen.lineTo(toX(s.x[k]), toY(s.low[k]));
    pen.fill();
    pen.globalAlpha = 1;
  } else if (s.kind === "line") {
    pen.lineWidth = s.width || 1.6;
    pen.setLineDash(s.dash || []);
    pen.beginPath();
    let down = false;
    s.x.forEach((x, k) => {
      if (s.y[k] === null) { down = false; return; }
      if (down) pen.lineTo(toX(x), toY(s.y[k])); else pen.moveTo(toX(x), toY(s.y[k]));
      down = true;
    });
    pen.stroke();
    pen.setLineDash([]);
  } else {
    const half = s.size || 1.5;
    pen.globalAlpha = s.alpha || 0.8;
    s.x.forEach((x, k) => {
      if (s.y[k] !== null && x !== null) pen.fillRect(toX(x) - half, toY(s.y[k]) - half, 2 * half, 2 * half);
    });
    pen.globalAlpha = 1;
  }
}

function rule(pen, x0, y0, x1, y1) {
  pen.strokeStyle = colour("rule");
  pen.beginPath();
  pen.moveTo(x0, y0);
  pen.lineTo(x1, y1);
  pen.stroke();
}

function write(pen, text, x, y, align) {
  pen.textAlign = align;
  pen.fillText(text, x, y);
}

function sideways(pen, text, x, y) {
  pen.save();
  pen.translate(x, y);
  pen.rotate(-Math.PI / 2);
  write(pen, text, 0, 0, "center");
  pen.restore();
}

function legend(pen, series, box) {
  let x = box.left;
  pen.textAlign = "left";
  for (const s of series) {
    pen.fillStyle = colour(s.colour);
    pen.fillRect(x, box.top - 14, 12, s.kind === "line" ? 3 : 8);
    pen.fillStyle = colour("ink");
    pen.fillText(s.label, x + 16, box.top - 7);
    x += 30 + pen.measureText(s.label).width;
  }
}
