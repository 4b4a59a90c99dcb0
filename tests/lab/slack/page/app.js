// Draws the workspace from the state and sends what the person does; only what changed is drawn anew.
import { renderBlocks } from "./blocks.js";
import { h, mrkdwn, textObject } from "./mrkdwn.js";
import { act, follow, refresh, state } from "./state.js";

const $ = (id) => document.getElementById(id);
const asked = new URLSearchParams(location.search);
let channel = asked.get("channel") ?? state.channels[0].id;
let thread = asked.get("thread");
const seen = {};

const clock = (ts) => new Date(ts * 1000).toLocaleTimeString("en-GB", { hour: "2-digit", minute: "2-digit" });
const report = (trouble) => { $("link-state").textContent = trouble.message; };
const run = (action, details) => act(action, details).catch(report);

function avatar(user) {
  const person = state.users[user] ?? { real_name: "?", is_bot: false };
  const initials = person.real_name.split(" ").map((word) => word[0]).join("").slice(0, 2);
  const hue = [...user].reduce((sum, letter) => sum * 31 + letter.charCodeAt(0), 7) % 360;
  return h("div", { class: `avatar ${person.is_bot ? "bot" : ""}`, style: `--hue:${hue}`, "aria-hidden": "true" },
    person.is_bot ? "📡" : initials);
}

function attachment(file) {
  const url = `/files/${file.id}/${encodeURIComponent(file.name)}`;
  if (file.mimetype.startsWith("image/")) {
    return h("figure", { class: "file" }, h("figcaption", {}, file.title),
      h("a", { href: url, target: "_blank" }, h("img", { src: url, alt: file.alt_txt ?? file.title })));
  }
  const size = file.size < 1024 ? `${file.size} bytes` : `${(file.size / 1024).toFixed(1)} KB`;
  return h("a", { class: "file download", href: url, download: file.name }, h("span", { "aria-hidden": "true" }, "📄"),
    h("span", {}, h("b", {}, file.title), h("small", {}, `${file.name} · ${size}`)));
}

function contents(message, press) {
  return [
    message.blocks.length ? renderBlocks(message.blocks, press) : h("div", { class: "text" }, mrkdwn(message.text)),
    message.files.map(attachment),
  ];
}

function drawMessage(message, inThread) {
  const user = state.users[message.user] ?? { real_name: message.user };
  const press = (button, value) => run("press", { channel: message.channel, ts: message.ts, button, value });
  const replies = !inThread && message.replies.length;
  const edits = message.edits ? h("small", { class: "edited", title: `${message.edits} edits` }, "(edited)") : null;
  return h("article", { class: `message ${message.only_for ? "only" : ""}`, "data-ts": message.ts },
    avatar(message.user),
    h("div", { class: "content" },
      message.only_for ? h("div", { class: "only-note" }, "👁 Only visible to you") : null,
      h("div", { class: "who" }, h("b", {}, user.real_name), user.is_bot ? h("span", { class: "app" }, "APP") : null,
        h("time", {}, clock(message.ts)), edits),
      contents(message, press),
      replies ? h("button", { type: "button", class: "replies", onclick: () => openThread(message.ts) },
        avatar(message.replies.at(-1).user), h("b", {}, `${replies} ${replies === 1 ? "reply" : "replies"}`),
        h("small", {}, `Last at ${clock(message.replies.at(-1).ts)}`)) : null),
    message.only_for ? null : toolbar(message, inThread));
}

function toolbar(message, inThread) {
  const shortcut = ([id, label]) => h("button", { type: "button", title: label, "aria-label": label,
    onclick: () => run("shortcut", { channel: message.channel, ts: message.ts, callback_id: id }) }, "⚡");
  const reply = h("button", { type: "button", title: "Reply in thread", "aria-label": "Reply in thread",
    onclick: () => openThread(message.ts) }, "💬");
  return h("div", { class: "toolbar" }, inThread ? null : reply, state.shortcuts.map(shortcut));
}

// Keep the nodes whose message did not change: focus, scroll and open menus survive an update.
function drawList(box, messages, inThread) {
  const atEnd = box.scrollHeight - box.scrollTop - box.clientHeight < 80;
  const old = new Map([...box.children].map((node) => [node.dataset.ts, node]));
  const nodes = messages.map((message) => {
    const key = JSON.stringify(inThread ? { ...message, replies: [] } : message);
    const known = old.get(message.ts);
    if (known?.drawn === key) return known;
    const node = drawMessage(message, inThread);
    node.drawn = key;
    return node;
  });
  const same = nodes.length === box.children.length && nodes.every((node, index) => box.children[index] === node);
  if (!same) box.replaceChildren(...nodes);
  if (atEnd) box.scrollTop = box.scrollHeight;
}

function drawChannels() {
  const row = (place) => {
    const fresh = place.messages.length > (seen[place.id] ?? place.messages.length) && place.id !== channel;
    const name = place.kind === "im" ? place.name : `${place.kind === "private" ? "🔒" : "#"} ${place.name}`;
    const notes = [place.archived ? "archived" : null, place.has_bot ? null : "bot not here"].filter(Boolean).join(", ");
    return h("li", {}, h("button", { type: "button", class: fresh ? "fresh" : "", "aria-current": place.id === channel ? "page" : null,
      onclick: () => openChannel(place.id) }, h("span", {}, name), notes ? h("small", {}, notes) : null));
  };
  $("channels").replaceChildren(...state.channels.filter((c) => c.kind !== "im").map(row));
  $("dms").replaceChildren(...state.channels.filter((c) => c.kind === "im").map(row));
}

