// Turns Block Kit blocks into DOM nodes; a press calls back with the element's action_id or label.
import { emoji, formatDate, h, mrkdwn, people, safeLink, textObject } from "./mrkdwn.js";

export function renderBlocks(blocks, press) {
  return blocks.map((block) => {
    const make = BLOCKS[block.type] ?? unknown;
    return h("div", { class: `block ${block.type}`, "data-block": block.block_id }, make(block, press));
  });
}

const unknown = (block) => `(${block.type})`;

const BLOCKS = {
  section: (block, press) => [
    h("div", { class: "body" },
      block.text ? h("div", { class: "text" }, textObject(block.text)) : null,
      block.fields ? h("div", { class: "fields" }, block.fields.map((f) => h("div", {}, textObject(f)))) : null),
    block.accessory ? h("div", { class: "accessory" }, element(block.accessory, press)) : null,
  ],
  header: (block) => h("h3", {}, textObject(block.text)),
  divider: () => h("hr"),
  context: (block) => block.elements.map((e) => (e.type === "image" ? image(e) : h("span", {}, textObject(e)))),
  actions: (block, press) => block.elements.map((e) => element(e, press)),
  image: (block) => h("figure", {}, block.title ? h("figcaption", {}, textObject(block.title)) : null, image(block)),
  table: (block) => table(block, block.column_settings ?? []),
  data_table: (block) => [h("div", { class: "caption" }, block.caption), table(block, [])],
  rich_text: (block) => rich(block.elements),
  markdown: (block) => mrkdwn(block.text.replace(/\*\*/g, "*").replace(/^#+ (.*)$/gm, "*$1*")),
  alert: (block) => h("div", { role: "alert" }, textObject(block.text)),
  input: (block) => input(block),
};

function image(block) {
  const url = block.image_url ?? `/files/${block.slack_file?.id}/image`;
  return safeLink(url) || url.startsWith("/files/") ? h("img", { src: url, alt: block.alt_text }) : block.alt_text;
}

function table(block, settings) {
  const cell = (tag) => (value, column) => {
    const kind = settings[column] ?? {};
    const style = `text-align:${kind.align ?? "left"};white-space:${kind.is_wrapped ? "normal" : "nowrap"}`;
    const inside = value.type === "rich_text" ? rich(value.elements) : emoji(String(value.text ?? value.value));
    return h(tag, { style, scope: tag === "th" ? "col" : null }, inside);
  };
  const [head, ...rows] = block.rows;
  return h("div", { class: "table-scroll" },
    h("table", {},
      h("thead", {}, h("tr", {}, head.map(cell("th")))),
      h("tbody", {}, rows.map((row) => h("tr", {}, row.map(cell("td")))))));
}

const LEAVES = {
  text: (leaf) => leaf.text,
  emoji: (leaf) => emoji(`:${leaf.name}:`),
  link: (leaf) => (safeLink(leaf.url)
    ? h("a", { href: leaf.url, target: "_blank", rel: "noreferrer" }, leaf.text ?? leaf.url) : leaf.text ?? leaf.url),
  user: (leaf) => people.user(leaf.user_id),
  usergroup: (leaf) => people.group(leaf.usergroup_id),
  channel: (leaf) => people.channel(leaf.channel_id),
  broadcast: (leaf) => h("span", { class: "mention group" }, `@${leaf.range}`),
  date: (leaf) => h("time", {}, formatDate(leaf.timestamp, leaf.format)),
};
const STYLES = { bold: "strong", italic: "em", strike: "s", code: "code", underline: "u" };
const CONTAINERS = {
  rich_text_section: (part) => h("div", { class: "text" }, leaves(part.elements)),
  rich_text_preformatted: (part) => h("pre", {}, leaves(part.elements)),
  rich_text_quote: (part) => h("blockquote", {}, leaves(part.elements)),
  rich_text_list: (part) => h(part.style === "ordered" ? "ol" : "ul",
    { style: part.indent ? `margin-left:${part.indent * 1.5}em` : null },
    part.elements.map((item) => h("li", {}, leaves(item.elements)))),
};

function leaves(elements) {
  return elements.map((leaf) => {
    let node = LEAVES[leaf.type]?.(leaf) ?? "";
    for (const [style, tag] of Object.entries(STYLES)) if (leaf.style?.[style]) node = h(tag, {}, node);
    return node;
  });
}

const rich = (elements) => elements.map((part) => CONTAINERS[part.type]?.(part) ?? null);

function element(part, press) {
  if (part.type === "image") return image(part);
  if (part.type === "button") {
    const name = part.action_id ?? part.text.text;
    const attributes = { type: "button", class: `button ${part.style ?? ""}`, "aria-label": part.accessibility_label };
    return h("button", { ...attributes, onclick: (event) => confirmed(part, event, () => press(name)) }, textObject(part.text));
  }
  if (part.options || part.option_groups) {
    const chosen = (event) => press(part.action_id, event.target.value);
    return menu(part, { "aria-label": part.placeholder?.text ?? "Choose", onchange: chosen });
  }
  return h("span", {}, `(${part.type})`);
}

function menu(part, attributes) {
  const initial = part.initial_option?.value;
  const option = (o) => h("option", { value: o.value, selected: o.value === initial }, emoji(o.text.text));
  const groups = part.option_groups?.map((g) => h("optgroup", { label: g.label.text }, g.options.map(option)));
  const empty = initial ? null : h("option", { value: "" }, part.placeholder?.text ?? "…");
  return h("select", attributes, empty, groups ?? part.options.map(option));
}

function confirmed(part, event, go) {
  if (!part.confirm) return void go();
  const ask = part.confirm;
  const close = (then) => () => { box.close(); box.remove(); then?.(); };
  const box = h("dialog", { class: "confirm", "aria-label": ask.title.text },
    h("h3", {}, textObject(ask.title)),
    h("p", {}, textObject(ask.text)),
    h("div", { class: "buttons" },
      h("button", { type: "button", class: "button", onclick: close() }, ask.deny?.text ?? "Cancel"),
      h("button", { type: "button", class: `button ${ask.style ?? "primary"}`, onclick: close(go) }, ask.confirm?.text ?? "Yes")));
  document.body.append(box);
  box.showModal();
}

function input(block) {
  const part = block.element;
  const name = block.block_id;
  const label = [textObject(block.label), block.optional ? h("small", {}, " (optional)") : null];
  const hint = block.hint ? h("small", { class: "hint-text" }, textObject(block.hint)) : null;
  if (part.type === "checkboxes" || part.type === "radio_buttons") {
    const kind = part.type === "checkboxes" ? "checkbox" : "radio";
    const on = [part.initial_option, ...(part.initial_options ?? [])].filter(Boolean).map((o) => o.value);
    const choice = (o) => h("label", { class: "choice" },
      h("input", { type: kind, name, value: o.value, checked: on.includes(o.value) }),
      h("span", {}, textObject(o.text), o.description ? h("small", {}, textObject(o.description)) : null));
    return h("fieldset", {}, h("legend", {}, label), part.options.map(choice), hint);
  }
  const shared = { name, required: !block.optional, placeholder: part.placeholder?.text };
  let field;
  if (part.options || part.option_groups) field = menu(part, { name, required: !block.optional });
  else if (part.multiline) field = h("textarea", { ...shared, rows: 4 }, part.initial_value ?? "");
  else field = h("input", { ...shared, type: part.type === "number_input" ? "number" : "text", value: part.initial_value,
    min: part.min_value, max: part.max_value, maxlength: part.max_length });
  return h("label", {}, h("span", { class: "label" }, label), field, hint);
}
