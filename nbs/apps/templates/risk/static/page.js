"use strict";
/* Draws a tree of ipywidgets with the browser's own controls, over the kernel's websocket.
   Voila's own frontend is JupyterLab's: 120 requests, three to four seconds on two cores, sliders without names for a screen reader.
   Here a page is four files and readable in less than half a second. JupyterLab draws the same widgets its own way. */

const seen = (selector, within = document) => within.querySelector(selector);
const made = (tag, kind = "", attributes = {}) => Object.assign(document.createElement(tag), { className: kind }, attributes);
const named = (prefix) => `${prefix}-${(named.count = (named.count || 0) + 1)}`;

// ---------------------------------------------------------------- the kernel

class Kernel {
  constructor(base, id) {
    this.session = Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, "0")).join("");
    this.address = `${base}api/kernels/${id}`;
    this.waiting = new Map();   // id of a message -> what to do when the kernel has dealt with it
    this.count = 0;
  }
  open() {
    const socket = new WebSocket(`${location.protocol.replace("http", "ws")}//${location.host}${this.address}/channels?session_id=${this.session}`);
    socket.binaryType = "arraybuffer";
    socket.onopen = () => this.onopen();
    socket.onmessage = (event) => this.receive(unpacked(event.data));
    socket.onclose = () => this.onclose();
    this.socket = socket;
  }
  send(type, content, { metadata = {}, buffers = [], done = () => {} } = {}) {
    const id = `${this.session}_${this.count++}`;
    const header = { msg_id: id, msg_type: type, username: "", session: this.session, date: new Date().toISOString(), version: "5.3" };
    this.waiting.set(id, done);
    if (this.socket.readyState !== WebSocket.OPEN) return;   // what waits is sent again when it is open
    this.socket.send(packed({ channel: "shell", header, parent_header: {}, metadata, content }, buffers));
    clearTimeout(this.alarm);
    this.alarm = setTimeout(() => this.onsilence(), 6000);
  }
  receive(message) {
    clearTimeout(this.alarm);
    const state = message.content.execution_state;
    if (message.msg_type === "shutdown_reply" || (message.msg_type === "status" && ["dead", "restarting", "autorestarting"].includes(state))) return this.ondeath();
    if (message.channel !== "iopub") return;
    if (message.msg_type.startsWith("comm_")) this.oncomm(message.msg_type, message.content);
    if (state === "idle" && this.waiting.has(message.parent_header.msg_id)) {
      const done = this.waiting.get(message.parent_header.msg_id);
      this.waiting.delete(message.parent_header.msg_id);
      done();
    }
  }
}

// Jupyter's first websocket protocol: JSON, or where there are buffers: their number, their offsets, the JSON, the buffers
function packed(message, buffers) {
  if (!buffers.length) return JSON.stringify({ ...message, buffers: [] });
  const parts = [new TextEncoder().encode(JSON.stringify(message)), ...buffers.map((buffer) => new Uint8Array(buffer))];
  const whole = new Uint8Array(4 * (parts.length + 1) + parts.reduce((sum, part) => sum + part.length, 0));
  const view = new DataView(whole.buffer);
  view.setUint32(0, parts.length);
  let offset = 4 * (parts.length + 1);
  parts.forEach((part, n) => { view.setUint32(4 * (n + 1), offset); whole.set(part, offset); offset += part.length; });
  return whole.buffer;
}

function unpacked(data) {
  if (typeof data === "string") return JSON.parse(data);
  const view = new DataView(data), count = view.getUint32(0), end = count > 1 ? view.getUint32(8) : data.byteLength;
  return JSON.parse(new TextDecoder().decode(new Uint8Array(data, view.getUint32(4), end - view.getUint32(4))));
}

// ---------------------------------------------------------------- models

const models = new Map();

