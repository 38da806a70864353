const page = JSON.parse(document.getElementById("data").textContent);
const scorer = makeScorer(page.model), names = Object.keys(page.fields);
const at = id => document.getElementById(id);
let language = "en", texts = page.texts.en, outcome = page.outcome, fields = page.fields;
const say = (key, values = {}) => (texts[key] ?? page.texts.en[key]).replace(/\{(\w+)\}/g, (_, name) => name in values ? values[name] : name === "purpose" ? page.purpose : outcome[name]);
const make = (tag, attributes = {}, ...parts) => {
  const svg = ["svg", "path", "rect", "line", "title"].includes(tag);
  const element = svg ? document.createElementNS("http://www.w3.org/2000/svg", tag) : document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) if (value !== null) element.setAttribute(name, value);
  element.append(...parts);
  return element;
};

// ---- languages: the page's own texts, and the record's words where it has them
function translated(name, field, words = {}) {
  const choices = field.choices?.map(([value, text]) => [value, field.kind === "binary" ? say(value ? "yes" : "no") : words.words?.[value] ?? text]);
  const unit = words.unit ?? field.unit;
  return {...field, ...words, short: words.label ?? field.short, choices, unit, factors: {[unit]: 1, ...field.units}};
}
function speak(chosen) {
  language = chosen in page.texts ? chosen : "en";
  const words = page.languages[language] ?? {};
  texts = page.texts[language];
  outcome = {...page.outcome, ...words.outcome};
  fields = Object.fromEntries(names.map(name => [name, translated(name, page.fields[name], words.fields?.[name])]));
  document.documentElement.lang = language;
  document.title = words.title ?? page.title;
  const heading = document.querySelector("h1");
  if (heading) heading.textContent = document.title;
  return words;
}

// numbers as Python writes them: halves to the even neighbour, significant digits
const rounded = x => { const low = Math.floor(x), rest = x - low; return rest > .5 || (rest === .5 && low % 2) ? low + 1 : low; };
const localised = text => text.replace(".", texts.decimal);
const general = (x, digits) => localised(String(Number(x.toPrecision(digits))));
const perCent = p => {
  if (!(p >= 1e-4 && p < .99)) return p < .5 ? say("under_percent") : say("over_percent");
  return `${localised((100 * p).toPrecision(2).replace(/\.$/, ""))} %`;
};
const bare = p => perCent(p).replace(" %", "");
function of1000(p) {
  if (p >= .9995 && p < 1) return say("more");
  return p >= .001 ? String(rounded(1000 * p)) : say("fewer");
}
// "about 114", but "fewer than 1"
const aboutless = (sentence, count) => count.includes(" ") ? sentence.replace(`${say("about")} ${count}`, count) : sentence;
const grouped = n => n.toLocaleString(language);

