"use strict";
// Risks, intervals and reasons of a model in the page: what stroke_nb.scoring.LightScorer computes, from the same tables.
function makeScorer(model) {
  const logit = p => Math.log(p) - Math.log1p(-p), expit = z => 1 / (1 + Math.exp(-z));
  const bounded = p => logit(Math.min(Math.max(p, 1e-6), 1 - 1e-6));
  const mean = values => values.reduce((sum, value) => sum + value, 0) / values.length;

  function numbers(text, Kind) {
    const bytes = Uint8Array.from(atob(text), letter => letter.charCodeAt(0));
    return new Kind(bytes.buffer);
  }
  function forest(packed) {
    return packed && {
      ...packed, column: numbers(packed.column, Uint16Array), border: numbers(packed.border, Float32Array),
      value: numbers(packed.value, Float64Array), tables: packed.tables && numbers(packed.tables, Float64Array),
    };
  }
  const trees = forest(model.trees), spread = forest(model.spread);

  // CatBoost and scikit-learn compare in single precision
  function leafOf(flat, tree, x) {
    let leaf = 0;
    for (let level = 0, at = tree * flat.depth; level < flat.depth; level++, at++)
      if (Math.fround(x[flat.column[at]]) > flat.border[at]) leaf |= 1 << level;
    return leaf;
  }
  function treeSum(flat, x) {
    let sum = 0;
    for (let tree = 0; tree < flat.count; tree++) sum += flat.value[(tree << flat.depth) + leafOf(flat, tree, x)];
    return flat.scale * sum + flat.bias;
  }
  function groupOf(group, others) {
    const {column, threshold, left, right, blank_left: blankLeft} = group.tree;
    let node = 0;
    while (left[node] >= 0) {
      const x = others[column[node]];
      const goesLeft = Number.isNaN(x) ? blankLeft[node] : Math.fround(x) <= threshold[node];
      node = goesLeft ? left[node] : right[node];
    }
    return group.points[node];
  }
  const plausible = (codes, j) => groupOf(model.plausible[j], codes.filter((_, n) => n !== j));

  // one record with blanks becomes several without; those that are filled first are known to the others
  function fill(rows, among) {
    return rows.flatMap(codes => {
      const blanks = codes.flatMap((code, j) => Number.isNaN(code) && among(j) ? [j] : []);
      if (!blanks.length) return [codes];
      const values = blanks.map(j => plausible(codes, j));
      return model.order[blanks[0]].map((_, n) => {
        const filled = codes.slice();
        blanks.forEach((j, k) => { filled[j] = values[k][model.order[j][n]]; });
        return filled;
      });
    });
  }
  const expand = codes => fill(fill([codes], j => model.fill_first[j]), j => !model.fill_first[j]);
  const encode = codes => model.encoded.map(([owner, level]) => level === null ? codes[owner] : Number(codes[owner] === level));

  function logOdds(x) {
    const raw = treeSum(trees, x);
    if (!model.line) return bounded(expit(raw));
    const line = x.reduce((sum, value, k) => sum + value * model.line.coef[k], 0);
    return bounded(expit((line + model.line.intercept + raw) / 2));
  }
  function restate(p, prevalence) {
    const [intercept, slope] = model.calibration;
    if (intercept !== 0 || slope !== 1) p = expit(intercept + slope * logit(p));
    return prevalence === null ? p : expit(logit(p) + logit(prevalence) - logit(model.prevalence));
  }
  const placeOf = prevalence => prevalence ?? model.place;

  function codesOf(record) {
    return model.inputs.map((name, j) => {
      if (!model.plausible[j]) return 0;   // it told nothing in training
      const value = record[name];
      if (value === null || value === undefined) return NaN;
      return model.levels[name] ? model.levels[name].indexOf(value) : value;
    });
  }
  function complete(record) {
    const full = expand(codesOf(record)).map(encode);
    return {full, z: full.map(logOdds)};
  }
  function score(record, prevalence = null) {
    const {full, z} = complete(record), place = placeOf(prevalence), p = mean(z.map(expit));
    const answer = {risk: restate(p, place), low: null, high: null};
    if (!spread) return answer;
    const widths = full.map((x, n) => Math.exp(treeSum(spread, [...x, z[n]])) ** 2);
    const between = Math.max(mean(z.map(value => value ** 2)) - mean(z) ** 2, 0);
    const half = model.normal * Math.sqrt(mean(widths) + between), centre = logit(p);
    return {...answer, low: restate(expit(centre - half), place), high: restate(expit(centre + half), place)};
  }
  function partsOf(x) {
    const parts = new Float64Array(model.encoded.length);
    for (let tree = 0; tree < trees.count; tree++) {
      const at = ((tree << trees.depth) + leafOf(trees, tree, x)) * trees.depth;
      for (let level = 0; level < trees.depth; level++) parts[trees.column[tree * trees.depth + level]] += trees.tables[at + level];
    }
    if (!model.line) return {base: trees.base, parts};
    const {coef, centre, intercept} = model.line;
    const base = (intercept + coef.reduce((sum, c, k) => sum + c * centre[k], 0) + trees.base) / 2;
    return {base, parts: parts.map((part, k) => (part + (x[k] - centre[k]) * coef[k]) / 2)};
  }
  function explain(record, prevalence = null) {
    const codes = codesOf(record), {full, z} = complete(record), place = placeOf(prevalence);
    const values = new Array(model.inputs.length).fill(0);
    let base = 0;
    full.forEach((x, n) => {
      const {base: start, parts} = partsOf(x), sum = parts.reduce((total, part) => total + part, start);
      base += (start + z[n] - sum) / full.length;
      parts.forEach((part, k) => { values[model.encoded[k][0]] += part / full.length; });
    });
    const gap = codes.some(Number.isNaN) ? logit(mean(z.map(expit))) - mean(z) : 0;
    const [intercept, slope] = model.calibration;
    const shift = intercept + (place === null ? 0 : logit(place) - logit(model.prevalence));
    return {base: slope * base + shift, values: values.map(value => slope * value), averaging: slope * gap};
  }
  return {score, explain, logit, expit, plausible: (record, name) => plausible(codesOf(record), model.inputs.indexOf(name))};
}
