// The page: what is dropped, pasted or chosen is painted, and shown beside its original. Photos are painted at once; films and
// slow paintings are jobs of the service; a camera is painted as it comes.

import { ask } from "./api.js";
import { InBrowser } from "./browser.js";
import { Camera } from "./camera.js";
import * as jobs from "./jobs.js";
import { ByServer } from "./server.js";
import * as styles from "./styles.js";

const at = id => document.getElementById(id);
const VIEWS = ["empty", "compare", "running", "film", "live"];

// Photos of this visit and jobs of the service, the newest first. A photo has a `file`, a job has a `job`.
let works = [];
let current = null;
let camera = null;
let can = {};
let devices = [];
// Whether cameras are painted in this browser.
let here = false;

function view(name) {
  for (const id of VIEWS) at(id).hidden = id !== name;
  at("tools").hidden = name === "empty";
  if (name !== "film" && at("film").src) {
    at("film").removeAttribute("src");
    at("film").load();
  }
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

function offer(address, name) {
  at("download").href = address ?? "";
  at("download").download = name;
}

// `cat.jpg` becomes `cat-painted.png`.
function painted(name, ending) {
  return `${name.replace(/\.[^.]*$/, "")}-painted.${ending}`;
}

function show(work) {
  if (camera) closeCamera();
  current = work;
  wrong(work?.wrong);
  busy();
  if (!work) view("empty");
  else if (work.job) showJob(work);
  else if (work.sending != null) showSending(work);
  else showPhoto(work);
  shelf();
}

function again(work) {
  if (work === current && !camera) show(work);
  else shelf();
}

function compare(original, painting, name) {
  view("compare");
  at("compare").classList.toggle("bare", !painting);
  if (at("original").getAttribute("src") !== original) at("original").src = original;
  if (!painting) at("painting").removeAttribute("src");
  else if (at("painting").getAttribute("src") !== painting) at("painting").src = painting;
  at("original").alt = `${name}, as it was`;
  at("painting").alt = `${name}, painted`;
}

function showPhoto(work) {
  compare(work.url, work.painting, work.name);
  busy(work.asked ? "Painting…" : null);
  offer(work.painting, painted(work.name, work.ending ?? "jpg"));
  tools(...(work.painting ? ["download"] : []), ...(can.paint && styles.ownPicture() ? ["optimise"] : []), "delete", "another");
}

function showSending(work) {
  view("running");
  at("preview").removeAttribute("src");
  at("bar").hidden = false;
  at("bar").value = work.sending;
  at("progress").textContent = `Sending ${work.name}: ${Math.round(work.sending * 100)} %`;
  tools("another");
}

function showJob(work) {
  const { job } = work;
  if (job.state === "done" && job.kind === "film") {
    view("film");
    if (at("film").getAttribute("src") !== job.result) at("film").src = job.result;
    at("film").setAttribute("aria-label", `${job.name}, painted`);
  } else if (job.state === "done") {
    compare(work.url ?? job.result, job.result, job.name);
    at("compare").classList.toggle("bare", !work.url);
  } else {
    view("running");
    if (job.preview && at("preview").getAttribute("src") !== job.preview) at("preview").src = job.preview;
    if (!job.preview) at("preview").removeAttribute("src");
    if (job.state === "running" && job.progress?.fraction == null) at("bar").removeAttribute("value");
    else at("bar").value = job.progress?.fraction ?? 0;
    at("bar").hidden = job.state === "failed" || job.state === "cancelled";
    at("progress").textContent = jobs.words(job);
  }
  if (job.warnings.length) wrong(job.warnings.join(" "));
  offer(job.result, painted(job.name, job.ending));
  const going = job.state === "queued" || job.state === "running";
  const stopped = job.state === "cancelled" || job.state === "failed";
  tools(...(job.result ? ["download"] : []), ...(going ? ["cancel"] : []), ...(stopped ? ["resume"] : []), "delete", "another");
}

function state(work) {
  if (work.sending != null) return "sending";
  if (work.job) {
    const { state, progress } = work.job;
    if (state === "running" && progress?.fraction != null) return `${Math.floor(progress.fraction * 100)} %`;
    return { queued: "waiting", running: "painting", done: "painted", failed: "failed", cancelled: "cancelled" }[state];
  }
  return work.asked ? "painting" : work.wrong ? "failed" : "painted";
}

function item(work) {
  work.item ??= document.createElement("li");
  if (!work.item.firstChild) {
    const button = Object.assign(document.createElement("button"), { type: "button" });
    button.append(Object.assign(new Image(), { className: "picture", alt: "" }), document.createElement("span"), document.createElement("small"));
    button.onclick = () => show(work);
    work.item.append(button);
  }
  const button = work.item.firstChild;
  const [picture, name, small] = button.children;
  const source = work.job?.preview ?? work.painting ?? work.url;
  if (source && picture.getAttribute("src") !== source) picture.src = source;
  picture.hidden = !source;
  name.textContent = work.job?.name ?? work.name;
  small.textContent = state(work);
  button.setAttribute("aria-pressed", work === current && !camera);
  return work.item;
}

function shelf() {
  const only = works.length === 1 && works[0] === current && !camera && !works[0].job;
  at("shelf").hidden = works.length === 0 || only;
  const items = works.map(item);
  const shown = [...at("works").children];
  if (shown.length !== items.length || shown.some((one, place) => one !== items[place])) at("works").replaceChildren(...items);
}

async function paint(work) {
  work.asked?.abort();
  const asked = new AbortController();
  Object.assign(work, { asked, wrong: null });
  again(work);
  const data = styles.form();
  data.append("image", work.file, work.name);
  // Browsers show these; of the rest they get what they can show.
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
  again(work);
}

// Sends a film, or a photo for a slow painting.
async function send(work, data) {
  works.unshift(work);
  work.sending = 0;
  show(work);
  try {
    const job = await jobs.send(data, share => {
      work.sending = share;
      if (work === current && !camera) showSending(work);
    });
    work.sending = null;
    // Its first event may have come before this answer.
    works = works.filter(other => other === work || other.job?.id !== job.id);
    work.job = job;
    again(work);
  } catch (error) {
    works = works.filter(other => other !== work);
    if (work === current) show(works[0] ?? null);
    wrong(error.message);
  }
}

const isFilm = file => file.type.startsWith("video/") || /\.(mkv|mov|avi|mp4|m4v|webm|mpg|ts|wmv|gif)$/i.test(file.name);

async function take(files) {
  wrong();
  for (const file of files) {
    const name = file.name || "pasted.png";
    if (isFilm(file)) {
      const data = styles.form();
      data.append("kind", "film");
      data.append("file", file, name);
      await send({ name }, data);
    } else {
      const work = { file, name, url: URL.createObjectURL(file) };
      works.unshift(work);
      show(work);
      await paint(work);
    }
  }
}

function optimise() {
  const data = styles.form();
  data.append("kind", "paint");
  // The optimiser paints with all its strength.
  data.delete("strength");
  data.append("file", current.file, current.name);
  send({ name: current.name, url: current.url }, data);
}

// Where the camera is painted, and how to have the choice.
function places() {
  at("by-server").setAttribute("aria-pressed", !here);
  at("in-browser").setAttribute("aria-pressed", here);
  at("in-browser").disabled = !can.browser;
  const where = here ? "No picture leaves this computer." : "Each frame goes to the computer that runs impasto, and comes back painted.";
  const how = "To paint in this browser instead, run impasto setup --web on that computer, and load the page again.";
  at("where").textContent = can.browser ? where : `${where} ${how}`;
}

const painter = () => here ? new InBrowser() : new ByServer();
const settings = () => ({ style: styles.expression(), ...styles.sliders() });

async function openCamera() {
  show(null);
  const opened = new Camera(at("canvas"), (fps, latency) => {
    at("latency").textContent = `${fps.toFixed(fps < 10 ? 1 : 0)} fps · ${latency.toFixed(0)} ms · ${opened.painter.words}`;
    busy();
  }, words => {
    wrong(words);
    busy();
  });
  try {
    busy("Opening the camera…");
    await opened.open(painter(), settings());
    if (camera || current) return opened.close(); // something else was chosen meanwhile
    camera = opened;
    view("live");
    places();
    tools("snapshot", "record", "close-camera", "places", "where", "another");
    shelf();
  } catch (error) {
    opened.close();
    busy();
    wrong(error.message);
  }
}

// Changes where the camera is painted; what cannot paint leaves it as it was.
async function move(wanted) {
  if (wanted === here) return;
  const before = here;
  here = wanted;
  places();
  wrong();
  busy(here ? "Loading the networks into this browser…" : "Connecting to impasto…");
  try {
    await camera.use(painter(), settings());
  } catch (error) {
    here = before;
    places();
    busy();
    wrong(error.message);
  }
}

function closeCamera() {
  camera.close();
  camera = null;
  at("record").setAttribute("aria-pressed", "false");
  at("record").textContent = "Record";
}

function save(blob, name) {
  const link = Object.assign(document.createElement("a"), { href: URL.createObjectURL(blob), download: name });
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
}

async function record() {
  if (camera.recorder) {
    const film = await camera.stopRecording();
    at("record").setAttribute("aria-pressed", "false");
    at("record").textContent = "Record";
    at("record").dataset.bytes = film.size;
    save(film, film.type.includes("mp4") ? "painted.mp4" : "painted.webm");
  } else {
    camera.record();
    at("record").setAttribute("aria-pressed", "true");
    at("record").textContent = "Stop recording";
  }
}

// The service's jobs, as they are now.
function follow({ jobs: now, disk_used, disk_limit, pictures, cameras, device }) {
  const known = new Map(works.filter(work => work.job).map(work => [work.job.id, work]));
  for (const job of now) {
    const work = known.get(job.id);
    known.delete(job.id);
    if (work) work.job = job;
    else if (!works.some(other => other.sending != null && other.name === job.name)) works.push({ job, name: job.name });
  }
  works = works.filter(work => !known.has(work.job?.id));
  const going = now.filter(job => job.state === "running" || job.state === "queued").length;
  const doing = [];
  if (pictures) doing.push(pictures === 1 ? "a picture" : `${pictures} pictures`);
  if (cameras) doing.push(cameras === 1 ? "a camera" : `${cameras} cameras`);
  if (going) doing.push(going === 1 ? "a job" : `${going} jobs`);
  const others = devices.filter(name => name.split(" ")[0] !== device);
  const named = devices.find(name => name.split(" ")[0] === device) ?? device;
  const where = [named, others.length ? `also here: ${others.join(", ")}` : null].filter(Boolean);
  at("machine").textContent = [doing.length ? `Painting ${doing.join(", ")}` : "Ready", ...where].join(" · ");
  const gib = bytes => bytes < 1e9 ? `${Math.ceil(bytes / 1e6)} MB` : `${(bytes / 1e9).toFixed(1)} GB`;
  at("kept").textContent = now.length ? `Films take ${gib(disk_used)} of ${gib(disk_limit)}; when that is full, the oldest are deleted.` : "";
  if (current?.job && !works.includes(current)) show(works[0] ?? null);
  else if (current?.job && !camera) showJob(current);
  shelf();
}

async function act(action) {
  try {
    wrong();
    await action();
  } catch (error) {
    wrong(error.message);
  }
}

function remove() {
  const work = current;
  work.asked?.abort();
  const gone = () => {
    works = works.filter(other => other !== work);
    show(works[0] ?? null);
  };
  if (work.job) act(() => jobs.remove(work.job).then(gone));
  else gone();
}

function listen() {
  at("choose").onclick = at("another").onclick = () => at("file").click();
  at("file").onchange = () => {
    const files = [...at("file").files];
    at("file").value = "";
    take(files);
  };
  at("try").onclick = () => act(async () => {
    const cat = await (await ask("sample.jpg")).blob();
    await take([new File([cat], "cat.jpg", { type: cat.type })]);
  });
  at("open-camera").onclick = at("camera").onclick = openCamera;
  at("close-camera").onclick = () => show(works[0] ?? null);
  at("by-server").onclick = () => move(false);
  at("in-browser").onclick = () => move(true);
  at("snapshot").onclick = async () => save(await camera.snapshot(), "painted.png");
  at("record").onclick = () => act(record);
  at("optimise").onclick = optimise;
  at("cancel").onclick = () => act(() => jobs.cancel(current.job));
  at("resume").onclick = () => act(() => jobs.resume(current.job));
  at("delete").onclick = remove;
  at("divide").oninput = () => at("compare").style.setProperty("--at", `${at("divide").value}%`);
  at("original").onload = () => {
    const { naturalWidth: width, naturalHeight: height } = at("original");
    at("compare").style.setProperty("--ratio", width / height);
    at("compare").style.setProperty("--most", `${width * 2}px`);
  };
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
  // A camera that nobody looks at would keep films waiting.
  document.addEventListener("visibilitychange", () => {
    if (document.hidden && camera && !camera.recorder) show(works[0] ?? null);
  });
  at("controls").onsubmit = event => event.preventDefault();
}

let soon = 0;
function changed() {
  clearTimeout(soon);
  soon = setTimeout(() => {
    if (camera) camera.set(settings());
    else if (current?.file) paint(current);
  }, 200);
}

listen();
show(null);
styles.open(changed).then(found => { can = found; }).catch(error => wrong(error.message));
ask("api/v1/health").then(answer => answer.json()).then(health => { devices = health.devices; }).catch(error => wrong(error.message));
jobs.follow(follow, gone => {
  if (gone) at("machine").textContent = "impasto does not respond; trying again";
});