// ---- the form
const values = Object.fromEntries(names.map(name => [name, null])), faults = {}, units = {};
const controls = {};
function readNumber(text) {
  const plain = text.trim().replace(/\u2212/g, "-").toLowerCase();
  if (["", "n/a", "na", "nan", "null", "none", "?"].includes(plain)) return {value: null};
  const match = plain.match(/^([+-]?(?:\d+[.,]?\d*|[.,]\d+)(?:e[+-]?\d{1,3})?)\s*([^\d\s].*)?$/);
  return match ? {value: Number(match[1].replace(",", ".")), unit: match[2]} : {bad: true};
}
const factorOf = (field, unit) => field.factors[unit];
function checkNumber(name, text) {
  const field = fields[name], read = readNumber(text);
  if (read.bad) return {fault: say("number_fault", {unit: units[name]})};
  if (read.value === null) return {value: null};
  const known = Object.keys(field.factors).find(unit => unit && read.unit && unit.toLowerCase() === read.unit.trim());
  if (known && known !== units[name]) return {value: read.value * factorOf(field, known)};
  const value = read.value * factorOf(field, units[name]), [low, high] = field.hard;
  if (value < low || value > high) {
    const other = Object.keys(field.factors).find(unit => {
      const converted = read.value * factorOf(field, unit), [from, to] = field.soft || field.hard;
      return unit !== units[name] && converted >= from && converted <= to;
    });
    const factor = factorOf(field, units[name]);
    const fault = say("range_fault", {low: general(low / factor, 4), high: general(high / factor, 4), unit: units[name], hint: other ? say("looks_like", {unit: other}) : field.hint || say("correct_it")});
    return {fault, other};
  }
  return field.whole && value !== Math.round(value) ? {fault: say("whole_fault")} : {value};
}
function showFault(name, message, other) {
  const {box, fault} = controls[name];
  faults[name] = message;
  fault.replaceChildren(message || "");
  fault.hidden = !message;
  for (const part of box) { part.setAttribute("aria-invalid", Boolean(message)); message ? part.setAttribute("aria-describedby", fault.id) : part.removeAttribute("aria-describedby"); }
  if (other) {
    const use = make("button", {type: "button"}, say("other_unit", {unit: other}));
    use.onclick = () => { controls[name].unit.value = units[name] = other; controls[name].read(); update(); };
    fault.append(use);
  }
}
function numberControl(name, field) {
  const id = `field-${name}`, box = make("input", {id, inputmode: "decimal", placeholder: say("not_known")});
  const fault = make("p", {id: `${id}-fault`, class: "fault", hidden: ""}), [low, high, step] = field.slider;
  const slider = make("input", {type: "range", min: low, max: high, step, "aria-label": say("slider", {label: field.label})});
  const all = Object.keys(field.factors);
  const unit = all.length > 1 ? make("select", {"aria-label": say("unit", {label: field.label})}, ...all.map(u => make("option", {}, u))) : null;
  units[name] = field.unit;
  const scaled = () => {
    const factor = factorOf(field, units[name]);
    slider.min = low / factor; slider.max = high / factor; slider.step = units[name] === field.unit ? step : "any";
  };
  const read = () => {
    const {value = null, fault: message, other} = checkNumber(name, box.value);
    values[name] = value;
    showFault(name, message, other);
    if (value !== null) slider.value = value / factorOf(field, units[name]);
  };
  box.oninput = () => { read(); update(); };
  slider.oninput = () => { box.value = general(Number(slider.value), units[name] === field.unit ? 10 : 3); read(); update(); };
  if (unit) unit.onchange = () => {
    const value = values[name];
    units[name] = unit.value;
    scaled();
    if (value !== null) box.value = general(value / factorOf(field, unit.value), 6);
    read(); update();
  };
  controls[name] = {box: [box], fault, read, unit, set: value => {
    box.value = value === null ? "" : general(value / factorOf(field, units[name]), units[name] === field.unit ? 10 : 6);
    read();
    if (value !== null && !faults[name]) values[name] = value;
  }};
  const label = make("label", {for: id}, unit || !field.unit ? field.label : `${field.label} (${field.unit})`);
  const row = unit ? make("div", {class: "with-unit"}, box, unit) : box;
  const parts = [label, row, slider, fault, ...(field.help ? [make("p", {class: "help"}, field.help)] : [])];
  return make("div", {class: "field"}, ...parts, ...(field.aid === "height_and_weight" ? [aid(name)] : []));
}
function aid(name) {
  const boxes = ["height", "weight"].map(key => make("input", {id: `${name}-${key}`, inputmode: "decimal"}));
  const work = () => {
    const [cm, kg] = boxes.map(box => readNumber(box.value).value);
    if (cm > 0 && kg > 0) { controls[name].set(Math.round(10 * kg / (cm < 3 ? cm : cm / 100) ** 2) / 10); update(); }
  };
  for (const box of boxes) box.oninput = work;
  const rows = ["height", "weight"].flatMap((key, n) => [make("label", {class: "label", for: `${name}-${key}`}, say(key)), boxes[n]]);
  return make("details", {}, make("summary", {}, say("from_height_and_weight")), ...rows);
}
function choiceControl(name, field) {
  const id = `field-${name}`, fault = make("p", {id: `${id}-fault`, class: "fault", hidden: ""});
  const choices = [...field.choices.filter(([value]) => value !== field.missing), [field.missing, say("choose_not_known")]];
  const texts_ = choices.map(([value]) => value === null ? "?" : String(value));
  const take = text => { values[name] = choices[texts_.indexOf(text)][0]; };
  values[name] = field.missing;
  if (choices.length > 5) {
    const select = make("select", {id}, ...choices.map(([, words], n) => make("option", {value: texts_[n]}, words)));
    select.onchange = () => { take(select.value); update(); };
    controls[name] = {box: [select], fault, set: value => { select.value = value === null || !texts_.includes(String(value)) ? texts_.at(-1) : String(value); take(select.value); }};
    controls[name].set(field.missing);
    return make("div", {class: "field"}, make("label", {for: id}, field.label), select, fault);
  }
  const radios = choices.map((_, n) => make("input", {type: "radio", name: id, value: texts_[n]}));
  for (const radio of radios) radio.onchange = () => { take(radio.value); update(); };
  controls[name] = {box: radios, fault, set: value => {
    const n = value === null || !texts_.includes(String(value)) ? radios.length - 1 : texts_.indexOf(String(value));
    radios[n].checked = true;
    take(texts_[n]);
  }};
  controls[name].set(field.missing);
  const group = make("fieldset", {}, make("legend", {}, field.label), make("div", {class: "choices"}, ...choices.map(([, words], n) => make("label", {}, radios[n], make("span", {}, words)))), fault);
  return make("div", {class: "field"}, group);
}
function buildForm(headings = {}) {
  const folds = names.length > 14;
  at("fields").replaceChildren(...page.form.map(([name, below], n) => {
    const heading = headings[name] ?? name;
    const parts = below.map(name => (fields[name].kind === "number" ? numberControl : choiceControl)(name, fields[name]));
    if (!folds) return make("fieldset", {}, make("legend", {}, heading), ...parts);
    return make("details", n ? {} : {open: ""}, make("summary", {}, heading), ...parts);
  }));
}