class Model {
  constructor(id, state) { Object.assign(this, { id, state, views: [], pending: null, busy: false }); }
  get kinds() { return this.state._dom_classes || []; }
  has(kind) { return this.kinds.includes(kind); }
  told(state) {                       // from the kernel
    Object.assign(this.state, state);
    for (const view of this.views) view.update(state);
  }
  caughtUp(state) {                   // from the kernel, all of it; what a person entered meanwhile is newer
    const newer = this.busy ? Object.keys({ ...this.underway, ...this.pending }) : [];
    const other = (key) => JSON.stringify(state[key]) !== JSON.stringify(this.state[key]);   // a box drawn anew would lose the focus
    this.told(Object.fromEntries(Object.entries(state).filter(([key]) => !newer.includes(key) && other(key))));
  }
  set(state, buffers = [], paths = []) {   // by a person; while one message is under way only the newest value waits
    Object.assign(this.state, state);
    if (this.busy) { this.pending = { ...this.pending, ...state }; return; }
    this.busy = true;
    this.underway = buffers.length ? null : state;   // a file isn't sent again
    kernel.send("comm_msg", { comm_id: this.id, data: { method: "update", state, buffer_paths: paths } }, { buffers, done: () => {
      this.busy = false;
      const next = this.pending;
      this.pending = null;
      if (next) this.set(next);
    } });
  }
  again() {                           // after a connection was lost: what may not have arrived
    const state = this.busy ? { ...this.underway, ...this.pending } : {};
    this.busy = false;
    this.pending = null;
    if (Object.keys(state).length) this.set(state);
  }
  click() { kernel.send("comm_msg", { comm_id: this.id, data: { method: "custom", content: { event: "click" } } }); }
}

const model = (reference) => models.get(reference.replace("IPY_MODEL_", ""));
const hidden = (each) => each.state.layout && model(each.state.layout)?.state.display === "none";

// ---------------------------------------------------------------- views: a kind of widget -> an element and how it follows its model

