// Turns Slack's mrkdwn into DOM nodes. Text only ever becomes text nodes: nothing here writes HTML.
import { state } from "./state.js";

export function h(tag, attributes = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith("on")) node.addEventListener(name.slice(2), value);
    else if (value === true) node.setAttribute(name, "");
    else if (value !== false && value != null) node.setAttribute(name, value);
  }
  node.append(...children.flat(Infinity).filter((child) => child != null && child !== false));
  return node;
}

const unescape = (text) => text.replace(/&lt;/g, "<").replace(/&gt;/g, ">").replace(/&amp;/g, "&");

export function emoji(text) {
  return text.replace(/:([a-z0-9_+-]+):/g, (whole, name) => state.emoji[name] ?? whole);
}

const plain = (text) => document.createTextNode(unescape(emoji(text)));

export function safeLink(url) {
  return /^(https?|mailto):/.test(url) ? url : null;
}

export function formatDate(stamp, format) {
  const at = new Date(stamp * 1000);
  const day = (options) => at.toLocaleDateString("en-GB", options);
  const values = {
    date_num: at.toISOString().slice(0, 10),
    date: day({ day: "numeric", month: "long", year: "numeric" }),
    date_short: day({ day: "numeric", month: "short", year: "numeric" }),
    date_long: day({ weekday: "long", day: "numeric", month: "long", year: "numeric" }),
    time: at.toLocaleTimeString("en-GB", { hour: "2-digit", minute: "2-digit" }),
    time_secs: at.toLocaleTimeString("en-GB"),
  };
  const isToday = at.toDateString() === new Date().toDateString();
  for (const name of ["date", "date_short", "date_long"]) values[`${name}_pretty`] = isToday ? "today" : values[name];
  return format.replace(/\{(\w+)\}/g, (whole, name) => values[name] ?? whole);
}

export function mention(kind, name) {
  return h("span", { class: `mention ${kind}` }, name);
}

export const people = {
  user: (id) => mention(id === state.you ? "you" : "user", `@${state.users[id]?.name ?? id}`),
  channel: (id) => mention("channel", `#${state.channels.find((c) => c.id === id)?.name ?? id}`),
  group: (id) => mention("group", `@${state.groups[id] ?? id}`),
};

function reference(inner) {
  const [target, label] = inner.split(/\|(.*)/s);
  if (target.startsWith("!date^")) {
    const [, stamp, format, url] = target.split("^");
    const time = h("time", { datetime: new Date(stamp * 1000).toISOString(), title: label }, formatDate(stamp, format));
    return url && safeLink(url) ? h("a", { href: url, target: "_blank", rel: "noreferrer" }, time) : time;
  }
  if (target.startsWith("@")) return people.user(target.slice(1));
  if (target.startsWith("#")) return people.channel(target.slice(1));
  if (target.startsWith("!subteam^")) return people.group(target.slice(9));
  if (target.startsWith("!")) return mention("group", `@${target.slice(1)}`);
  const href = safeLink(unescape(target));
  const shown = unescape(emoji(label || target));
  return href ? h("a", { href, target: "_blank", rel: "noreferrer" }, shown) : document.createTextNode(shown);
}

// The first rule that matches at the earliest place wins; code comes first, for nothing is formatted in it.
const RULES = [
  [/```([\s\S]+?)```/, (m) => h("pre", {}, unescape(m[1].replace(/^\n/, "")))],
  [/`([^`\n]+)`/, (m) => h("code", {}, unescape(m[1]))],
  [/<([^<>\n]+)>/, (m) => reference(m[1])],
  [/https?:\/\/[^\s<>|]*[^\s<>|.,;:!?)]/, (m) => h("a", { href: unescape(m[0]), target: "_blank", rel: "noreferrer" }, unescape(m[0]))],
  [/(?<![\w*])\*(?! )([^*\n]+?)(?<! )\*(?![\w*])/, (m) => h("strong", {}, inline(m[1]))],
  [/(?<![\w_])_(?! )([^_\n]+?)(?<! )_(?![\w_])/, (m) => h("em", {}, inline(m[1]))],
  [/(?<![\w~])~(?! )([^~\n]+?)(?<! )~(?![\w~])/, (m) => h("s", {}, inline(m[1]))],
];

function inline(text) {
  const nodes = [];
  while (text) {
    let first = null;
    for (const [pattern, make] of RULES) {
      const found = pattern.exec(text);
      if (found && (!first || found.index < first.found.index)) first = { found, make };
    }
    if (!first) return [...nodes, plain(text)];
    const { found, make } = first;
    if (found.index) nodes.push(plain(text.slice(0, found.index)));
    nodes.push(make(found));
    text = text.slice(found.index + found[0].length);
  }
  return nodes;
}

export function mrkdwn(text) {
  const nodes = [];
  // A fenced block may span lines; everything else is laid out line by line.
  for (const part of text.split(/(```[\s\S]+?```\n?)/)) {
    if (part.startsWith("```")) {
      nodes.push(...inline(part.trimEnd()));
      continue;
    }
    let inBlock = false; // a quote or a fence ends its line by itself
    part.replace(/\n$/, "").split("\n").forEach((line, index) => {
      if (index && !inBlock) nodes.push(h("br"));
      const quote = /^(?:&gt;|>) ?(.*)/.exec(line);
      nodes.push(...(quote ? [h("blockquote", {}, inline(quote[1]))] : inline(line)));
      inBlock = Boolean(quote);
    });
  }
  return nodes;
}

export function textObject(object) {
  if (!object) return [];
  if (object.type === "mrkdwn") return mrkdwn(object.text);
  const shown = object.emoji === false ? (line) => line : emoji;
  return object.text.split("\n").flatMap((line, index) => [index ? h("br") : null, document.createTextNode(shown(line))]);
}