// ---- the place of use
let prevalence = null;
const namedPlace = value => page.places.find(place => Math.abs(place[2] - value) < 1e-9);   // name, share, prevalence
function buildPlace() {
  const {place: set, prevalence: own} = page.model, choices = [];
  if (set !== null) choices.push([say("place_as_set", {share: perCent(set)}), set]);
  choices.push([say("place_as_data", {share: perCent(own)}), own]);
  if (page.parent) choices.push([say("place_as_parent", {share: perCent(page.parent)}), page.parent]);
  for (const [name, share, value] of page.places) choices.push([`${name}: ${perCent(share)}`, value]);
  const select = at("place-choice"), share = at("place-share"), fault = at("place-fault");
  select.replaceChildren(...choices.map(([words, value]) => make("option", {value}, words)), make("option", {value: ""}, say("place_other")));
  share.setAttribute("aria-label", say("place_other"));
  const take = () => {
    share.hidden = select.value !== "";
    const typed = readNumber(share.value.replace("%", "")).value;
    const bad = !share.hidden && !(typed >= .01 && typed <= 60);
    prevalence = bad ? null : share.hidden ? Number(select.value) : Number(`${typed}e-2`);
    fault.hidden = !bad;
    fault.textContent = bad ? say("share_fault") : "";
    share.setAttribute("aria-invalid", bad);
    faults.place = bad ? say("share_fault") : "";
  };
  select.onchange = share.oninput = () => { take(); update(); };
  take();
}