function drawPanel() {
  $("panel").hidden = !state.panel.length;
  const row = (fault) => h("label", { class: "fault", title: fault.description },
    h("input", { type: "radio", name: "fault", checked: fault.chosen, onchange: () => run("choose", { name: fault.name }) }),
    h("span", {}, h("b", {}, fault.name), h("small", {}, fault.description)));
  const key = JSON.stringify(state.panel);
  if ($("faults").drawn === key) return;
  $("faults").drawn = key;
  $("faults").replaceChildren(...state.panel.map(row));
}

function drawDialog() {
  const box = $("dialog");
  const view = state.view;
  const key = view && JSON.stringify([view.id, view.body]);
  if (box.drawn === key) return void (view && drawErrors(box, view.errors));
  box.drawn = key;
  if (!view) return void (box.open && box.close());
  const press = (button, value) => run("press_in_view", { view: view.id, button, value });
  const cancel = () => run("close_view", { view: view.id });
  const submit = (event) => {
    event.preventDefault();
    const values = {};
    for (const block of view.body.blocks.filter((b) => b.type === "input")) {
      const all = new FormData(event.target).getAll(block.block_id);
      if (block.element.type === "checkboxes") values[block.block_id] = all;
      else if (all.length && all[0] !== "") values[block.block_id] = all[0];
    }
    run("submit", { view: view.id, values });
  };
  box.replaceChildren(h("form", { onsubmit: submit, "aria-label": view.body.title.text },
    h("h2", {}, textObject(view.body.title)),
    h("div", { class: "view-blocks" }, renderBlocks(view.body.blocks, press)),
    h("div", { class: "buttons" },
      h("button", { type: "button", class: "button", onclick: cancel }, view.body.close?.text ?? "Cancel"),
      view.body.submit ? h("button", { type: "submit", class: "button primary" }, view.body.submit.text) : null)));
  drawErrors(box, view.errors);
  if (!box.open) box.showModal();
}

// What was typed stays: a complaint is added to its field, the field is not drawn anew.
function drawErrors(box, errors) {
  for (const old of box.querySelectorAll(".error")) old.remove();
  for (const [block, text] of Object.entries(errors)) {
    box.querySelector(`[data-block="${CSS.escape(block)}"]`)?.append(h("p", { class: "error", role: "alert" }, text));
  }
}

function drawHome(place) {
  const view = place.kind === "im" ? state.home : null;
  const key = JSON.stringify(view);
  $("home").hidden = !view;
  if ($("home").drawn === key) return;
  $("home").drawn = key;
  const press = (button, value) => run("press_in_view", { view: view.id, button, value });
  $("home").replaceChildren(...(view ? renderBlocks(view.body.blocks, press) : []));
}

function draw() {
  const place = state.channels.find((c) => c.id === channel) ?? state.channels[0];
  channel = place.id;
  seen[channel] = place.messages.length;
  $("team").textContent = state.team;
  $("channel-name").textContent = place.kind === "im" ? place.name : `# ${place.name}`;
  $("topic").textContent = place.topic;
  if (thread === "latest") thread = place.messages.filter((m) => m.replies.length).at(-1)?.ts ?? null;
  drawChannels();
  drawHome(place);
  drawList($("messages"), place.messages, false);
  const root = place.messages.find((m) => m.ts === thread);
  $("thread").hidden = !root;
  document.body.classList.toggle("with-thread", Boolean(root));
  if (root) {
    $("thread-where").textContent = place.kind === "im" ? place.name : `# ${place.name}`;
    drawList($("replies"), [root, ...root.replies], true);
  }
  drawPanel();
  drawDialog();
}

function openChannel(id) {
  channel = id;
  thread = null;
  $("messages").replaceChildren();
  draw();
  $("messages").scrollTop = $("messages").scrollHeight;
  if (state.channels.find((place) => place.id === id).kind === "im") run("open_home");
}

function openThread(ts) {
  thread = ts;
  $("replies").replaceChildren();
  draw();
  $("replies").scrollTop = 0;
  $("reply-text").focus({ preventScroll: true });
}

function send(field, thread_ts) {
  const text = field.value.trim();
  if (!text) return;
  field.value = "";
  $("hint").hidden = true;
  run("type", { channel, text, thread_ts });
}

function setTheme(theme) {
  document.documentElement.dataset.theme = theme;
  localStorage.setItem("theme", theme);
}

function start() {
  const people = Object.entries(state.users).filter(([, user]) => !user.is_bot);
  $("me").replaceChildren(...people.map(([id, user]) => h("option", { value: id, selected: id === state.you }, user.real_name)));
  $("me").onchange = async (event) => { state.you = event.target.value; await refresh(); draw(); };
  $("composer").onsubmit = (event) => { event.preventDefault(); send($("text")); };
  $("reply").onsubmit = (event) => { event.preventDefault(); send($("reply-text"), thread); };
  $("text").oninput = () => { $("hint").hidden = !$("text").value.startsWith("/"); };
  $("close-thread").onclick = () => { thread = null; draw(); $("text").focus(); };
  $("dialog").oncancel = (event) => { event.preventDefault(); run("close_view", { view: state.view.id }); };
  document.addEventListener("keydown", (event) => {
    if (event.key === "Escape" && thread && !document.querySelector("dialog[open]")) $("close-thread").click();
  });
  const dark = matchMedia("(prefers-color-scheme: dark)").matches;
  setTheme(asked.get("theme") ?? localStorage.getItem("theme") ?? (dark ? "dark" : "light"));
  $("theme").onclick = () => setTheme(document.documentElement.dataset.theme === "dark" ? "light" : "dark");
  draw();
  $("messages").scrollTop = $("messages").scrollHeight;
  $("replies").scrollTop = 0;
  if (asked.get("live") !== "no") follow(draw, (linked) => { $("link-state").textContent = linked ? "" : "not connected"; });
}

start();
