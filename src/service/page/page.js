// The page: what is dropped, pasted or chosen is painted, and shown beside its original.

import { ask } from "./api.js";
import * as styles from "./styles.js";

const at = id => document.getElementById(id);
const works = [];
let current = null;

// What is on the stage.
const VIEWS = ["empty", "compare", "running", "film", "live"];
function view(name) {
  for (const id of VIEWS) at(id).hidden = id !== name;
  at("tools").hidden = name === "empty";
}

function busy(words) {
  at("busy").hidden = !words;
  at("busy-words").textContent = words ?? "";
}

function wrong(words) {
  at("wrong").textContent = words ?? "";
}

function tools(...shown) {
  for (const tool of at("tools").children) tool.hidden = !shown.includes(tool.id);
}

function show(work) {
  current = work;
  shelf();
  if (!work) {
    view("empty");
    busy();
    return;
  }
  wrong(work.wrong);
  showPhoto(work);
}

function showPhoto(work) {
  view("compare");
  at("compare").classList.toggle("bare", !work.painting);
  if (at("original").src !== work.url) at("original").src = work.url;
  at("original").alt = `${work.name}, as it was`;
  if (work.painting) at("painting").src = work.painting;
  else at("painting").removeAttribute("src");
  at("painting").alt = `${work.name}, painted`;
  busy(work.asked ? "Painting…" : null);
  at("download").href = work.painting ?? "";
  at("download").download = work.name.replace(/\.[^.]*$/, "") + "-painted." + (work.ending ?? "jpg");
  tools(...(work.painting ? ["download"] : []), "delete", "another");
}

async function paint(work) {
  work.asked?.abort();
  const asked = new AbortController();
  Object.assign(work, { asked, wrong: null });
  const again = () => {
    if (work === current) show(work);
    else shelf();
  };
  again();
  const data = styles.form();
  data.append("image", work.file, work.name);
  // Browsers do not show what some of these become.
  if (!/^image\/(png|webp)$/.test(work.file.type)) data.append("format", "jpeg");
  try {
    const answer = await ask("api/v1/pictures", { method: "POST", body: data, signal: asked.signal });
    const blob = await answer.blob();
    if (work.painting) URL.revokeObjectURL(work.painting);
    Object.assign(work, { asked: null, painting: URL.createObjectURL(blob), ending: blob.type.split("/")[1].replace("jpeg", "jpg") });
  } catch (error) {
    if (error.name === "AbortError") return;
    Object.assign(work, { asked: null, wrong: error.message });
  }
  again();
}

function shelf() {
  at("shelf").hidden = works.length < 2;
  at("works").replaceChildren(...works.map(work => {
    const button = Object.assign(document.createElement("button"), { type: "button" });
    button.setAttribute("aria-pressed", work === current);
    const picture = Object.assign(new Image(), { className: "picture", alt: "" });
    picture.src = work.painting ?? work.url;
    const name = Object.assign(document.createElement("span"), { textContent: work.name });
    const state = document.createElement("small");
    state.textContent = work.asked ? "painting" : work.wrong ? "failed" : "painted";
    button.append(picture, name, state);
    button.onclick = () => show(work);
    const item = document.createElement("li");
    item.append(button);
    return item;
  }));
}

async function take(files) {
  wrong();
  for (const file of files) {
    const work = { file, name: file.name || "pasted.png", url: URL.createObjectURL(file) };
    works.unshift(work);
    show(work);
    await paint(work);
  }
}

function listen() {
  at("choose").onclick = at("another").onclick = () => at("file").click();
  at("file").onchange = () => {
    const files = [...at("file").files];
    at("file").value = "";
    take(files);
  };
  at("try").onclick = async () => {
    const cat = await (await ask("sample.jpg")).blob();
    take([new File([cat], "cat.jpg", { type: cat.type })]);
  };
  at("delete").onclick = () => {
    current.asked?.abort();
    works.splice(works.indexOf(current), 1);
    show(works[0] ?? null);
  };
  at("divide").oninput = () => at("compare").style.setProperty("--at", `${at("divide").value}%`);
  addEventListener("paste", event => {
    const files = [...event.clipboardData.files];
    if (files.length) take(files);
  });
  let inside = 0;
  const over = by => {
    inside = Math.max(0, inside + by);
    at("frame").classList.toggle("over", inside > 0);
  };
  addEventListener("dragenter", () => over(1));
  addEventListener("dragleave", () => over(-1));
  addEventListener("dragover", event => event.preventDefault());
  addEventListener("drop", event => {
    event.preventDefault();
    over(-inside);
    take([...event.dataTransfer.files]);
  });
  at("controls").onsubmit = event => event.preventDefault();
}

let soon = 0;
function changed() {
  clearTimeout(soon);
  soon = setTimeout(() => {
    if (current?.file) paint(current);
  }, 250);
}

listen();
show(null);
styles.open(changed).catch(error => wrong(error.message));
