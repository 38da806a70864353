const page = JSON.parse(document.getElementById("data").textContent);
const scorer = makeScorer(page.model), names = Object.keys(page.fields);
const at = id => document.getElementById(id);
let language = "en", texts = page.texts.en, outcome = page.outcome, fields = page.fields, advice = page.advice, reader = "clinician";
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
  const factors = {[unit]: 1, ...field.units}, known = {...spelt(field.unit_words), ...spelt(Object.fromEntries(Object.entries(factors).map(([name, factor]) => [plainUnit(name), factor])))};
  const hint = words.hint ?? (language === "en" ? field.hint : "");
  return {...field, ...words, hint, short: words.label ?? field.short, choices, unit, factors, known};
}
// units as people type them: kg/m2, MG/DL, years
const plainUnit = unit => unit.toLowerCase().replace(/[\s.]/g, "").replace("²", "2");
const spelt = factors => Object.fromEntries(Object.entries(factors ?? {}).map(([name, factor]) => [plainUnit(name), factor]));
function speak(chosen) {
  language = chosen in page.texts ? chosen : "en";
  const words = page.languages[language] ?? {};
  texts = page.texts[language];
  outcome = {...page.outcome, ...words.outcome};
  advice = {...page.advice, ...words.advice};
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
const controls = {}, counters = {};   // by field; by heading of folded fields
function readNumber(text) {
  const plain = text.trim().replace(/\u2212/g, "-").toLowerCase();
  if (["", "n/a", "na", "nan", "null", "none", "?"].includes(plain)) return {value: null};
  const match = plain.match(/^([+-]?(?:\d+[.,]?\d*|[.,]\d+)(?:e[+-]?\d{1,3})?)\s*([^\d\s].*)?$/);
  return match ? {value: Number(match[1].replace(",", ".")), unit: plainUnit(match[2] ?? "")} : {bad: true};
}
const factorOf = (field, unit) => field.factors[unit];
function checkNumber(name, text) {
  const field = fields[name], read = readNumber(text);
  if (read.bad || (read.unit && !(read.unit in field.known))) return {fault: say("number_fault", {unit: units[name]})};
  if (read.value === null) return {value: null};
  const value = read.value * (read.unit ? field.known[read.unit] : factorOf(field, units[name])), [low, high] = field.hard;
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
  if (message) fault.closest("#fields > details")?.setAttribute("open", "");
  for (const part of box) { part.setAttribute("aria-invalid", Boolean(message)); message ? part.setAttribute("aria-describedby", fault.id) : part.removeAttribute("aria-describedby"); }
  if (other) {
    const use = make("button", {type: "button"}, say("other_unit", {unit: other}));
    use.onclick = () => { controls[name].unit.value = units[name] = other; controls[name].scaled(); controls[name].read(); update(); };
    fault.append(use);
  }
}
function numberControl(name, field) {
  const id = `field-${name}`, box = make("input", {id, inputmode: "decimal", placeholder: say("not_known")});
  const fault = make("p", {id: `${id}-fault`, class: "fault", hidden: ""}), [low, high, step] = field.slider;
  const slider = make("input", {type: "range", min: low, max: high, step, "aria-label": say("slider", {label: field.label})});
  const all = Object.keys(field.factors);
  const unit = all.length > 1 ? make("select", {"aria-label": say("unit", {label: field.label})}, ...all.map(u => make("option", {}, u))) : null;
  if (!(units[name] in field.factors)) units[name] = field.unit;   // a unit that was chosen stays, in another language too
  if (unit) unit.value = units[name];
  const scaled = () => {
    const factor = factorOf(field, units[name]);
    slider.min = low / factor; slider.max = high / factor; slider.step = units[name] === field.unit ? step : "any";
  };
  const read = () => {
    const {value = null, fault: message, other} = checkNumber(name, box.value);
    values[name] = value;
    showFault(name, message, other);
    slider.value = (value ?? (low + high) / 2) / factorOf(field, units[name]);
    slider.classList.toggle("blank", value === null);
  };
  box.oninput = () => { read(); update(); };
  slider.oninput = () => { box.value = general(Number(slider.value), units[name] === field.unit ? 10 : 3); read(); update(); };
  if (unit) unit.onchange = () => {
    const value = values[name];
    units[name] = unit.value;
    scaled();
    controls[name].set(value);
    update();
  };
  controls[name] = {box: [box], fault, read, unit, scaled, set: value => {
    box.value = value === null ? "" : general(value / factorOf(field, units[name]), units[name] === field.unit ? 10 : 4);
    read();
    if (value !== null && !faults[name]) values[name] = value;   // not what its few digits say
  }};
  scaled();
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
  at("fields").replaceChildren(...page.form.map(([name, below, folded]) => {
    const heading = name in page.own_headings ? say(page.own_headings[name]) : headings[name] ?? name;
    const parts = below.map(name => (fields[name].kind === "number" ? numberControl : choiceControl)(name, fields[name]));
    if (!folded) return make("fieldset", {}, make("legend", {}, heading), ...parts);
    const entered = make("summary");
    counters[name] = () => { entered.textContent = say("entered", {heading, count: below.filter(name => !isBlank(values, name)).length, all: below.length}); };
    return make("details", {}, entered, ...parts);
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
  return {record, place, stated, ...scores, sentence: aboutless(say(key, {count, share, span, name: named && named[0]}), count)};
}
const percentWords = answer => answer.low === null ? say("no_interval", {risk: perCent(answer.risk)})
  : say(page.interval === "refits" ? "interval_refits" : "interval", {risk: perCent(answer.risk), low: bare(answer.low), high: perCent(answer.high)});

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
function iconArray(risk, low, high, words = say("thousand")) {
  const n = rounded(1000 * risk), first = low === null ? n : rounded(1000 * low), last = high === null ? n : rounded(1000 * high);
  const layers = [[last, 1000, "var(--faint)", 6, 1], [0, first, "var(--alarm)", 8.4, 1], [first, n, "var(--alarm)", 8.4, .6], [n, last, "var(--alarm)", 8.4, 1], [n, last, "var(--card)", 5.6, 1]];
  const svg = make("svg", {viewBox: "0 0 516 206", role: "img"}, make("title", {}, `${words}: ${n}`));
  for (const [from, to, colour, width, opacity] of layers)
    if (to > from) svg.append(make("path", {d: dots(from, to), stroke: colour, "stroke-width": width, "stroke-dasharray": "0 10", "stroke-linecap": "round", opacity, fill: "none"}));
  const legend = low === null ? say("legend_alone", {count: n}) : [say("legend_sure", {count: first}), say("legend_estimate", {count: n}), say("legend_maybe", {count: last})].join(" · ");
  return [svg, make("figcaption", {}, legend)];
}
function bar(from, to, low, high) {
  const place = p => 100 * (p - low) / ((high - low) || 1), left = Math.min(place(from), place(to));
  const rising = to >= from;
  return make("svg", {viewBox: "0 0 100 20", preserveAspectRatio: "none", "aria-hidden": "true"},
    make("line", {x1: place(to), x2: place(to), y1: 0, y2: 20, stroke: "var(--grey)", "stroke-width": 1, "vector-effect": "non-scaling-stroke"}),
    make("rect", {x: left, width: Math.max(Math.abs(place(to) - place(from)), .6), y: 4, height: 12, fill: rising ? "var(--alarm)" : "var(--blue)"}));
}
// parts of a risk, the largest first: what each is called, its log-odds, and where it leads from and to
function stepsOf(answer) {
  const {base, values, averaging} = scorer.explain(answer.record, prevalence), inputs = page.model.inputs;
  const parts = averaging ? [...values, averaging] : values;
  const label = j => j < inputs.length ? `${fields[inputs[j]].label}: ${valueWords(answer.record, inputs[j])}` : say("averaging");
  let z = base;
  const steps = [...parts.keys()].sort((a, b) => Math.abs(parts[b]) - Math.abs(parts[a])).map(j => ({words: label(j), part: parts[j], from: z, to: z += parts[j]}));
  return {base, steps};
}
const ofLogOdds = z => of1000(scorer.expit(z));
function table(head, rows) {
  const row = (cells, tag) => make("tr", {}, ...cells.map((cell, n) => make(n && !cell.nodeType ? tag : cell.nodeType ? "td" : tag, {class: cell.nodeType ? "bar" : n ? "n" : null}, cell)));
  return make("table", {}, make("thead", {}, row(head, "th")), make("tbody", {}, ...rows.map(cells => row(cells, "td"))));
}
const NAMED = 4;   // steps that stand by themselves for a patient
function showCounts(answer, {base, steps}) {
  const rest = steps.slice(NAMED), shown = steps.slice(0, NAMED);
  if (rest.length) shown.push({words: say("counts_others"), from: rest[0].from, to: rest.at(-1).to});
  const ends = [base, ...shown.map(step => step.to)].map(scorer.expit), low = Math.min(...ends), high = Math.max(...ends);
  const rows = shown.map((step, n) => [step.words, bar(ends[n], ends[n + 1], low, high), ofLogOdds(step.to)]);
  at("counts").replaceChildren(make("h2", {}, say("counts")), make("p", {class: "chain"}, say("counts_words", {steps: ends.map(of1000).join(" → ")})),
    table([say("step"), make("span", {}), say("people_after")], [[say("counts_start"), make("span", {}), of1000(ends[0])], ...rows]),
    make("p", {class: "help"}, say("counts_help", {mean: of1000(answer.place)})));
}
function showWhy(answer, {base, steps}) {
  const risks = [base, ...steps.map(step => step.to)].map(scorer.expit), low = Math.min(...risks), high = Math.max(...risks);
  const signed = part => Math.abs(part) < .005 ? localised("0.00") : `${part < 0 ? "−" : "+"}${localised(Math.abs(part).toFixed(2))}`;
  const ends = [base, ...steps.map(step => step.to)], span = [Math.min(...ends), Math.max(...ends)];
  const people = steps.map((step, n) => [step.words, bar(risks[n], risks[n + 1], low, high), of1000(risks[n + 1])]);
  const odds = steps.map(step => [step.words, bar(step.from, step.to, ...span), signed(step.part)]);
  const open = at("why").querySelector("details")?.open, none = () => make("span", {});
  at("why").replaceChildren(make("h2", {}, say("why")), make("p", {}, say("why_words")),
    table([say("step"), none(), say("people_after")], [[say("average"), none(), of1000(risks[0])], ...people, [say("this_record"), none(), of1000(answer.risk)]]),
    make("details", open ? {open: ""} : {}, make("summary", {}, say("waterfall")),
      table([say("step"), none(), say("log_odds")], [[say("average"), none(), localised(base.toFixed(2)).replace("-", "−")], ...odds, [say("this_record"), none(), localised(ends.at(-1).toFixed(2)).replace("-", "−")]])));
}
// ---- who is alike: the questions that divide the people of the data, as far as the record answers them
function alike(record) {
  let group = page.similar;
  const spans = {};
  while (group.ask && record[group.ask[0]] !== null) {
    const [name, cut] = group.ask, [low, high] = spans[name] ?? [null, null], above = record[name] >= cut;
    spans[name] = above ? [cut, high] : [low, cut];
    group = above ? group.above : group.below;
  }
  const sum = (part, key) => part.ask ? sum(part.below, key) + sum(part.above, key) : part[key];
  return {people: sum(group, "people"), events: sum(group, "events"), who: names.filter(name => spans[name]).map(name => spanWords(name, ...spans[name])).join(", ") || say("alike_all")};
}
function spanWords(name, low, high) {
  const {kind, short: label, unit, phrase} = fields[name], [first, last] = page.limits[name] ?? [null, null];
  if (kind === "binary") return say(low ? "with" : "without", {label});
  const ends = [low ?? first, high === null ? last : high - 1];
  if (phrase && !ends.includes(null)) return phrase.replace(/\{(low|high):g\}/g, (_, end) => general(ends[end === "low" ? 0 : 1], 4));
  const factor = factorOf(fields[name], units[name]), inUnit = end => `${general(end / factor, 4)}${units[name] && ` ${units[name]}`}`;
  if (low === null) return say("below", {label, high: inUnit(high)});
  return high === null ? say("from", {label, low: inUnit(low)}) : say("between", {label, low: general(low / factor, 4), high: inUnit(high)});
}
function wilson(events, people) {
  const z = page.model.normal, share = events / people, half = z * Math.sqrt(share * (1 - share) / people + (z / people) ** 2 / 4);
  return [-1, 1].map(side => (share + z * z / people / 2 + side * half) / (1 + z * z / people));
}
function showAlike(answer) {
  if (!page.similar) return;
  const {people, events, who} = alike(answer.record), [low, high] = wilson(events, people);
  const words = say("alike_words", {people: grouped(people), events: grouped(events), who, share: perCent(events / people), low: bare(low), high: perCent(high)});
  at("alike").replaceChildren(make("h2", {}, say("alike")), make("p", {}, words), ...(answer.stated === page.model.prevalence ? [] : [make("p", {class: "help"}, say("alike_data"))]));
}
function list(key, sentences) { at(key).replaceChildren(make("h2", {}, say(key)), make("ul", {}, ...sentences.map(words => make("li", {}, words)))); }
function showAdvice({low, high}) {
  const exact = low === null || of1000(low) === of1000(high) ? [] : [say("cannot_exact", {low: of1000(low), high: of1000(high)})];
  list("cannot", [say("cannot_who"), ...exact, ...(outcome.horizon ? [] : [say("cannot_when")]), say("cannot_why"), say("cannot_care")]);
  const {signs, emergency} = advice, urgent = signs && emergency ? "next_signs" : "next_emergency";
  list("next", [say("next_talk", {talk_to: advice.talk_to ?? say("talk_to")}), say("next_keep"), ...(emergency ? [say(urgent, {signs, emergency})] : [])]);
}
function showCall(answer) {
  const body = {...answer.record};
  if (answer.stated !== (page.model.place ?? page.model.prevalence)) body.prevalence = answer.stated;
  const json = JSON.stringify(body).replace(/'/g, "'\\''");
  at("api").lastElementChild.textContent = `curl -s localhost:8000/predict -H 'Content-Type: application/json' -d '${json}'`;
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
  const drawn = ([words, {risk, low, high}]) => make("figure", {}, make("h3", {}, say(words)), ...iconArray(risk, low, high, say(words)));
  const pair = first.risk === undefined || answer.risk === undefined ? [] : [make("div", {class: "pair"}, ...[["first", first], ["second", answer]].map(drawn))];
  place.replaceChildren(make("p", {}, differs.length ? numbers : say("same")), ...(differs.length ? [...pair, make("p", {}, say("differs")), make("ul", {}, ...rows), make("p", {class: "help"}, say("not_an_effect"))] : []));
}

// ---- everything
let answer = null;
const CLINICIAN = ["why", "unknowns", "compare", "api", "limits", "print", "link"], PATIENT = ["counts", "cannot", "next", "letter"];
function showParts(answer) {
  const told = answer.risk !== undefined, patient = reader === "patient";
  for (const id of ["doubts", "icons", "alike", "counts", "unknowns", "cannot", "next"]) at(id).replaceChildren();
  if (!told) at("why").replaceChildren();
  for (const id of CLINICIAN) at(id).hidden = patient || (id === "api" && !told);
  for (const id of PATIENT) at(id).hidden = !patient || !told;
  if (answer.empty) at("icons").replaceChildren(...iconArray(answer.place, null, null));
  if (!told) return;
  showDoubts(answer);
  at("icons").replaceChildren(...iconArray(answer.risk, answer.low, answer.high));
  const steps = stepsOf(answer);
  showAlike(answer);
  if (patient) { showCounts(answer, steps); showAdvice(answer); return; }
  if (answer.low !== null) at("icons").lastElementChild.append(make("p", {}, say(`interval_words_${page.interval}`, page.held)));
  showWhy(answer, steps); showUnknowns(answer); showCall(answer);
}
function update() {
  const broken = Object.values(faults).some(Boolean);
  for (const count of Object.values(counters)) count();
  answer = broken ? {record: {...values}, sentence: say("no_answer")} : summary({...values});
  const counted = answer.risk ?? (answer.empty ? answer.place : null);
  at("count").hidden = counted === null;
  if (counted !== null) { at("count").firstElementChild.textContent = of1000(counted); at("count").lastElementChild.textContent = say("of_1000"); }
  at("sentence").textContent = answer.sentence;
  at("percent").textContent = answer.risk === undefined ? "" : percentWords(answer);
  showParts(answer);
  showComparison(answer);
  stay();
  const choice = at("place-choice"), share = prevalence === null ? "" : perCent(prevalence);
  at("dated").replaceChildren(make("span", {class: "blank-line"}, say("letter_for")), make("span", {}, say("letter_date", {date: new Date().toLocaleDateString(language, {dateStyle: "long"})})));
  const stated = choice.value ? choice.selectedOptions[0].textContent : share;
  at("values").replaceChildren(make("dt", {}, make("strong", {}, say("values"))), make("dd"), make("dt", {}, say("place")), make("dd", {}, stated), ...names.flatMap(name => [make("dt", {}, fields[name].label), make("dd", {}, valueWords(answer.record, name))]));
}
/* Back doesn't take what was entered along: it lands on a step of this page first, which says so */
const ENTERED = "entered", isEntered = () => names.some(name => !isBlank(values, name));
function stay() {
  if (history.state !== ENTERED && isEntered()) history.pushState(ENTERED, "", location.href);
  at("stay").textContent = "";
}
addEventListener("popstate", () => { if (history.state !== ENTERED && isEntered()) at("stay").textContent = say("still_here"); });
function setAll(record) { for (const name of names) controls[name].set(record[name] ?? null); update(); }
function showLimits() {
  const lines = [...page.limits_words[language], say("limit_place")];
  if (page.people) lines.push(say("limit_people", {people: grouped(page.people), events: grouped(page.events)}));
  at("limits").lastElementChild.replaceChildren(...[...lines, say("limit_local")].map(words => make("li", {}, words)));
}
function link() {
  const inUnit = name => units[name] && units[name] !== fields[name].unit ? ` ${units[name]}` : "";
  const parts = names.filter(name => !isBlank(values, name)).map(name => [name, `${inUnit(name) ? Number((values[name] / factorOf(fields[name], units[name])).toPrecision(12)) : values[name]}${inUnit(name)}`]);
  if (reader === "patient") parts.push(["reader", reader]);
  if (prevalence !== page.model.prevalence && prevalence !== null) parts.push(["prevalence", prevalence]);
  return `#${new URLSearchParams(parts)}`;
}
function fromLink() {
  const given = new URLSearchParams(location.hash.slice(1)), record = {};
  for (const name of names) if (given.has(name)) record[name] = fromText(name, given.get(name));
  const share = Number(given.get("prevalence"));
  const named = namedPlace(share);
  if (named) { at("place-choice").value = named[2]; at("place-share").oninput(); }
  else if (share >= 1e-4 && share <= .6) { at("place-choice").value = ""; at("place-share").value = general(100 * share, 10); at("place-share").oninput(); }
  return record;
}
function fromText(name, text) {             // a value of a link, in the unit that it was entered in
  const field = fields[name], {value = null, unit} = field.kind === "category" ? {value: text} : readNumber(text);
  if (!unit) return value;
  const other = Object.keys(field.factors).find(name => plainUnit(name) === unit);
  if (other && controls[name].unit) { controls[name].unit.value = units[name] = other; controls[name].scaled(); }
  return value * (field.known[unit] ?? 1);
}
function build(chosen) {
  const words = speak(chosen), before = {...values};
  for (const part of document.querySelectorAll("[data-text]")) if (texts[part.dataset.text]) part.textContent = say(part.dataset.text);
  at("simulated").hidden = !page.simulated;
  at("simulated").textContent = say("simulated");
  const place = at("place-choice").value, share = at("place-share").value;
  buildForm(words.form); buildPlace(); showLimits();
  if (share) { at("place-choice").value = place; at("place-share").value = share; at("place-share").oninput(); }
  for (const code of ["patient", "clinician"]) at(`for-${code}`).checked = reader === code;
  at("stamp").textContent = say("stamp", {version: page.version || say("no_version"), hash: page.sha256, made: page.made});
  setAll(before);
}
function read(code) { document.body.dataset.reader = reader = code; }
function start() {
  const select = at("language").querySelector("select"), offered = Object.keys(page.texts);
  select.append(...offered.map(code => make("option", {value: code, lang: code}, page.texts[code].language)));
  at("language").hidden = offered.length < 2;
  const wanted = [new URLSearchParams(location.search).get("lang"), ...navigator.languages.map(code => code.slice(0, 2))];
  select.value = wanted.find(code => offered.includes(code)) ?? "en";
  select.onchange = () => build(select.value);
  const given = [location.hash.slice(1), location.search].map(text => new URLSearchParams(text).get("reader"));
  read(given.includes("patient") ? "patient" : "clinician");
  build(select.value);
  at("form").onsubmit = event => event.preventDefault();
  at("example").onclick = () => setAll(page.example);
  at("clear").onclick = () => { kept = null; setAll({}); };
  at("print").onclick = at("letter").onclick = () => print();
  for (const code of ["patient", "clinician"]) at(`for-${code}`).onchange = () => { read(code); update(); };
  at("keep").onclick = () => { kept = kept ? null : {...values}; update(); };
  at("link").onclick = () => { history.replaceState(history.state, "", link()); navigator.clipboard?.writeText(location.href).catch(() => {}); at("linked").textContent = say("linked"); };
  setAll(fromLink());
}
start();