// ---- words
const isBlank = (record, name) => record[name] === null || record[name] === fields[name].missing;
function valueWords(record, name) {
  const field = fields[name], value = record[name];
  if (isBlank(record, name)) return say("not_known");
  if (field.kind !== "number") return field.choices.find(([choice]) => choice === value)[1];
  return `${general(value / factorOf(field, units[name]), 4)} ${units[name]}`.trim();
}
function declined(record) {
  for (const [name, [low, high]] of Object.entries(page.limits)) {
    const value = record[name], unit = fields[name].unit ? ` ${fields[name].unit}` : "";
    if (value === null || (value >= low && value < high + 1)) continue;
    const words = page.refusals[name][value < low ? 0 : 1];
    return say("declined", {words, label: fields[name].short, side: say(value < low ? "under" : "over"), limit: value < low ? low : high, unit});
  }
  return "";
}
function summary(record) {
  const empty = names.every(name => isBlank(record, name)), own = page.model.prevalence, stated = prevalence ?? page.model.place ?? own;
  const named = namedPlace(stated), place = named ? named[1] : stated, share = perCent(place);   // the share there
  if (empty) {
    const whose = named ? say("in_named", {name: named[0], share}) : stated === own ? say("in_data") : say("in_place", {share});
    const tells = page.strongest ? say("tells", {label: fields[page.strongest].short}) : "";
    return {record, empty, place, sentence: aboutless(say("empty", {whose, tells, count: of1000(place)}), of1000(place))};
  }
  const refusal = declined(record);
  if (refusal) return {record, place, sentence: refusal};
  const scores = scorer.score(record, prevalence);
  const [low, high] = scores.low === null ? ["", ""] : [of1000(scores.low), of1000(scores.high)], count = of1000(scores.risk);
  const span = low === high ? "" : say("span", {low, high});
  const key = named ? "headline_named" : stated !== own ? "headline_place" : page.simulated ? "headline_simulated" : "headline";
  return {record, place, ...scores, sentence: aboutless(say(key, {count, share, span, name: named && named[0]}), count)};
}
const percentWords = answer => answer.low === null ? say("no_interval", {risk: perCent(answer.risk)})
  : say("interval", {risk: perCent(answer.risk), low: bare(answer.low), high: perCent(answer.high)});