const draw = {
  BoxModel: box, HBoxModel: box, VBoxModel: box, GridBoxModel: box,

  HTMLModel(model) {
    const element = made("div", "sn-html");
    const update = (state) => {
      if (!("value" in state)) return;
      const open = [...element.querySelectorAll("details")].map((each) => each.open);   // what is unfolded stays so
      const at = [...element.querySelectorAll("summary, a, [tabindex]")].indexOf(document.activeElement);
      element.innerHTML = state.value;
      element.querySelectorAll("details").forEach((each, n) => { each.open = open[n] ?? false; });
      if (at >= 0) element.querySelectorAll("summary, a, [tabindex]")[at]?.focus();
      if (model.has("sn-live")) speak(element);
      if (model.has("sn-fault")) blame(element);
    };
    return { element, update };
  },

  TextModel(model) {
    const input = made("input", "", { type: "text", id: named("text"), autocomplete: "off", spellcheck: false });
    if (model.has("sn-box")) input.inputMode = "decimal";
    input.oninput = () => model.set({ value: input.value });
    const element = control(model, input);
    const update = (state) => {
      if ("value" in state && input.value !== state.value) input.value = state.value;
      if ("placeholder" in state) input.placeholder = state.placeholder || "";
      if ("disabled" in state) input.disabled = state.disabled;
      if ("description" in state) seen("label", element).textContent = state.description;
    };
    return { element, update };
  },

  FloatSliderModel(model) {
    const input = made("input", "", { type: "range", id: named("range") });
    input.setAttribute("aria-label", model.state.tooltip || model.state.description);
    input.oninput = () => model.set({ value: Number(input.value) });
    const element = made("div", "sn-control");
    element.append(input);
    const update = (state) => {
      for (const key of ["min", "max", "step"]) if (key in state) input[key] = state[key];
      if (["min", "max", "value"].some((key) => key in state)) input.value = model.state.value;
    };
    return { element, update };
  },

  CheckboxModel(model) {
    const input = made("input", "", { type: "checkbox", id: named("tick") }), label = made("label", "", { htmlFor: input.id });
    if (model.state.tooltip) input.setAttribute("aria-label", model.state.tooltip);
    input.onchange = () => model.set({ value: input.checked });
    const element = made("div", "sn-control sn-tick");
    element.append(input, label);
    const update = (state) => {
      if ("value" in state) input.checked = state.value;
      if ("description" in state) label.textContent = state.description;
    };
    return { element, update };
  },

  ToggleButtonsModel(model) {
    const element = made("fieldset", "sn-control sn-choice"), name = named("choice");
    element.append(made("legend", "", { textContent: model.state.description }));
    const row = element.appendChild(made("div", "sn-row"));
    model.state._options_labels.forEach((words, n) => {
      const input = made("input", "", { type: "radio", name, id: named("radio") });
      input.onchange = () => model.set({ index: n });
      row.append(input, made("label", "", { htmlFor: input.id, textContent: words }));
    });
    const update = (state) => { if ("index" in state) row.querySelectorAll("input").forEach((input, n) => { input.checked = n === state.index; }); };
    return { element, update };
  },

  DropdownModel(model) {
    const select = made("select", "", { id: named("list") });
    select.onchange = () => model.set({ index: select.selectedIndex });
    const element = control(model, select);
    const update = (state) => {
      if ("_options_labels" in state) select.replaceChildren(...state._options_labels.map((words) => made("option", "", { textContent: words })));
      select.selectedIndex = model.state.index ?? -1;
    };
    return { element, update };
  },

  ButtonModel(model) {
    const element = made("button", "sn-button", { type: "button" });
    element.onclick = () => model.click();
    return { element, update: (state) => { if ("description" in state) element.textContent = state.description; } };
  },

  AccordionModel(model) {
    const element = made("div", "sn-fold"), summaries = model.state.children.map((child) => {
      const fold = element.appendChild(made("details")), summary = fold.appendChild(made("summary"));
      fold.append(view(child));
      return summary;
    });
    const update = (state) => { if ("titles" in state) summaries.forEach((summary, n) => { summary.textContent = state.titles[n]; }); };
    return { element, update };
  },

  TabModel(model) {
    const element = made("div", "sn-tabbed"), list = element.appendChild(made("div", "sn-tablist"));
    list.setAttribute("role", "tablist");
    list.setAttribute("aria-label", "More about the answer and the model");
    const tabs = model.state.titles.map((title, n) => {
      const tab = made("button", "", { type: "button", id: named("tab"), textContent: title, onclick: () => choose(n) });
      const panel = made("div", "sn-panel", { id: named("panel"), tabIndex: 0 });
      for (const [to, name, value] of [[tab, "role", "tab"], [tab, "aria-controls", panel.id], [panel, "role", "tabpanel"], [panel, "aria-labelledby", tab.id]]) to.setAttribute(name, value);
      panel.append(view(model.state.children[n]));
      list.append(tab);
      element.append(panel);
      return { tab, panel };
    });
    const show = (n) => tabs.forEach(({ tab, panel }, m) => {
      tab.setAttribute("aria-selected", m === n);
      tab.tabIndex = m === n ? 0 : -1;
      panel.hidden = m !== n;
    });
    const choose = (n) => { show(n); model.set({ selected_index: n }); };
    list.onkeydown = (event) => {
      const now = tabs.findIndex(({ tab }) => tab === document.activeElement), last = tabs.length - 1;
      const next = { ArrowRight: now === last ? 0 : now + 1, ArrowLeft: now ? now - 1 : last, Home: 0, End: last }[event.key];
      if (next === undefined) return;
      event.preventDefault();
      tabs[next].tab.focus();
      choose(next);
    };
    return { element, update: (state) => { if ("selected_index" in state) show(state.selected_index ?? 0); } };
  },

  FileUploadModel(model) {
    const most = Number(model.kinds.find((kind) => kind.startsWith("sn-most-"))?.slice(8)) || 20e6;
    const input = made("input", "sn-unseen", { type: "file", accept: model.state.accept, id: named("file") });
    const label = made("label", "sn-button", { htmlFor: input.id, textContent: model.state.description });
    const problem = made("p", "sn-problem"), element = made("div", "sn-control sn-upload");
    problem.setAttribute("role", "alert");
    element.append(input, label, made("span", "sn-quiet", { textContent: "or drop it here" }), problem);
    const take = async (file) => {
      problem.textContent = "";
      if (!file) return;
      // refused before a byte of it is sent
      if (file.size > most) { problem.textContent = `The file has ${Math.round(file.size / 1e6).toLocaleString("en")} MB: give at most ${most / 1e6} MB.`; return; }
      const told = { name: file.name, type: file.type, size: file.size, last_modified: file.lastModified, content: null };
      model.set({ value: [told], error: "" }, [await file.arrayBuffer()], [["value", 0, "content"]]);
      model.state.value = [];
    };
    input.onchange = () => { take(input.files[0]); input.value = ""; };
    element.ondragover = (event) => { event.preventDefault(); element.classList.add("sn-over"); };
    element.ondragleave = () => element.classList.remove("sn-over");
    element.ondrop = (event) => { event.preventDefault(); element.classList.remove("sn-over"); take(event.dataTransfer.files[0]); };
    return { element, update() {} };
  },
};

