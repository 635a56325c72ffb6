// The styles: pictures to choose from, several with weights, or a picture of one's own; and the sliders.

import { json } from "./api.js";

const at = id => document.getElementById(id);
let entries = [];
// Titles with the styles that carry them, one a network: the first is the fast one.
let groups = [];
let chosen = [];
let own = null;
let told = () => {};

function words(entry) {
  const [title, ...rest] = (entry.title ?? entry.name.replaceAll("-", " ").replace(/^./, c => c.toUpperCase())).split(", ");
  return { title, by: rest.join(", ") };
}

function styleOf(group) {
  return at("fine").getAttribute("aria-pressed") === "true" ? group.at(-1) : group[0];
}

function tile(key, picture, label, hint) {
  const button = document.createElement("button");
  button.type = "button";
  button.title = hint;
  button.dataset.style = key;
  const image = new Image();
  image.alt = "";
  image.loading = "lazy";
  image.onload = () => image.classList.add("there");
  image.src = picture;
  const name = document.createElement("span");
  name.textContent = label;
  button.append(image, name);
  button.onclick = () => choose(key);
  return button;
}

function choose(key) {
  if (at("mix").checked) {
    const place = chosen.findIndex(one => one.key === key);
    if (place < 0) chosen.push({ key, weight: 1 });
    else if (chosen.length > 1) chosen.splice(place, 1);
  } else {
    chosen = [{ key, weight: 1 }];
  }
  // A picture of one's own is painted by other networks, which do not mix with these.
  if (key === "own") chosen = [{ key, weight: 1 }];
  else chosen = chosen.filter(one => one.key !== "own");
  show();
  told();
}

function show() {
  for (const button of at("styles").querySelectorAll("button")) {
    button.setAttribute("aria-pressed", chosen.some(one => one.key === button.dataset.style));
  }
  const total = chosen.reduce((sum, one) => sum + one.weight, 0);
  const share = one => `${Math.round(100 * one.weight / total)} %`;
  at("weights").replaceChildren(...(chosen.length < 2 ? [] : chosen.map(one => {
    const label = document.createElement("label");
    label.className = "range";
    const value = document.createElement("output");
    value.textContent = share(one);
    const input = Object.assign(document.createElement("input"), { type: "range", min: 0.05, max: 1, step: 0.05, value: one.weight });
    input.oninput = () => {
      one.weight = Number(input.value);
      const sum = chosen.reduce((sum, other) => sum + other.weight, 0);
      [...at("weights").querySelectorAll("output")].forEach((output, place) => {
        output.textContent = `${Math.round(100 * chosen[place].weight / sum)} %`;
      });
      told();
    };
    label.append(words(groups[one.key][0]).title, " ", value, input);
    return label;
  })));
  const scale = 2 ** Number(at("scale").value);
  at("scale-value").textContent = `×${scale.toFixed(2)}`;
  at("strength-value").textContent = `${Math.round(at("strength").value * 100)} %`;
}

function build(mayBeOwn) {
  const tiles = groups.map((group, key) => {
    const entry = styleOf(group);
    const { title, by } = words(entry);
    return tile(String(key), entry.thumbnail, title, by ? `${title}, ${by}` : title);
  });
  if (mayBeOwn) {
    const button = document.createElement("button");
    button.type = "button";
    button.className = "own";
    button.dataset.style = "own";
    if (own) {
      const filled = tile("own", own.url, "Your picture", "Your own picture; choose it again to replace it");
      filled.className = "own there";
      filled.onclick = () => chosen[0]?.key === "own" ? at("style-file").click() : choose("own");
      tiles.unshift(filled);
    } else {
      button.textContent = "+ Any picture as the style";
      button.onclick = () => at("style-file").click();
      tiles.push(button);
    }
  }
  at("styles").replaceChildren(...tiles);
  show();
}

// What can be done here, and `change` for whenever the way of painting changes.
export async function open(change) {
  const list = await json("api/v1/styles");
  entries = list.styles.filter(style => !style.unstyled);
  const byTitle = new Map();
  for (const entry of entries) {
    const key = entry.title ?? entry.name;
    byTitle.set(key, [...(byTitle.get(key) ?? []), entry]);
  }
  groups = [...byTitle.values()];
  const mayBeOwn = list.style_image || list.paint;
  chosen = [{ key: "0", weight: 1 }];
  at("grades").hidden = !groups.some(group => group.length > 1);
  build(mayBeOwn);
  told = change;
  for (const id of ["fast", "fine"]) {
    at(id).onclick = () => {
      for (const other of ["fast", "fine"]) at(other).setAttribute("aria-pressed", other === id);
      build(mayBeOwn);
      told();
    };
  }
  at("mix").onchange = () => {
    if (!at("mix").checked) chosen = chosen.slice(0, 1);
    show();
    told();
  };
  for (const id of ["strength", "scale", "keep_colors"]) {
    at(id).oninput = () => {
      show();
      told();
    };
  }
  at("style-file").onchange = () => {
    const [file] = at("style-file").files;
    at("style-file").value = "";
    if (!file) return;
    if (own) URL.revokeObjectURL(own.url);
    own = { file, url: URL.createObjectURL(file) };
    build(mayBeOwn);
    choose("own");
  };
  return list;
}

// The picture that is the style, if one is.
export function ownPicture() {
  return chosen[0]?.key === "own" ? own.file : null;
}

// The style as an expression; a picture of one's own has none.
export function expression() {
  if (ownPicture()) return styleOf(groups[0]).name;
  return chosen.map(one => `${styleOf(groups[one.key]).name}:${one.weight}`).join(",");
}

// What the sliders say.
export function sliders() {
  return {
    strength: Number(at("strength").value),
    scale: (2 ** Number(at("scale").value)).toFixed(3),
    keep_colors: at("keep_colors").checked,
  };
}

// The form that asks for this way of painting.
export function form() {
  const data = new FormData();
  if (ownPicture()) data.append("style_image", ownPicture());
  else data.append("style", expression());
  for (const [name, value] of Object.entries(sliders())) data.append(name, value);
  return data;
}