// ---- drawings
function dots(start, end) {
  let path = "";
  while (start < end) {
    const block = Math.floor(start / 100), first = start % 10, count = Math.min(10 - first, end - start);
    const x = block % 5 * 104 + first * 10 + 5, y = Math.floor(block / 5) * 106 + Math.floor(start % 100 / 10) * 10 + 5;
    path += `M${x} ${y}h${10 * (count - 1)}.01`;   // Chromium leaves out a dot on the very end of a path
    start += count;
  }
  return path;
}
function iconArray(risk, low, high) {
  const n = rounded(1000 * risk), first = low === null ? n : rounded(1000 * low), last = high === null ? n : rounded(1000 * high);
  const layers = [[last, 1000, "var(--faint)", 6, 1], [0, first, "var(--alarm)", 8.4, 1], [first, n, "var(--alarm)", 8.4, .6], [n, last, "var(--alarm)", 8.4, 1], [n, last, "var(--card)", 5.6, 1]];
  const svg = make("svg", {viewBox: "0 0 516 206", role: "img"}, make("title", {}, `${say("thousand")}: ${n}`));
  for (const [from, to, colour, width, opacity] of layers)
    if (to > from) svg.append(make("path", {d: dots(from, to), stroke: colour, "stroke-width": width, "stroke-dasharray": "0 10", "stroke-linecap": "round", opacity, fill: "none"}));
  const legend = low === null ? say("legend_alone", {count: n}) : [say("legend_sure", {count: first}), say("legend_estimate", {count: n}), say("legend_maybe", {count: last})].join(" · ");
  at("icons").replaceChildren(svg, make("figcaption", {}, legend));
}
function bar(from, to, low, high) {
  const place = p => 100 * (p - low) / ((high - low) || 1), left = Math.min(place(from), place(to));
  const rising = to >= from;
  return make("svg", {viewBox: "0 0 100 20", preserveAspectRatio: "none", "aria-hidden": "true"},
    make("line", {x1: place(to), x2: place(to), y1: 0, y2: 20, stroke: "var(--grey)", "stroke-width": 1, "vector-effect": "non-scaling-stroke"}),
    make("rect", {x: left, width: Math.max(Math.abs(place(to) - place(from)), .6), y: 4, height: 12, fill: rising ? "var(--alarm)" : "var(--blue)"}));
}
function showWhy(answer) {
  const {base, values, averaging} = scorer.explain(answer.record, prevalence), inputs = page.model.inputs;
  const parts = averaging ? [...values, averaging] : values;
  const label = j => j < inputs.length ? `${fields[inputs[j]].label}: ${valueWords(answer.record, inputs[j])}` : say("averaging");
  const order = [...parts.keys()].sort((a, b) => Math.abs(parts[b]) - Math.abs(parts[a]));
  const risks = [scorer.expit(base)];
  let z = base;
  for (const j of order) risks.push(scorer.expit(z += parts[j]));
  const low = Math.min(...risks), high = Math.max(...risks);
  const row = (words, p, drawing, part) => make("tr", {}, make("td", {}, words), make("td", {class: "n"}, of1000(p)), make("td", {class: "bar"}, drawing), make("td", {class: "n"}, part));
  const signed = part => Math.abs(part) < .005 ? localised("0.00") : `${part < 0 ? "−" : "+"}${localised(Math.abs(part).toFixed(2))}`;
  const rows = order.map((j, n) => row(label(j), risks[n + 1], bar(risks[n], risks[n + 1], low, high), signed(parts[j])));
  const head = make("tr", {}, make("th", {}, say("step")), make("th", {class: "n"}, say("people_after")), make("td", {class: "bar"}), make("th", {class: "n"}, say("log_odds")));
  at("why").replaceChildren(make("h2", {}, say("why")), make("p", {}, say("why_words")),
    make("table", {}, make("thead", {}, head), make("tbody", {}, row(say("average"), risks[0], "", ""), ...rows, row(say("this_record"), answer.risk, "", ""))));
}
function showUnknowns(answer) {
  const lines = page.model.inputs.filter((name, j) => page.model.plausible[j] && isBlank(answer.record, name)).map(name => {
    const field = fields[name];
    const tried = field.missing !== null ? field.choices.map(([value]) => value).filter(value => value !== field.missing)
      : field.kind === "number" ? scorer.plausible({...answer.record, [name]: null}, name) : field.choices.map(([value]) => value);
    const risks = tried.map(value => scorer.score({...answer.record, [name]: value}, prevalence).risk);
    return {label: field.label, low: Math.min(...risks), high: Math.max(...risks)};
  }).sort((a, b) => (b.high - b.low) - (a.high - a.low));
  const words = ({label, low, high}) => rounded(1000 * low) === rounded(1000 * high) ? say("unknown_hardly", {label})
    : say("unknown_range", {label, low: rounded(1000 * low), high: rounded(1000 * high)});
  at("unknowns").replaceChildren(...(lines.length ? [make("h2", {}, say("unknown")), make("ul", {}, ...lines.slice(0, 8).map(line => make("li", {}, words(line))))] : []));
}
function showDoubts(answer) {
  const count = names.filter(name => isBlank(answer.record, name)).length, doubts = [];
  if (page.strongest && isBlank(answer.record, page.strongest)) doubts.push(say("strongest_blank", {label: fields[page.strongest].label}));
  if (count >= page.blanks_told) doubts.push(say("many_blank", {count, all: language === "en" ? page.inputs_words : names.length}));
  for (const name of names) {
    const {kind, soft, label} = fields[name], value = answer.record[name];
    if (kind !== "number" || !soft || value === null || (value >= soft[0] && value <= soft[1])) continue;
    const [low, high] = soft.map(end => general(end / factorOf(fields[name], units[name]), 4));
    doubts.push(say("unusual", {label, low, high, unit: units[name]}));
  }
  at("doubts").replaceChildren(...doubts.map(words => make("p", {class: "doubt"}, words)));
}

// ---- comparison
let kept = null;
function showComparison(answer) {
  const place = at("compared");
  at("keep").textContent = say(kept ? "forget" : "keep");
  place.hidden = !kept;
  if (!kept) return;
  const first = summary(kept), differs = names.filter(name => valueWords(kept, name) !== valueWords(answer.record, name));
  const numbers = first.risk === undefined || answer.risk === undefined ? first.sentence : say("compared", {first: of1000(first.risk), second: of1000(answer.risk)});
  const rows = differs.map(name => make("li", {}, `${fields[name].label}: ${valueWords(kept, name)} → ${valueWords(answer.record, name)}`));
  place.replaceChildren(make("p", {}, differs.length ? numbers : say("same")), ...(differs.length ? [make("p", {}, say("differs")), make("ul", {}, ...rows), make("p", {class: "help"}, say("not_an_effect"))] : []));
}