function box(model) {
  const element = made("div", "sn-box-of");
  const update = (state) => {
    if (!("children" in state)) return;
    element.replaceChildren(...state.children.map(view));
    if (["sn-field", "sn-place"].some((kind) => model.has(kind))) describe(element);
    const legend = element.firstElementChild;
    if (!legend?.classList.contains("sn-legend-of")) return;
    legend.id = named("legend");
    element.setAttribute("role", "group");
    element.setAttribute("aria-labelledby", legend.id);
  };
  return { element, update };
}

// the boxes and lists of a field, without those of its aid
const controls = (field) => [...field.querySelectorAll("input[type=text], select")].filter((each) => !each.closest(".sn-aid"));

function describe(field) {                // a field's help and fault are read with its control
  const words = [...field.children].filter((each) => each.matches(".sn-help, .sn-fault"));
  for (const each of words) each.id ||= named("words");
  for (const each of controls(field)) each.setAttribute("aria-describedby", words.map((word) => word.id).join(" "));
}

function blame(fault) {                   // the control of a fault is marked, and unfolded where it is folded
  const field = fault.parentElement, wrong = fault.textContent.trim() !== "";
  if (!field) return;
  const last = controls(field).at(-1);   // of the place of use: the box, not the list
  if (wrong) last?.setAttribute("aria-invalid", "true"); else last?.removeAttribute("aria-invalid");
  if (wrong) for (let fold = field.closest("details"); fold; fold = fold.parentElement.closest("details")) fold.open = true;
}

function control(model, input) {
  const element = made("div", "sn-control");
  element.append(made("label", "", { htmlFor: input.id, textContent: model.state.description }), input);
  return element;
}

function view(reference) {
  const each = model(reference);
  if (each.has("sn-style")) return made("span");   // the page has the style sheet
  const kind = draw[each.state._model_name];
  const { element, update } = kind ? kind(each) : { element: made("p", "sn-quiet", { textContent: `A widget of the kind ${each.state._model_name} isn't drawn on this page.` }), update() {} };
  const follow = (state) => {
    update(state);
    if ("_dom_classes" in state) {
      element.classList.remove(...(follow.kinds || []));
      follow.kinds = state._dom_classes || [];
      element.classList.add(...follow.kinds);
    }
  };
  if (each.has("sn-page")) each.views.push({ update: (state) => { if (state.value) tellPage(JSON.parse(state.value)); } });
  each.views.push({ update: follow });
  follow(each.state);
  if (each.has("sn-page")) tellPage(JSON.parse(each.state.value));
  element.hidden = Boolean(hidden(each));
  if (each.has("sn-link")) keepLink(each);
  return element;
}

// ---------------------------------------------------------------- what is said, kept in the address, lost

let saying;
function speak(element) {                 // once things are quiet, and the sentence only
  clearTimeout(saying);
  saying = setTimeout(() => {
    const words = (seen(".sn-sentence", element) || element).textContent;
    if (element.offsetParent && seen("#sn-spoken").textContent !== words) seen("#sn-spoken").textContent = words;
  }, 600);
}

// without the query, which may hold the token, but for what a reader chose
function place() {
  const chosen = new URLSearchParams();
  if (page.reader === "patient") chosen.set("reader", page.reader);
  if (page.lang && page.lang !== navigator.language.slice(0, 2)) chosen.set("lang", page.lang);
  return location.pathname + (chosen.size ? `?${chosen}` : "");
}
let page = {};                            // what stands around the calculator, as the calculator says it
function tellPage(words) {
  page = words;
  document.documentElement.lang = words.lang;
  document.title = seen("header h1").textContent = words.title;
  for (const [selector, text] of [["header p", words.purpose], [".sn-skip", words.skip_calculator], ["#sn-copy", words.copy_link], ["#sn-print", words.print_page]]) if (seen(selector)) seen(selector).textContent = text;
  const note = seen(".sn-prose p");
  if (note) { note.dataset.first ??= note.textContent; note.textContent = words.note || note.dataset.first; }
  history.replaceState(history.state, "", place() + location.hash);
}
function askFor(query) {                  // language and reader, as the address or the browser has them
  const wanted = new URLSearchParams({ lang: query.get("lang") ?? navigator.languages.join(","), reader: query.get("reader") ?? "" });
  for (const each of models.values()) if (each.has("sn-asked")) each.set({ value: String(wanted) });
}
const address = (values) => history.replaceState(history.state, "", place() + (values ? `#${values}` : ""));
const KEPT = "stroke_nb values";          // across a reload of this tab, and no longer
function keepLink(link) {                 // the address holds values only as long as they are those of a link that was opened or asked for
  const opened = () => location.hash.slice(1);
  const follow = () => { if (opened() !== link.state.value && !opened().startsWith("sn-")) link.set({ value: opened() }); };
  addEventListener("hashchange", follow);
  const drop = () => { if (opened() && !same(opened(), link.state.value)) address(""); };
  link.views.push({ update: () => { stay(); clearTimeout(keepLink.late); keepLink.late = setTimeout(drop, 500); } });   // a link comes in several steps
  keepLink.values = () => link.state.value;
  keepLink.start = () => {
    const kept = sessionStorage.getItem(KEPT);
    sessionStorage.removeItem(KEPT);
    if (kept && !opened() && performance.getEntriesByType("navigation")[0]?.type === "reload") link.set({ value: kept });
    else follow();
  };
}
/* Back doesn't take what was entered along: it lands on a step of this page first, which says so */
const ENTERED = "entered";
function stay() {
  if (history.state !== ENTERED && keepLink.values?.()) history.pushState(ENTERED, "", location.href);
  seen("#sn-stay").textContent = "";
}
addEventListener("popstate", () => { if (history.state !== ENTERED && keepLink.values?.()) seen("#sn-stay").textContent = page.still_here; });
const same = (one, other) => String(new URLSearchParams(one)) === String(new URLSearchParams(other));

function lost(key, english) {             // in the reader's language where the calculator has told it
  if (lost.said) return;
  lost.said = true;
  clearTimeout(kernel.alarm);
  seen("#sn-lost p").textContent = page[key] || english;
  if (page.start_again) seen("#sn-lost button").textContent = page.start_again;
  seen("#sn-lost").hidden = false;
  seen("#sn-main").inert = true;
  seen("#sn-lost button").focus();
}

async function alive() {                  // true, false, or null where the server can't be asked
  try {
    const answer = await fetch(kernel.address, { cache: "no-store" });
    if (!answer.ok) return false;
    return (await answer.json()).execution_state !== "dead";
  } catch { return null; }
}

const pause = (seconds) => new Promise((done) => setTimeout(done, 1000 * seconds));
async function reconnect() {
  for (let attempt = 0; attempt < 6 && !lost.said; attempt++) {
    await pause(Math.min(2 ** attempt / 4, 4));
    const state = await alive();
    if (state === false) return lost("session_ended", "This session has ended, because it was idle for long or stopped working. Your values are kept.");
    if (state) { kernel.waiting.clear(); return kernel.open(); }
  }
  lost("connection_lost", "The connection to the calculator is lost. Your values are kept.");
}