// ---- everything
let answer = null;
function update() {
  const broken = Object.values(faults).some(Boolean);
  answer = broken ? {record: {...values}, sentence: say("no_answer")} : summary({...values});
  const counted = answer.risk ?? (answer.empty ? answer.place : null);
  at("count").hidden = counted === null;
  if (counted !== null) { at("count").firstElementChild.textContent = of1000(counted); at("count").lastElementChild.textContent = say("of_1000"); }
  at("sentence").textContent = answer.sentence;
  at("percent").textContent = answer.risk === undefined ? "" : percentWords(answer);
  for (const id of ["doubts", "icons", "why", "unknowns"]) at(id).replaceChildren();
  if (answer.risk !== undefined) { showDoubts(answer); iconArray(answer.risk, answer.low, answer.high); showWhy(answer); showUnknowns(answer); at("icons").lastElementChild.append(make("p", {}, answer.low === null ? "" : say("interval_words"))); }
  else if (answer.empty) iconArray(answer.place, null, null);
  showComparison(answer);
  at("values").replaceChildren(make("dt", {}, make("strong", {}, say("values"))), make("dd"), ...names.flatMap(name => [make("dt", {}, fields[name].label), make("dd", {}, valueWords(answer.record, name))]));
}
function setAll(record) { for (const name of names) controls[name].set(record[name] ?? null); update(); }
function showLimits() {
  const lines = language === "en" ? [...page.limits_words, say("limit_place")] : [say("purpose"), say("limit_difference"), say("limit_blank"), say("limit_place")];
  if (language !== "en") {
    for (const [name, [low, high]] of Object.entries(page.limits)) lines.push(say("limit_use", {label: fields[name].short, low, high}));
    if (outcome.definition) lines.push(say("limit_definition"));
  }
  if (page.people) lines.push(say("limit_people", {people: grouped(page.people), events: grouped(page.events)}));
  at("limits").lastElementChild.replaceChildren(...[...lines, say("limit_local")].map(words => make("li", {}, words)));
}
function link() {
  const parts = names.filter(name => !isBlank(values, name)).map(name => [name, values[name]]);
  if (prevalence !== page.model.prevalence && prevalence !== null) parts.push(["prevalence", prevalence]);
  return `#${new URLSearchParams(parts)}`;
}
function fromLink() {
  const given = new URLSearchParams(location.hash.slice(1)), record = {};
  for (const name of names) if (given.has(name)) record[name] = fields[name].kind === "category" ? given.get(name) : Number(given.get(name));
  const share = Number(given.get("prevalence"));
  const named = namedPlace(share);
  if (named) { at("place-choice").value = named[2]; at("place-share").oninput(); }
  else if (share >= 1e-4 && share <= .6) { at("place-choice").value = ""; at("place-share").value = general(100 * share, 10); at("place-share").oninput(); }
  return record;
}
function build(chosen) {
  const words = speak(chosen), before = {...values};
  for (const part of document.querySelectorAll("[data-text]")) if (texts[part.dataset.text]) part.textContent = say(part.dataset.text);
  at("simulated").hidden = !page.simulated;
  at("simulated").textContent = say("simulated");
  const place = at("place-choice").value, share = at("place-share").value;
  buildForm(words.form); buildPlace(); showLimits();
  if (share) { at("place-choice").value = place; at("place-share").value = share; at("place-share").oninput(); }
  at("stamp").textContent = say("stamp", {version: page.version || say("no_version"), hash: page.sha256, made: page.made});
  setAll(before);
}
function start() {
  const select = at("language").querySelector("select"), offered = Object.keys(page.texts);
  select.append(...offered.map(code => make("option", {value: code, lang: code}, page.texts[code].language)));
  at("language").hidden = offered.length < 2;
  const wanted = [new URLSearchParams(location.search).get("lang"), ...navigator.languages.map(code => code.slice(0, 2))];
  select.value = wanted.find(code => offered.includes(code)) ?? "en";
  select.onchange = () => build(select.value);
  build(select.value);
  at("form").onsubmit = event => event.preventDefault();
  at("example").onclick = () => setAll(page.example);
  at("clear").onclick = () => { kept = null; setAll({}); };
  at("print").onclick = () => print();
  at("keep").onclick = () => { kept = kept ? null : {...values}; update(); };
  at("link").onclick = () => { history.replaceState(null, "", link()); navigator.clipboard?.writeText(location.href).catch(() => {}); at("linked").textContent = say("linked"); };
  setAll(fromLink());
}
start();