// ---------------------------------------------------------------- beginning

let kernel, asked;
function begin() {
  const main = seen("#sn-main");
  document.title = seen("header h1").firstChild.textContent;
  asked = new URLSearchParams(location.search);
  if (location.search) history.replaceState(history.state, "", place() + location.hash);
  seen("#sn-lost button").onclick = () => location.reload();
  seen("#sn-print").onclick = () => print();
  seen("#sn-copy").onclick = copy;
  kernel = new Kernel(document.body.dataset.base, main.dataset.kernel);
  const control = `${kernel.session}-control`;
  kernel.onopen = () => {
    models.forEach((each) => each.again());   // before the states are asked for, so that they hold it
    kernel.send("comm_open", { comm_id: control, target_name: "jupyter.widget.control", data: {} }, { metadata: { version: "1.0.0" } });
    kernel.send("comm_msg", { comm_id: control, data: { method: "request_states" } });
  };
  kernel.oncomm = (type, content) => {
    const data = content.data || {};
    if (content.comm_id === control && data.method === "update_states") return first(data.states);
    if (type === "comm_open" && content.target_name === "jupyter.widget") models.set(content.comm_id, new Model(content.comm_id, data.state));
    if (type === "comm_close") models.delete(content.comm_id);
    if (type === "comm_msg" && data.method === "update") models.get(content.comm_id)?.told(data.state);
  };
  kernel.ondeath = () => lost("session_ended", "This session has ended, because it was idle for long or stopped working. Your values are kept.");
  kernel.onsilence = async () => { if (await alive() === false) kernel.ondeath(); };
  kernel.onclose = () => { if (!leaving) reconnect(); };
  setInterval(() => { if (!document.hidden && !lost.said) kernel.onsilence(); }, 30_000);   // a session may end without a word
  kernel.open();
}

function first(states) {
  if (models.size) {                      // connected again: only what changed meanwhile
    for (const [id, each] of Object.entries(states)) if (models.has(id)) models.get(id).caughtUp(each.state); else models.set(id, new Model(id, { ...each.state, _model_name: each.model_name }));
    return;
  }
  for (const [id, each] of Object.entries(states)) models.set(id, new Model(id, { ...each.state, _model_name: each.model_name }));
  const holders = [...document.querySelectorAll("[data-widget]")].filter((holder) => models.has(holder.dataset.widget));
  seen("#sn-wait").remove();
  if (!holders.length) return lost("", "The calculator couldn't be shown this time.");
  for (const holder of holders) holder.replaceChildren(view(holder.dataset.widget));
  for (const each of models.values()) if (each.has("sn-opened")) each.click();
  askFor(asked);
  keepLink.start?.();
}

async function copy() {                   // a link is made when it is asked for, and stands in the address from then on
  address(keepLink.values?.());
  const link = location.href, button = seen("#sn-copy");
  try {
    await navigator.clipboard.writeText(link);
    button.textContent = page.link_copied;
    setTimeout(() => { button.textContent = page.copy_link; }, 2500);
  } catch { prompt(page.copy_this, link); }
}

let leaving = false;
addEventListener("pagehide", () => {      // the session's memory is free at once
  leaving = true;
  if (keepLink.values?.()) sessionStorage.setItem(KEPT, keepLink.values());
  const token = document.cookie.match(/(?:^|; )_xsrf=([^;]*)/)?.[1];
  if (kernel) navigator.sendBeacon(`${document.body.dataset.base}voila/api/shutdown/${document.querySelector("#sn-main").dataset.kernel}`, token ? new URLSearchParams({ _xsrf: decodeURIComponent(token) }) : undefined);
});
addEventListener("pageshow", (event) => { if (event.persisted) location.reload(); });

if (seen("#sn-main")) begin();
